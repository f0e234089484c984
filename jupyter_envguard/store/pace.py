"""Work that nobody waits for, done so that nobody notices: idle disk priority and pauses."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from collections.abc import Callable, Iterator

BATCH = 256
"""Files between two pauses."""

PAUSE_SECONDS = 0.02
"""How long a pause is: file systems are slow at making files just after losing as many."""

_CALLS = {"x86_64": (251, 252), "aarch64": (30, 31)}
"""Numbers of `ioprio_set` and `ioprio_get`, which the C library does not wrap."""

_WHO_PROCESS, _IDLE = 1, 3 << 13


@contextlib.contextmanager
def idle() -> Iterator[None]:
    """Let this thread use the disk only when nobody else does, for the duration of a `with` block.

    Where the machine knows no such priority the block runs at the usual one.
    """
    before = _priority()
    _set_priority(_IDLE)
    try:
        yield
    finally:
        _set_priority(before)


def paced(sleep: Callable[[float], None] = time.sleep) -> Callable[[], None]:
    """Return a function to be called after each file, which pauses now and then."""
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if done % BATCH == 0:
            sleep(PAUSE_SECONDS)

    return count


def _priority() -> int:
    numbers = _CALLS.get(os.uname().machine)
    if numbers is None:
        return 0
    return max(0, int(ctypes.CDLL(None).syscall(numbers[1], _WHO_PROCESS, 0)))


def _set_priority(value: int) -> None:
    numbers = _CALLS.get(os.uname().machine)
    if numbers is not None:
        ctypes.CDLL(None).syscall(numbers[0], _WHO_PROCESS, 0, value)
