from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard import wall
from jupyter_envguard.cli import walls
from tests.cli.conftest import Filled, Run
from tests.cli.test_doctor import doctor, found

Said = Callable[[str], list[tuple[str, str]]]


@pytest.fixture
def guarded(own: Filled, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Said:
    """Ask `doctor` about the wall at a site with a `guard` section, for a user whose home is elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path))

    def guarded(text: str) -> list[tuple[str, str]]:
        lines = own.path.read_text().split("guard:")[0]
        own.path.write_text(f"{lines}guard: {{{text}}}\n")
        done = doctor(run, own.path)
        return [
            (check["status"], check["code"])
            for name in ("guard", "wall", "session")
            for check in done.json["checks"]
            if check["check"] == name
        ]

    return guarded


def replaced(monkeypatch: pytest.MonkeyPatch, *command: str) -> None:
    """Let something else stand where the wall is started."""
    monkeypatch.setattr(wall, "command", lambda python: list(command))


def test_a_wall_is_tried_and_holds(guarded: Said) -> None:
    assert guarded("mode: best-effort") == [("INFO", ""), ("PASS", ""), ("INFO", "")]
    assert guarded("mode: required") == [("INFO", ""), ("PASS", ""), ("INFO", "")]


def test_a_site_that_only_advises_is_told_so(guarded: Said) -> None:
    assert guarded("level: advise") == [("WARN", "")]


def test_each_group_with_a_level_of_its_own_is_named(guarded: Said) -> None:
    groups = "{staff: {level: advise}, others: {level: enforce, mode: required}}"
    found = [("WARN", ""), ("INFO", ""), ("INFO", ""), ("PASS", ""), ("INFO", "")]
    assert guarded(f"level: advise, groups: {groups}") == found


@pytest.mark.parametrize(("mode", "status"), [("best-effort", "WARN"), ("required", "FAIL")])
class TestAWallThatDoesNotStand:
    def test_is_found_out_by_trying(
        self, guarded: Said, monkeypatch: pytest.MonkeyPatch, mode: str, status: str
    ) -> None:
        replaced(monkeypatch, "/usr/bin/env")
        assert guarded(f"mode: {mode}")[1] == (status, "confine-unavailable")

    def test_is_found_out_when_nothing_runs_behind_it(
        self, guarded: Said, monkeypatch: pytest.MonkeyPatch, mode: str, status: str
    ) -> None:
        replaced(monkeypatch, "/bin/sh", "-c", "echo envguard: broken >&2")
        assert guarded(f"mode: {mode}")[1] == (status, "confine-unavailable")

    def test_is_found_out_when_it_hangs(
        self, guarded: Said, monkeypatch: pytest.MonkeyPatch, mode: str, status: str
    ) -> None:
        def hang(*arguments: Any, **options: Any) -> None:
            raise subprocess.TimeoutExpired("wall", walls.TRIAL_SECONDS)

        monkeypatch.setattr(walls, "_confined", hang)
        assert guarded(f"mode: {mode}")[1] == (status, "confine-unavailable")

    def test_is_seen_where_a_home_holds_the_site(
        self, guarded: Said, own: Filled, monkeypatch: pytest.MonkeyPatch, mode: str, status: str
    ) -> None:
        monkeypatch.setenv("HOME", str(own.path.parent))
        assert (status, "wall-open") in guarded(f"mode: {mode}")


def test_a_session_is_told_that_it_stands_behind_the_wall(filled: Filled, tmp_path: Path) -> None:
    words = ["doctor", "--json", "--site", str(filled.path)]
    command = [*wall.command(sys.executable), "--", sys.executable, "-m", "jupyter_envguard.cli.main", *words]
    environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert '"This process is behind a wall: ' in done.stdout, done.stderr


def test_the_checks_have_fixed_names(filled: Filled, run: Run) -> None:
    done = doctor(run, filled.path)
    assert all(found(done, name) for name in ("guard", "wall", "session"))
