"""Front doors as they are installed, before real tools, in real shells."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from jupyter_envguard import doors
from jupyter_envguard.cli.hooks import FILES

PATH = "/usr/bin:/bin"


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of front doors, installed."""
    for file in FILES:
        if file.place.startswith(str(doors.FOLDER).lstrip("/")):
            put(tmp_path / "doors" / Path(file.place).name, file.content().decode())
    monkeypatch.setattr(doors, "FOLDER", tmp_path / "doors")
    return tmp_path / "doors"


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """An environment that is approved as far as hooks without rules can tell, with tools that say so."""
    image = tmp_path / "image"
    put(image / "conda-meta/frozen", "")
    for name in doors.NAMES:
        put(image / "bin" / name, '#!/bin/sh\necho "$0 got $#: $*"\nexit 5\n')
    return image


def ask(folder: Path, *command: str, path: str = PATH, **more: str) -> tuple[int, str, str]:
    environment = {"PATH": f"{folder}:{path}", "HOME": "/nonexistent", **more}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/")
    return done.returncode, done.stdout, done.stderr


class TestScript:
    @pytest.mark.parametrize(
        ("command", "said"),
        [
            ("pip install x", "pip install"),
            ("pip3 install x", "pip install"),
            ("pip3.11 install x", "pip install"),
            ("uv pip install x", "uv pip install"),
            ("mamba install -y x", "mamba install"),
            ("micromamba update --all", "micromamba update"),
        ],
    )
    def test_refuses_in_one_line_what_the_rules_do(
        self, folder: Path, frozen: Path, command: str, said: str
    ) -> None:
        found = ask(folder, "sh", "-c", command, path=f"{frozen}/bin:{PATH}", CONDA_PREFIX=str(frozen))
        assert (found[0], found[1], found[2].count("\n")) == (doors.REFUSED, "", 1), found
        assert found[2].startswith(f"envguard: '{said}' is turned off for approved environments; nothing was")

    @pytest.mark.parametrize(
        "command",
        ["pip list", "pip --version", "pip", "uv --version", "npm ls", "pip download x", "pip install x"],
    )
    def test_is_as_if_it_were_not_there_for_all_else(self, folder: Path, frozen: Path, command: str) -> None:
        (frozen / "conda-meta/frozen").unlink()
        name, *words = command.split()
        code, out, err = ask(folder, *command.split(), path=f"{frozen}/bin:{PATH}")
        assert (code, out, err) == (5, f"{frozen}/bin/{name} got {len(words)}: {' '.join(words)}\n", "")

    def test_hands_on_every_argument_and_the_input(self, folder: Path, tmp_path: Path) -> None:
        put(tmp_path / "bin/uv", '#!/bin/sh\nfor word; do printf "<%s>" "$word"; done; cat\n')
        words = ["run", "a b", "", "*", "$HOME", "'\"\\"]
        done = subprocess.run(
            [str(folder / "uv"), *words],
            env={"PATH": f"{folder}:{tmp_path}/bin:{PATH}"},
            input="typed",
            capture_output=True,
            text=True,
        )
        assert done.stdout == "".join(f"<{word}>" for word in words) + "typed"

    def test_becomes_the_tool(self, folder: Path, tmp_path: Path) -> None:
        put(tmp_path / "bin/pip", "#!/bin/sh\necho $$\nkill -TERM $$\n")
        environment = {"PATH": f"{folder}:{tmp_path}/bin:{PATH}"}
        with subprocess.Popen([folder / "pip", "download"], env=environment, stdout=subprocess.PIPE) as door:
            assert door.stdout is not None
            assert int(door.stdout.read()) == door.pid
        assert door.returncode == -signal.SIGTERM

    def test_never_leads_to_itself(self, folder: Path, tmp_path: Path) -> None:
        shutil.copytree(folder, tmp_path / "other")
        (tmp_path / "link").symlink_to(folder)
        path = f"{folder}:{tmp_path}/other:{tmp_path}/link:{folder}:{PATH}"
        code, out, err = ask(folder, "mamba", "list", path=path)
        assert (code, out, err) == (127, "", "mamba: command not found\n")
        put(tmp_path / "bin/mamba", "#!/bin/sh\necho ran\n")
        for program in (folder, tmp_path / "other", tmp_path / "link"):
            assert ask(folder, f"{program}/mamba", "x", path=f"{path}:{tmp_path}/bin")[:2] == (0, "ran\n")

    def test_is_in_nobodys_way_without_its_python(self, folder: Path, frozen: Path) -> None:
        for python in ("/no/python", "/bin/false"):
            text = (folder / "pip").read_text().replace(sys.executable, python)
            put(folder / "pip", text)
            assert ask(folder, "pip", "install", "x", path=f"{frozen}/bin:{PATH}")[0] == 5
            put(folder / "pip", text.replace(python, sys.executable))

    def test_runs_in_every_shell(self, folder: Path, frozen: Path) -> None:
        for shell in filter(shutil.which, ("dash", "bash", "busybox")):
            words = [shell, "sh"] if shell == "busybox" else [shell]
            found = ask(folder, *words, str(folder / "pip"), "install", "x", path=f"{frozen}/bin:{PATH}")
            assert found[0] == doors.REFUSED, (shell, found)


class TestRealTools:
    def test_a_real_pip_is_refused_and_lists(self, folder: Path, frozen: Path) -> None:
        real = put(frozen / "bin/pip", f'#!/bin/sh\nexec {sys.executable} -m pip "$@"\n')
        assert ask(folder, "pip", "install", "x", path=f"{real.parent}:{PATH}")[0] == doors.REFUSED
        code, out, _ = ask(folder, "pip", "--version", path=f"{real.parent}:{PATH}")
        assert (code, out.split()[0]) == (0, "pip")

    def test_a_real_uv_is_refused_and_lists(self, folder: Path, frozen: Path, tmp_path: Path) -> None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/uv").symlink_to(find_uv_bin())
        path, active = f"{tmp_path}/bin:{PATH}", {"CONDA_PREFIX": str(frozen)}
        assert ask(folder, "uv", "pip", "install", "x", path=path, **active)[0] == doors.REFUSED
        assert ask(folder, "uv", "--version", path=path, **active)[1].startswith("uv ")

    @pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm")
    def test_a_real_npm_is_refused_only_for_everybody(self, folder: Path, frozen: Path) -> None:
        path = f"{Path(shutil.which('npm') or '').parent}:{PATH}"
        words, own = ["install", "-g", "--offline", "x"], {"NPM_CONFIG_PREFIX": str(frozen)}
        code, _, err = ask(folder, "npm", *words, path=path, **own)
        assert (code, err.startswith("envguard: 'npm install -g' is")) == (doors.REFUSED, True), err
        direct = subprocess.run(["npm", "root"], capture_output=True, text=True, cwd="/").stdout
        assert ask(folder, "npm", "root", path=path)[:2] == (0, direct)


class TestVariables:
    def test_put_the_doors_first_once(self, folder: Path) -> None:
        found = doors.variables({"PATH": f"/usr/bin:{folder}:/bin"})
        assert found == {"PATH": f"{folder}:/usr/bin:/bin", doors.VARIABLE: str(folder)}
        assert doors.before("/usr/bin") == f"{folder}:/usr/bin"

    def test_are_none_where_there_are_no_doors(self, folder: Path) -> None:
        shutil.rmtree(folder)
        assert doors.variables({}) == {}
        assert doors.before("/usr/bin") == "/usr/bin"

    @pytest.mark.parametrize("how", ["mode", "owner", "link"])
    def test_are_none_where_others_could_have_written_them(self, folder: Path, how: str) -> None:
        if how == "mode":
            folder.chmod(0o775)
        elif how == "owner":
            os.chown(folder, 1000, 1000)
        else:
            folder.rename(folder.with_name("elsewhere"))
            folder.symlink_to("elsewhere")
        assert doors.variables({}) == {}


class TestProfile:
    def test_a_login_shell_finds_the_doors_again(self, folder: Path, tmp_path: Path) -> None:
        profile = put(tmp_path / "envguard.sh", doors.PROFILE)
        command = f"PATH=/bin; . {profile}; . {profile}; echo $PATH"
        assert ask(folder, "sh", "-ec", command, ENVGUARD_DOORS=str(folder))[1] == f"{folder}:/bin\n"
        assert ask(folder, "sh", "-euc", command)[1] == "/bin\n"
