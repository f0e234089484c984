from __future__ import annotations

import os

import pytest

from jupyter_envguard.cli.answers import decisions
from jupyter_envguard.cli.checks import Status
from tests.cli.conftest import Filled, Run


def look(own: Filled) -> tuple[Status, str]:
    (found,) = decisions(own.site)
    return found.status, found.fix


def test_a_new_site_is_as_it_should_be(own: Filled) -> None:
    assert look(own) == (Status.PASS, "")


def test_a_site_without_the_folder_has_decided_nothing(own: Filled) -> None:
    own.site.decisions.rmdir()
    assert look(own)[0] is Status.INFO


@pytest.mark.parametrize(
    ("mode", "status"),
    [(0o777, Status.FAIL), (0o731, Status.FAIL), (0o700, Status.WARN), (0o755, Status.PASS)],
)
def test_modes_that_are_wrong_are_named(own: Filled, mode: int, status: Status) -> None:
    own.site.decisions.chmod(mode)
    fix = "" if status is Status.PASS else f"chmod 711 {own.site.decisions}"
    assert look(own) == (status, fix)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_not_believed(own: Filled) -> None:
    os.chown(own.site.decisions, 65534, 65534)
    assert look(own) == (Status.FAIL, f"chown 0 {own.site.decisions}")


def test_the_doctor_looks(own: Filled, run: Run) -> None:
    checks = run("doctor", "--json", "--site", own.path).json["checks"]
    assert [check["status"] for check in checks if check["check"] == "decisions"] == ["PASS"]
