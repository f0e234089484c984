"""What releases contain, kept parsed: `Contents`, so that a search does not read every spec again.

A digest names a spec for ever, so nothing kept here can be out of date.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from jupyter_envguard.catalog.entry import Entry
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.spec import Spec

KEPT_PACKAGES = 20_000
"""Packages of the specs that are kept, about a kilobyte each; what was not asked for longest goes first."""


class Contents:
    """Specs by their digest; safe for several threads."""

    def __init__(self, kept: int = KEPT_PACKAGES) -> None:
        """Keep `kept` packages at most, or one spec if it alone has more."""
        self._kept = kept
        self._turn = threading.Lock()
        self._specs: OrderedDict[str, Spec] = OrderedDict()
        self._packages = 0

    def spec(self, guard: Guard, entry: Entry) -> Spec:
        """Return the spec of `entry`; raises as `Guard.spec` does."""
        with self._turn:
            found = self._specs.get(entry.spec)
            if found is not None:
                self._specs.move_to_end(entry.spec)
                return found
        found = guard.spec(entry)
        with self._turn:
            self._keep(entry.spec, found)
        return found

    def _keep(self, digest: str, spec: Spec) -> None:
        if digest not in self._specs:
            self._packages += len(spec.packages)
        self._specs[digest] = spec
        while self._packages > self._kept and len(self._specs) > 1:
            _, forgotten = self._specs.popitem(last=False)
            self._packages -= len(forgotten.packages)
