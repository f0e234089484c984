"""Runs a few lines in a forked process: as somebody else, or to die there."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable

import pytest


def forked(act: Callable[[], object]) -> None:
    """Call `act` in a child process that ends without cleaning up; fail when it raised."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            act()
            status = 0
        except BaseException:  # noqa: BLE001 - it is shown, and the status tells
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert status == 0, "the child process failed"


def as_nobody(act: Callable[[], object]) -> None:
    """Call `act` in a child process that has no rights."""
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")

    def act_as_nobody() -> None:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        act()

    forked(act_as_nobody)
