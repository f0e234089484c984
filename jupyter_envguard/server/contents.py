"""What releases contain, kept: `Contents`, so that nobody who searches or looks waits for it twice.

A digest names a spec for ever, so nothing kept here can be out of date.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict

from jupyter_envguard.catalog.entry import Entry
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.server.neighbours import listed
from jupyter_envguard.spec import Spec

KEPT_PACKAGES = 20_000
"""Packages of the specs that are kept, about two kilobytes each; the one unused for longest goes first."""


class Contents:
    """Specs by their digest; safe for several threads."""

    def __init__(self, kept: int = KEPT_PACKAGES) -> None:
        """Keep `kept` packages at most, or one spec if it alone has more."""
        self._kept = kept
        self._turn = threading.Lock()
        self._specs: OrderedDict[str, Spec] = OrderedDict()
        self._listed: dict[str, str] = {}
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

    def listed(self, guard: Guard, entry: Entry) -> str:
        """Return the packages of `entry` as people are shown them, as JSON; raises as `Guard.spec` does."""
        found = self._listed.get(entry.spec)
        if found is not None:
            return found
        text = json.dumps(listed(self.spec(guard, entry)), ensure_ascii=False, separators=(",", ":"))
        with self._turn:
            if entry.spec in self._specs:
                self._listed[entry.spec] = text
        return text

    def _keep(self, digest: str, spec: Spec) -> None:
        if digest not in self._specs:
            self._packages += len(spec.packages)
        self._specs[digest] = spec
        while self._packages > self._kept and len(self._specs) > 1:
            digest, forgotten = self._specs.popitem(last=False)
            self._listed.pop(digest, None)
            self._packages -= len(forgotten.packages)
