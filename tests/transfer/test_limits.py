from __future__ import annotations

from dataclasses import astuple

from jupyter_envguard.transfer.limits import LIMITS


def test_every_limit_limits_something():
    assert all(limit > 0 for limit in astuple(LIMITS))
