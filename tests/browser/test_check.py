"""The walk through the demo holds at a real hub, and says so only when it does."""

from __future__ import annotations

import pytest

from demo import hub
from demo.check import EXPECTED, check
from tests.browser.conftest import RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.packs]


def test_every_step_holds_for_every_user(running_hub: RunningHub) -> None:
    told: list[str] = []
    assert check(running_hub.url, hub.PASSWORD, running_hub.home, told.append), told
    assert {line.split()[1] for line in told} == {f"{user}:" for user in EXPECTED}
    assert all(line.startswith("ok ") for line in told)


def test_a_step_that_does_not_hold_is_told_and_counts(running_hub: RunningHub) -> None:
    told: list[str] = []
    assert not check(running_hub.url, "wrong", running_hub.home, told.append)
    assert all(line.startswith("FAIL ") for line in told)
