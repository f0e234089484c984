from __future__ import annotations

import sys
from pathlib import Path

import pytest

from jupyter_envguard import confine
from jupyter_envguard.confine import Support
from jupyter_envguard.errors import Unavailable
from jupyter_envguard.image.children import Child

SCRIPT = """
import os, socket, sys

def outcome(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "done"

inside, outside = sys.argv[1:]
print(outcome(lambda: open(inside + "/made", "w")))
print(outcome(lambda: open(outside + "/made", "w")))
print(outcome(lambda: os.listdir(outside)))
print(outcome(lambda: open("/etc/shadow")))
variables = dict(os.environ).keys() & {"HOME", "PATH", "PYTHONPATH"}
print(variables or "no variables", sys.flags.isolated, sys.stdin.read())
"""


@pytest.fixture
def script(tmp_path: Path) -> str:
    (tmp_path / "script").mkdir()
    (tmp_path / "script/act.py").write_text(SCRIPT)
    for name in ("inside", "outside"):
        (tmp_path / name).mkdir()
    return str(tmp_path / "script/act.py")


def act(child: Child) -> list[str]:
    child.input.write(b"hello")
    child.finish()
    lines = child.output.read().decode().splitlines()
    child.end()
    return lines


@pytest.mark.skipif(not confine.available().files, reason="this kernel has no Landlock")
def test_a_child_reaches_only_what_it_is_given(tmp_path: Path, script: str) -> None:
    inside, outside = str(tmp_path / "inside"), str(tmp_path / "outside")
    denied = ["PermissionError"] * 3
    assert act(Child(script, inside, outside, write=(inside,))) == ["done", *denied, "no variables 1 hello"]


@pytest.mark.skipif(not confine.available().files, reason="this kernel has no Landlock")
def test_a_child_may_be_given_a_folder_to_read(tmp_path: Path, script: str) -> None:
    inside, outside = str(tmp_path / "inside"), str(tmp_path / "outside")
    assert act(Child(script, inside, outside, read=(outside,)))[1:3] == ["PermissionError", "done"]


def test_a_child_starts_where_nothing_can_be_confined(
    tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confine, "available", lambda: Support(0, "too old"))
    lines = act(Child(script, str(tmp_path / "inside"), str(tmp_path / "outside")))
    assert (lines[0], lines[-1]) == ("done", "no variables 1 hello")


def test_ending_a_child_twice_and_in_the_middle_is_fine(tmp_path: Path, script: str) -> None:
    child = Child(script, str(tmp_path), str(tmp_path))
    child.input.write(b"never read" * 100_000)
    child.end()
    child.end()
    assert child.process.returncode is not None


def test_says_who_cannot_start_what(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(Unavailable, match="/nonexistent/python cannot be started as uid") as caught:
        Child(script)
    assert caught.value.code == "image-unpack-failed"
