"""The wall stands before the server, as the site wants it."""

from __future__ import annotations

import sys
from pathlib import Path

from jupyter_envguard import wall
from jupyter_envguard.hub.wall import in_front
from jupyter_envguard.site import load


def test_the_wall_is_put_before_the_server(site: Path) -> None:
    command = in_front(load(site), sys.executable)
    before = wall.command(sys.executable)
    assert list(command[: len(before)]) == before
    assert f"--write={site.parent}/spool" in command
    assert f"--protect={site.parent}/store" in command
    assert "--required" not in command
    assert command[-1] == "--"


def test_a_wall_that_is_required_is_said_to_be(site: Path) -> None:
    with site.open("a") as file:
        file.write("guard: {mode: required, write: [/projects]}\n")
    assert {"--required", "--write=/projects"} < set(in_front(load(site), sys.executable))


def test_a_site_that_only_advises_has_no_wall(site: Path) -> None:
    with site.open("a") as file:
        file.write("guard: {level: advise}\n")
    assert in_front(load(site), sys.executable) == ()
