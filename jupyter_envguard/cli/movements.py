"""Events of what moves between machines and shares: who, which release, where, how much, how long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jupyter_envguard.catalog import Catalog, Entry
from jupyter_envguard.cli.context import actor
from jupyter_envguard.errors import Denied, EnvGuardError, Untrusted
from jupyter_envguard.site import Site

SHOWN_CHARACTERS = 256
"""Of a message or an address in the log."""


class Movement:
    """What is known of one so far."""

    def __init__(self) -> None:
        self.is_any = False
        self.detail: dict[str, Any] = {}

    def found(self, is_any: bool, **detail: Any) -> None:
        """Say what it came to; without anything done there will be no event."""
        self.is_any = is_any
        self.detail = {
            key: value[:SHOWN_CHARACTERS] if isinstance(value, str) else value
            for key, value in detail.items()
        }


@contextmanager
def recorded(site: Site, catalog: Catalog, kind: str, entry: Entry | None = None) -> Iterator[Movement]:
    """Record what the block does for `entry`, unless it was done before; failures are recorded always.

    Raises what the block raises, else what keeps the event from being recorded: it
    happened then all the same.
    """
    from jupyter_envguard.audit import Event, Log, Outcome  # costs what a database costs

    def record(outcome: Outcome, reason: str = "") -> None:
        digests = {"pack": entry.pack, "spec": entry.spec, "manifest": entry.manifest} if entry else {}
        milliseconds = int((time.monotonic() - start) * 1000)
        with Log(site.log, component="cli", create=site.keys is None) as log:
            log.append(
                Event(
                    type=kind,
                    outcome=outcome,
                    reason=reason,
                    actor=actor(),
                    release=entry.id if entry else "",
                    digests=digests,
                    catalog=catalog.version,
                    detail=movement.detail | {"milliseconds": milliseconds},
                )
            )

    movement, start = Movement(), time.monotonic()
    try:
        yield movement
    except EnvGuardError as error:
        movement.detail["message"] = error.message[:SHOWN_CHARACTERS]
        try:
            record("denied" if isinstance(error, Denied | Untrusted) else "error", error.code)
        except EnvGuardError as other:
            raise error from other
        raise
    if movement.is_any:
        record("allowed")
