"""What a front door is told; `tests/test_doors.py` has the doors themselves."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

from jupyter_envguard.hooks import report, rules
from jupyter_envguard.hooks.door import EXIT_CODE, main
from tests.hooks.machines import Machine, release, rule

PIP = "/opt/envguard/f0/bin/pip"


@pytest.fixture(autouse=True)
def alone(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", sys.prefix)
    monkeypatch.delenv(report.ADDRESS, raising=False)


@pytest.fixture
def ears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """The session's socket."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    found.bind(str(tmp_path / "ears"))
    found.settimeout(60)
    monkeypatch.setenv(report.ADDRESS, str(tmp_path / "ears"))
    return found


def test_refuses_in_one_line(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.rule(rule("deny", "'{command}' is turned off {place}."))
    machine.list(release("nlp", packages={"x": ["x", "2.1"]}))
    assert main([PIP, "install", "x>=2"]) == EXIT_CODE
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        "envguard: 'pip install' is turned off for 'nlp@1'. 2.1 of x is already in kernel nlp."
        " Ask for a package: https://example.org/ask?for=x%3E%3D2&in=nlp\n",
    )


def test_tells_the_server(machine: Machine, ears: socket.socket) -> None:
    for effect, code in (("deny", EXIT_CODE), ("record", 0)):
        machine.rule(rule(effect))
        assert main([PIP, "install", "x"]) == code
        said = json.loads(ears.recv(report.MAX_BYTES))
        assert (said["effect"], said["operation"], said["command"]) == (
            effect,
            "pip:install",
            "pip install x",
        )
    ears.close()


def test_asks_about_where_the_tool_lies(machine: Machine) -> None:
    machine.rule(rule("deny"))
    assert main([PIP, "install", "x"]) == EXIT_CODE
    assert main(["/opt/envguard/f0/bin/uv", "pip", "install", "x"]) == EXIT_CODE


def test_is_silent_about_what_is_no_change(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/usr/bin/pip", "list"]) == 0
    assert main(["/usr/bin/unknown", "install"]) == 0
    assert capsys.readouterr() == ("", "")


def test_reads_what_the_process_was_started_with(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.rule(rule("deny"))
    monkeypatch.setattr(sys, "argv", ["-c", PIP, "install", "x"])
    assert main() == EXIT_CODE


def test_names_the_environment_as_the_session_does(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta/frozen").touch()
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path))
    monkeypatch.setenv("ENVGUARD_RELEASE", "datasci@1")
    assert main(["/usr/bin/uv", "pip", "install", "x"]) == EXIT_CODE
    assert "for the approved environment 'datasci@1'" in capsys.readouterr().err


def test_lets_everybody_through_who_cannot_be_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise RuntimeError

    monkeypatch.setattr(rules, "grammar", broken)
    assert main([PIP, "install", "x"]) == 0
    assert capsys.readouterr() == ("", "")
