"""The shell of terminals works, and what it can no longer reach."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from uv import find_uv_bin

from jupyter_envguard import confine, doors, seccomp, syscalls, wall
from jupyter_envguard.cli.hooks import FILES
from jupyter_envguard.hooks import report
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.reports import Change
from jupyter_envguard.kernels.reports import parse as parse_report
from jupyter_envguard.server.terminals import TOKENS, shell_command, wall_in
from jupyter_envguard.site import Site, load, parse
from tests.children import in_child
from tests.server.conftest import Fetch
from tests.site.test_file import MINIMAL
from tests.sites import SiteBuilder, real_images

COMMAND = "shell_command"
TRACE = "import ctypes, sys; sys.exit(0 if ctypes.CDLL(None).ptrace(16, {pid}, 0, 0) == 0 else 3)"

confining = pytest.mark.skipif(not confine.available().scope, reason="Landlock here keeps no signals in")

Type = Callable[..., str]


def site(guard: str = "{level: lockdown}") -> Site:
    return parse(f"{MINIMAL}guard: {guard}\n", Path("/srv/envguard/site.yaml"))


def command_at(
    guard: str, wanted: Any = None, *, locked: bool = True, groups: tuple[str, ...] = ()
) -> list[str]:
    found = site(guard)
    return shell_command(found, found.guard.of(groups), wanted, {}, locked=locked)


class TestShellCommand:
    def test_starts_the_users_own_shell_as_a_login(self) -> None:
        found = site()
        for environ, shell in (({"SHELL": "/bin/bash"}, "/bin/bash"), ({}, "/bin/sh")):
            command = shell_command(found, found.guard.of(()), None, environ, locked=True)
            assert command[-1] == "-l"
            assert command[-2].endswith(shell)

    @pytest.mark.parametrize("wanted", ["/bin/bash --norc", ["/bin/bash", "--norc"], ("/bin/bash", "--norc")])
    def test_or_the_one_of_the_configuration(self, wanted: object) -> None:
        assert command_at("{level: enforce}", wanted)[-2:] == ["/bin/bash", "--norc"]

    def test_a_program_that_is_nowhere_is_left_to_the_wall_to_name(self) -> None:
        assert command_at("{level: enforce}", ["no-such-shell"])[-1] == "no-such-shell"

    def test_has_what_the_site_names_and_not_the_store_or_the_spool(self) -> None:
        command = command_at("{level: lockdown, write: [/projects], execute: [/usr/bin/git]}")
        assert {"--lockdown", "--write=/projects", "--execute=/usr/bin/git", "--protect=/opt/envguard"} < set(
            command
        )
        assert not [word for word in command if word.startswith(("--execute=/opt", "--write=/srv"))]

    def test_reads_no_environment_in_lockdown(self) -> None:
        assert "--hide=/opt/envguard" in command_at("{level: lockdown}")

    def test_outside_lockdown_it_runs_what_the_user_may(self) -> None:
        command = command_at("{execute: [/usr/bin/git]}", locked=False)
        assert not {"--lockdown", "--execute=/usr/bin/git"} & set(command)

    @pytest.mark.parametrize(
        ("guard", "groups", "required"),
        [
            ("{level: lockdown}", (), False),
            ("{level: enforce, mode: required}", (), True),
            ("{groups: {students: {level: lockdown, mode: required}}}", ("students",), True),
            (
                "{mode: required, groups: {students: {level: lockdown, mode: best-effort}}}",
                ("students",),
                False,
            ),
        ],
    )
    def test_its_wall_is_required_where_that_of_the_user_is(
        self, guard: str, groups: tuple[str, ...], required: bool
    ) -> None:
        assert ("--required" in command_at(guard, groups=groups)) is required

    def test_memory_is_as_strict_as_in_the_session(self) -> None:
        assert "--strict-memory" in command_at("{level: lockdown, strict_memory: true}")


def app() -> SimpleNamespace:
    return SimpleNamespace(terminado_settings={COMMAND: "/bin/bash", "other": 1})


def walled(guard: str) -> dict[str, Any]:
    made, found = app(), site(guard)
    wall_in(made, found, found.guard.of(()))
    return dict(made.terminado_settings)


def in_lockdown() -> dict[str, Any]:
    syscalls.checked(syscalls.libc.prctl, 38, 1, 0, 0, 0)
    seccomp.install(seccomp.PROGRAMS)
    return walled("{level: advise}")


def test_a_site_that_only_advises_leaves_terminals_alone() -> None:
    assert walled("{level: advise}") == app().terminado_settings


def test_and_it_puts_front_doors_into_them_where_there_are_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "FOLDER", tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    wanted = ["/usr/bin/env", f"PATH={tmp_path}:/usr/bin", f"{doors.VARIABLE}={tmp_path}", "/bin/bash"]
    assert walled("{level: advise}") == {COMMAND: wanted, "other": 1}


def test_else_the_wall_comes_first() -> None:
    command = command_at("{level: enforce}", "/bin/bash", locked=False)
    assert walled("{level: enforce}") == {COMMAND: command, "other": 1}


def test_a_session_in_lockdown_keeps_its_terminals_there() -> None:
    command = command_at("{level: advise}", "/bin/bash", locked=True)
    assert in_child(lambda _: in_lockdown()) == {COMMAND: command, "other": 1}


def test_a_terminal_runs_no_python_and_knows_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in TOKENS:
        monkeypatch.setenv(name, "secret")
    script = f"{sys.executable} -c 'print(1)'; env; touch $HOME/x; ls $HOME"
    command = command_at("{level: lockdown}", ["/bin/sh", "-c", script])
    done = subprocess.run(command, capture_output=True, text=True)
    assert "Permission denied" in done.stderr
    assert "secret" not in done.stdout
    assert done.stdout.endswith("x\n")
    assert not wall.is_locked()


@confining
class TestInAServer:
    @pytest.fixture
    def opened(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The folder of front doors of this machine."""
        for file in FILES:
            if file.mode == 0o755:
                path = tmp_path / "doors" / Path(file.place).name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(file.content())
                path.chmod(file.mode)
        monkeypatch.setattr(doors, "FOLDER", tmp_path / "doors")
        return tmp_path / "doors"

    @pytest.fixture
    def server_options(self, site: SiteBuilder, opened: Path) -> dict[str, Any]:
        extensions = {"jupyter_envguard": True, "jupyter_server_terminals": True}
        return {
            "EnvGuardApp": {"site": str(site.path)},
            "ServerApp": {
                "jpserver_extensions": extensions,
                "terminado_settings": {COMMAND: ["/bin/bash", "--norc", "--noprofile"]},
            },
        }

    @pytest.fixture
    def types(self, jp_serverapp: Any, fetch: Fetch, wait: Any) -> Type:
        """Type a line into a terminal of the server, and return what it printed."""
        name = fetch("api/terminals", "POST", {}).json["name"]
        terminal = jp_serverapp.web_app.settings["terminal_manager"].terminals[name]
        heard: list[str] = []
        said = asyncio.Event()

        class Client:
            def on_pty_read(self, text: str) -> None:
                heard.append(text)
                said.set()

            def on_pty_died(self) -> None:
                self.on_pty_read("(the terminal died)")

        terminal.clients.append(Client())

        async def typed(line: str, end: str) -> str:
            heard.clear()
            terminal.ptyproc.write(line)
            while end not in "".join(heard):
                said.clear()
                await said.wait()
            return " ".join("".join(heard).split())

        def types(line: str, end: str = "<done>") -> str:
            return wait(typed(line if end != "<done>" else f"{line}; echo '<''done>'\n", end))

        return types

    def test_the_shell_works(self, types: Type, site: SiteBuilder) -> None:
        assert "interactive" in types("case $- in *i*) echo inter''active;; esac")
        assert "site.yaml" in types(f"ls {site.folder}")
        assert "git version" in types("git --version")
        assert "written" in types('echo writ""ten > "$HOME/file" && cat "$HOME/file" && rm "$HOME/file"')
        assert "temporary" in types('f=$(mktemp) && echo tempo""rary > $f && cat $f')

    def test_jobs_are_controlled(self, types: Type) -> None:
        assert "Running" in types("sleep 100 & jobs")
        assert "Terminated" in types("kill %1; wait %1; jobs")

    def test_control_c_ends_what_runs(self, types: Type) -> None:
        types("sh -c 'echo rea\"\"dy; exec sleep 100'\n", "ready")
        types("\x03", "^C")
        assert "ended 130" in types("echo ended $?")

    @pytest.mark.packs
    def test_pip_still_says_why_nothing_is_installed(self, types: Type) -> None:
        python = real_images()["datasci"].path / "bin/python"
        assert "sealed by jupyter_envguard" in types(f"{python} -I -m pip install x")

    def test_a_package_tool_is_answered_and_the_answer_recorded(
        self, opened: Path, types: Type, site: SiteBuilder, images: tuple[Image, Image], wait: Any
    ) -> None:
        assert f"{opened}/uv" in types("command -v uv")
        uv = Path(find_uv_bin()).parent
        said = types(f"CONDA_PREFIX={images[0].path} PATH=$PATH:{uv} uv pip install x; echo en''ded $?")
        assert "envguard: 'uv pip install' is turned off for approved environments" in said
        assert "ended 77" in said

        async def recorded() -> Any:
            while not (found := [one for one in site.events() if one.event.type == "package.denied"]):
                await asyncio.sleep(0)
            return found

        (record,) = wait(recorded())
        assert record.event.detail["operation"] == "uv:install"
        assert record.event.detail["command"] == "uv pip install x"

    def test_its_server_is_out_of_reach(self, types: Type, site: SiteBuilder) -> None:
        pid = os.getpid()
        assert "failed" in types(f"kill -0 {pid} || echo fai''led")
        assert "failed" in types(f"cat /proc/{pid}/environ > /dev/null || echo fai''led")
        assert "failed" in types(f"cat /proc/{pid}/mem > /dev/null || echo fai''led")
        trace = f'{sys.executable} -I -c "{TRACE.format(pid=pid)}"'
        assert "refused 3" in types(f"{trace} || echo refu''sed $?")

    def test_it_writes_neither_to_the_store_nor_to_the_spool(self, types: Type, site: SiteBuilder) -> None:
        found = load(site.path)
        for folder in (found.store_root, found.spool):
            assert "failed" in types(f"touch {folder}/file || echo fai''led")
            assert not Path(folder, "file").exists()


class TestWithASiteThatCannotBeRead:
    @pytest.fixture
    def server_options(self, tmp_path: Path) -> dict[str, Any]:
        extensions = {"jupyter_envguard": True, "jupyter_server_terminals": True}
        missing = str(tmp_path / "site.yaml")
        return {"EnvGuardApp": {"site": missing}, "ServerApp": {"jpserver_extensions": extensions}}

    def test_no_terminal_opens(self, jp_serverapp: Any, fetch: Fetch) -> None:
        assert jp_serverapp.terminals_enabled is False
        assert fetch("api/terminals", "POST", {}).status == 404


class TestWithAHubThatDoesNotAnswer:
    @pytest.fixture
    def server_options(self, site: SiteBuilder, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        monkeypatch.setenv("JUPYTERHUB_API_URL", "http+unix://%2Fnowhere/hub/api")
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "token")
        text = site.path.read_text().replace("level: enforce", "level: advise")
        site.path.write_text(text.replace("groups: {}", "groups: {students: {level: enforce}}"))
        return {"EnvGuardApp": {"site": str(site.path)}}

    def test_terminals_get_the_wall_of_the_strictest_group(self, jp_serverapp: Any, fetch: Fetch) -> None:
        assert fetch("envguard/api/environments").json["code"] == "groups-unknown"
        found = load(Path(jp_serverapp.kernel_spec_manager.site)).guard
        assert (found.level, found.strictest().level) == ("advise", "enforce")
        command = jp_serverapp.terminado_settings[COMMAND]
        assert command[: len(wall.command(sys.executable))] == wall.command(sys.executable)


@pytest.mark.skipif(shutil.which("bash", path="/bin:/usr/bin") is None, reason="there is no bash")
class TestAnswersInLockdown:
    def said(self, line: str, guard: str = "{level: lockdown}", url: str = "") -> tuple[int, str]:
        found = replace(site(guard), request_template=url)
        command = shell_command(found, found.guard, ["/bin/bash", "-c", line], {}, locked=True)
        done = subprocess.run(command[command.index("--") + 1 :], capture_output=True, text=True)
        return done.returncode, done.stderr

    def test_a_package_tool_is_answered_in_a_sentence(self) -> None:
        code, said = self.said("conda install 'a b'", url="https://hub.example/it's")
        assert (code, said) == (
            77,
            "envguard: 'conda install' is turned off for approved environments in this terminal, and nothing"
            " was changed; work in a notebook. Ask for a package: https://hub.example/it's\n",
        )

    def test_and_told_to_the_server(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            server.bind(str(tmp_path / "reports"))
            server.settimeout(60)
            monkeypatch.setenv(report.ADDRESS, str(tmp_path / "reports"))
            assert self.said("""python x; pip3 install 'x>=2' -c 'a"b\\c' é""")[0] == 77
            heard = server.recv(report.MAX_BYTES)
            found = parse_report(heard)
            assert isinstance(found, Change)
            assert (found.effect, found.operation) == ("deny", "pip:install")
            assert found.command.startswith("pip3 install x>=2 -c a?b?c ")
            self.said(f"uv pip install {'x' * 9999}")
            found = parse_report(server.recv(report.MAX_BYTES))
            assert isinstance(found, Change)
            assert found.operation == "uv:install"
            server.setblocking(False)
            with pytest.raises(BlockingIOError):
                server.recv(1)

    def test_where_no_server_listens_it_is_answered_all_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for address in ("", str(tmp_path / "nobody")):
            monkeypatch.setenv(report.ADDRESS, address)
            code, said = self.said("conda install x")
            assert (code, said.count("\n")) == (77, 1)

    def test_so_is_python_alone(self) -> None:
        code, said = self.said("python")
        assert code == 77
        assert said.startswith("envguard: 'python' is turned off")
        assert "Ask" not in said

    def test_what_the_site_lets_run_is_left_alone(self) -> None:
        code, said = self.said("pixi --version", "{level: lockdown, execute: [/opt/tools/pixi]}")
        assert code == 127
        assert "envguard" not in said

    def test_below_lockdown_there_are_none(self) -> None:
        command = shell_command(site(), site().guard, None, {}, locked=False)
        assert not [word for word in command if word.startswith("BASH_FUNC")]
