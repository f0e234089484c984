"""What changes while somebody listens: the catalog, and decisions about this user's requests.

A look costs two stats when nothing changed. It may wait for a disk, so `Stream` asks
in a thread.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jupyter_envguard.catalog import Catalog
from jupyter_envguard.catalog.names import parse_time
from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.requests import Decisions, Outbox
from jupyter_envguard.requests.decisions import Mark


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that listeners are told."""

    event: str
    """`catalog`, `kernel` or `request`."""
    data: Mapping[str, Any]
    """The JSON that goes with it (`schemas/events.json`)."""


class Watch:
    """Notices changes for one user; to be asked by one thread at a time."""

    def __init__(self, guard: Guard, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Look at nothing yet."""
        self._guard = guard
        self._clock = clock
        self._catalog: Catalog | None = None
        self._ends: tuple[datetime, ...] = ()
        self._seen: tuple[int, int] | None = None
        self._mark: Mark = None
        self._states: Mapping[str, str] | None = None

    def catalog(self) -> Happening:
        """Return the version of the catalog that was seen last, 0 when none could be read."""
        return Happening("catalog", {"version": self._seen[0] if self._seen else 0})

    def look(self) -> tuple[Happening, ...]:
        """Return what happened since the last look; the first one has nothing to compare with."""
        return (*self._look_at_catalog(), *self._look_at_decisions())

    def _look_at_catalog(self) -> Iterator[Happening]:
        """A release that ends by itself changes what may start as a publication does."""
        before, self._seen = self._seen, self._state()
        if before not in (None, self._seen):
            yield self.catalog()

    def _state(self) -> tuple[int, int]:
        try:
            catalog = self._guard.sources.client.current()
        except EnvGuardError:
            return 0, 0
        if catalog is not self._catalog:
            self._catalog = catalog
            self._ends = tuple(sorted(parse_time(e.ends) for e in catalog.entries if e.ends))
        return catalog.version, bisect_right(self._ends, self._clock())

    def _look_at_decisions(self) -> Iterator[Happening]:
        try:
            site = self._guard.sources.site
            decisions = Decisions(site.decisions, site.path)
            mark = decisions.mark()
            if self._states is not None and mark == self._mark:
                return
            user = self._guard.listing().known.user
            kept = Outbox(site.spool, user, decisions).list()
        except EnvGuardError:
            return  # The panel learns of it from `GET requests`.
        before, self._mark = self._states, mark
        self._states = {request.id: decision.state for request, decision in kept if decision}
        if before is not None:
            for name in self._states.keys() - before.keys():
                yield Happening("request", {"id": name, "state": self._states[name]})
