"""The shell of terminals, and what it can no longer reach."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from jupyter_envguard import seccomp, syscalls, wall
from jupyter_envguard.server.terminals import TOKENS, shell_command, wall_in
from jupyter_envguard.site import Site, parse
from tests.children import in_child
from tests.site.test_file import MINIMAL


def site(guard: str = "{level: lockdown}") -> Site:
    return parse(f"{MINIMAL}guard: {guard}\n", Path("/srv/envguard/site.yaml"))


class TestShellCommand:
    def test_starts_the_users_own_shell_as_a_login(self) -> None:
        assert shell_command(site(), None, {"SHELL": "/bin/zsh"})[-2:] == ["/bin/zsh", "-l"]
        assert shell_command(site(), "", {})[-2:] == ["/bin/sh", "-l"]

    @pytest.mark.parametrize("wanted", ["/bin/bash --norc", ["/bin/bash", "--norc"], ("/bin/bash", "--norc")])
    def test_or_the_one_of_the_configuration(self, wanted: object) -> None:
        assert shell_command(site(), wanted, {})[-2:] == ["/bin/bash", "--norc"]

    def test_has_what_the_site_names_and_not_the_store_or_the_spool(self) -> None:
        command = shell_command(
            site("{level: lockdown, write: [/projects], execute: [/usr/bin/git]}"), None, {}
        )
        assert {"--write=/projects", "--execute=/usr/bin/git", "--protect=/opt/envguard"} < set(command)
        assert not [word for word in command if word.startswith(("--execute=/opt", "--write=/srv"))]

    @pytest.mark.parametrize(
        ("guard", "required"),
        [
            ("{level: lockdown}", False),
            ("{level: lockdown, mode: required}", True),
            ("{groups: {students: {level: lockdown, mode: required}}}", True),
            ("{mode: required, groups: {students: {level: lockdown, mode: best-effort}}}", True),
        ],
    )
    def test_its_wall_is_required_where_lockdown_may_be(self, guard: str, required: bool) -> None:
        assert ("--required" in shell_command(site(guard), None, {})) is required

    def test_memory_is_as_strict_as_in_the_session(self) -> None:
        assert "--strict-memory" in shell_command(site("{level: lockdown, strict_memory: true}"), None, {})


def locked_app() -> SimpleNamespace:
    app = SimpleNamespace(terminado_settings={"shell_command": "/bin/bash", "other": 1})
    syscalls.checked(syscalls.libc.prctl, 38, 1, 0, 0, 0)
    seccomp.install(seccomp.PROGRAMS)
    wall_in(app, site())
    return app


def test_outside_lockdown_terminals_are_left_alone() -> None:
    app = SimpleNamespace(terminado_settings={"other": 1})
    wall_in(app, site())
    assert app.terminado_settings == {"other": 1}


def test_in_lockdown_the_wall_comes_first() -> None:
    settings = in_child(lambda _: locked_app().terminado_settings)
    assert settings == {"shell_command": shell_command(site(), "/bin/bash", {}), "other": 1}


def test_a_terminal_runs_no_python_and_knows_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in TOKENS:
        monkeypatch.setenv(name, "secret")
    script = f"{sys.executable} -c 'print(1)'; env; touch $HOME/x; ls $HOME"
    command = shell_command(site(), ["/bin/sh", "-c", script], os.environ)
    done = subprocess.run(command, capture_output=True, text=True)
    assert "Permission denied" in done.stderr
    assert "secret" not in done.stdout
    assert done.stdout.endswith("x\n")
    assert not wall.is_locked()
