"""Keeps whoever repeats themselves from filling the log: the first few of a kind, then their number.

>>> ration = Ration(most=1, seconds=60, clock=lambda: 0)
>>> ration.admits("package.denied"), ration.admits("package.denied")
(True, False)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

MOST = 20
"""Events of one kind that are recorded in `SECONDS`."""

SECONDS = 60.0
"""After which the rest are recorded as a number, and counting starts anew."""


@dataclass(slots=True)
class _Count:
    since: float
    admitted: int = 0
    refused: int = 0


class Ration:
    """Counts by kind; safe for several threads."""

    def __init__(
        self, most: int = MOST, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Admit at most `most` events of a kind in `seconds`."""
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._turn = threading.Lock()
        self._counts: dict[str, _Count] = {}

    def admits(self, kind: str) -> bool:
        """Tell whether one more event of `kind` is to be recorded; else it is counted."""
        with self._turn:
            count = self._counts.setdefault(kind, _Count(self._clock()))
            if count.admitted < self._most:
                count.admitted += 1
                return True
            count.refused += 1
            return False

    def rests(self, every: bool = False) -> dict[str, int]:
        """Return how many of each kind were refused in the times that have run out, and forget those times.

        With `every`, in the times that have not run out as well.
        """
        with self._turn:
            now = self._clock()
            over = {k: c for k, c in self._counts.items() if every or now - c.since >= self._seconds}
            for kind in over:
                del self._counts[kind]
        return {kind: count.refused for kind, count in over.items() if count.refused}

    def wait(self) -> float | None:
        """Return in how many seconds `rests` will have something to say; None when nothing was refused."""
        with self._turn:
            ends = [count.since + self._seconds for count in self._counts.values() if count.refused]
        return max(0.0, min(ends) - self._clock()) if ends else None
