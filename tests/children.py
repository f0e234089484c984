"""Run a function in a forked child, for acts that a process cannot take back.

The result, or the error, comes back through a pipe; so do the lines that ran,
because a confined child may write no coverage file.
"""

from __future__ import annotations

import os
import pickle
import sqlite3.dump  # noqa: F401 - coverage imports it late, when a confined child no longer can
from collections.abc import Callable
from typing import Any

from coverage import Coverage, CoverageData

MEASURED = [
    f"*/jupyter_envguard/{name}.py"
    for name in (
        "confine",
        "hiding",
        "landlock",
        "mounts",
        "paths",
        "rulesets",
        "seccomp",
        "wall",
        "hooks/imports",
        "kernels/keeper",
    )
]


def in_child(act: Callable[[int], Any]) -> Any:
    """Return what `act` returned in a child process, or raise what it raised.

    `act` gets the descriptor by which the answer will go; it must not close it.
    """
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        try:
            _report(sending, act)
        finally:
            os._exit(0)
    os.close(sending)
    with os.fdopen(receiving, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    outcome, value, lines = pickle.loads(answer)
    if lines and (running := Coverage.current()):
        brought = CoverageData(no_disk=True)
        brought.loads(lines)
        running.get_data().update(brought)
    if outcome == "raised":
        raise value
    return value


def _report(sending: int, act: Callable[[int], Any]) -> None:
    outer = Coverage.current()
    inner = None
    if outer:
        outer.stop()
        inner = Coverage(data_file=None, config_file=False, branch=True, include=MEASURED)
        inner.start()
    try:
        outcome, value = "returned", act(sending)
    except BaseException as error:  # noqa: BLE001 - it goes to the parent
        outcome, value = "raised", error
    lines = b""
    if inner:
        inner.stop()
        lines = inner.get_data().dumps()
    with os.fdopen(os.dup(sending), "wb") as pipe:
        pickle.dump((outcome, value, lines), pipe)
