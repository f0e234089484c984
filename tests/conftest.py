"""Fixtures that every test may ask for."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from demo.environments import Packs, build_all, default_cache

# How long an example takes says nothing on a machine that does other things as well.
settings.register_profile("calm", deadline=None)
settings.load_profile("calm")

# Who starts the tests in the background may ignore interrupts, and what tests start would then, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if sys.version_info < (3, 12):
    _settrace = sys.settrace

    def settrace(function: Any) -> None:
        """Let coverage trace threads that start at the same moment; Python 3.11 lets the second one die."""
        while True:
            try:
                return _settrace(function)
            except RuntimeError:
                time.sleep(0)

    sys.settrace = settrace

ROOT = Path(__file__).resolve().parent.parent


KILLS = 2
"""How often each act of `tests/store/test_kills.py` is killed in each form, unless more is asked for."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what tests of kills can be told."""
    parser.addoption("--kills", type=int, default=KILLS, help="random points at which each act is killed")
    parser.addoption("--kill-seed", default="7", help="what the points are drawn from")


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def packs() -> Packs:
    """The real packed environments; made once on a machine, however many processes ask."""
    return build_all(default_cache())
