from __future__ import annotations

import ctypes
import os

import pytest

from jupyter_envguard.store import pace

IDLE = 3 << 13


def priority() -> int:
    numbers = pace._CALLS[os.uname().machine]
    return int(ctypes.CDLL(None).syscall(numbers[1], 1, 0))


@pytest.mark.skipif(os.uname().machine not in pace._CALLS, reason="its numbers are not known here")
def test_the_disk_is_used_when_nobody_else_does() -> None:
    before = priority()
    with pace.idle():
        assert priority() == IDLE
    assert priority() == before


def test_another_machine_goes_on_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_CALLS", {})
    with pace.idle():
        pass


def test_pauses_after_each_batch() -> None:
    pauses: list[float] = []
    count = pace.paced(pauses.append)
    for _ in range(2 * pace.BATCH + 1):
        count()
    assert pauses == [pace.PAUSE_SECONDS] * 2
