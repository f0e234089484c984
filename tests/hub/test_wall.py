"""The wall stands before the server, as the site wants it."""

from __future__ import annotations

import sys
from pathlib import Path

from jupyter_envguard import wall
from jupyter_envguard.hub.wall import in_front
from jupyter_envguard.site import load


def words(path: Path) -> tuple[str, ...]:
    site = load(path)
    return in_front(site, site.guard, sys.executable)


def test_the_wall_is_put_before_the_server(site: Path) -> None:
    command = words(site)
    before = wall.command(sys.executable)
    assert list(command[: len(before)]) == before
    assert f"--spool={site.parent}/spool" in command
    assert f"--protect={site.parent}/store" in command
    assert "--required" not in command
    assert command[-1] == "--"


def test_a_wall_that_is_required_is_said_to_be(site: Path) -> None:
    with site.open("a") as file:
        file.write("guard: {mode: required, write: [/projects]}\n")
    assert {"--required", "--write=/projects"} < set(words(site))


def test_a_site_that_only_advises_has_no_wall(site: Path) -> None:
    with site.open("a") as file:
        file.write("guard: {level: advise}\n")
    assert words(site) == ()


def test_in_lockdown_it_is_said_what_runs(site: Path) -> None:
    with site.open("a") as file:
        file.write("guard: {level: lockdown, execute: [/usr/bin/git, /opt/tools]}\n")
    found = words(site)
    assert {"--lockdown", f"--execute={site.parent}/store", "--execute=/usr/bin/git"} < set(found)
    assert "--strict-memory" not in found


def test_strict_memory_is_said_in_lockdown_only(site: Path) -> None:
    text = site.read_text()
    for level in ("enforce", "lockdown"):
        site.write_text(f"{text}guard: {{level: {level}, strict_memory: true}}\n")
        assert ("--strict-memory" in words(site)) == (level == "lockdown")
