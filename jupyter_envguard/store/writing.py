"""Writing a file of hundreds of megabytes: by the page cache, or past it.

The page cache takes bytes at the speed of memory, unless Linux has to find the memory
first: in a virtual machine whose host takes back what is free, that was ten times
slower than the disk. On a slow disk it is the other way round. So both are tried as
the file goes on, and most of it is written by whichever was quicker just now.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import time
from threading import Lock
from typing import Literal, get_args

Way = Literal["direct", "cached"]
WAYS: tuple[Way, ...] = get_args(Way)
"""Of two that are as quick the first is taken."""

ALIGNED = 4096
"""What offsets, lengths and addresses are multiples of when the page cache is passed by."""

ROUND = 32
"""Of so many pieces one is written by the slower way, which may be the quicker one by now."""


class Writer:
    """Writes pieces of the file open as `handle`, in any order and from several threads."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._direct = _opened(handle)
        self._costs: dict[Way, float] = {}
        self._written = 0
        self._lock = Lock()

    def close(self) -> None:
        """Let go of what was opened here, and not of the file that was given."""
        if self._direct >= 0:
            os.close(self._direct)
            self._direct = -1

    def write(self, offset: int, content: memoryview) -> None:
        """Write `content` at `offset`; what `room` returned can go past the page cache."""
        if self._direct < 0 or offset % ALIGNED or len(content) % ALIGNED or not content:
            write_all(self._handle, offset, content)
            return
        way = self._choose()
        began = time.monotonic()
        try:
            write_all(self._direct if way == "direct" else self._handle, offset, content)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            write_all(self._handle, offset, content)  # this disk has larger blocks
        with self._lock:
            self._costs[way] = (time.monotonic() - began) / len(content)

    def _choose(self) -> Way:
        with self._lock:
            self._written += 1
            quicker, slower = sorted(WAYS, key=lambda way: self._costs.get(way, 0.0))  # untried is quickest
            return quicker if self._written % ROUND else slower


def room(size: int) -> memoryview:
    """Return `size` bytes of memory that begin where a page does."""
    return memoryview(mmap.mmap(-1, size))


def write_all(handle: int, offset: int, content: memoryview) -> None:
    """Write all of `content` at `offset`, in as many calls as it takes."""
    while content:
        written = os.pwrite(handle, content, offset)
        offset, content = offset + written, content[written:]


def _opened(handle: int) -> int:
    """Return the same file, open for writing past the page cache; -1 where that cannot be had."""
    with contextlib.suppress(OSError):
        return os.open(f"/proc/self/fd/{handle}", os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
    return -1
