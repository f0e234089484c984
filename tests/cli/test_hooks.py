from __future__ import annotations

import configparser
import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from uv import find_uv_bin

from jupyter_envguard import courtesy, doors
from jupyter_envguard.cli import context
from jupyter_envguard.cli.hooks import FILES, MARK
from tests.cli.conftest import Filled, Ran, Run


def states(run: Run, root: Path) -> list[str]:
    found = run("hooks", "status", "--root", root, "--json").json["hooks"]
    return [hook["state"] for hook in found if hook["hook"] != "rules"]


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_install_makes_every_file_and_again_changes_nothing(run: Run, tmp_path: Path) -> None:
    assert states(run, tmp_path) == ["missing"] * len(FILES)
    assert run("hooks", "install", "--root", tmp_path).code == 0
    assert states(run, tmp_path) == ["installed"] * len(FILES)
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*")}
    assert run("hooks", "install", "--root", tmp_path).code == 0
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*")} == before
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in before if path.is_file()}
    programs = {tmp_path / str(doors.FOLDER).lstrip("/") / name for name in doors.NAMES}
    assert {path for path, mode in modes.items() if mode == 0o755} == programs
    assert {mode for path, mode in modes.items() if path not in programs} == {0o644}


def test_an_older_file_of_ours_is_replaced(run: Run, tmp_path: Path) -> None:
    run("hooks", "install", "--root", tmp_path)
    (tmp_path / FILES[0].place).write_text(f"{MARK}no_plugins: false\n")
    (tmp_path / FILES[3].place).chmod(0o644)
    found = ["outdated", "installed", "installed", "outdated"]
    assert states(run, tmp_path) == [*found, *["installed"] * (len(FILES) - len(found))]
    run("hooks", "install", "--root", tmp_path)
    assert states(run, tmp_path) == ["installed"] * len(FILES)


@pytest.mark.parametrize("kind", ["file", "link", "folder", "broken link"])
def test_what_belongs_to_somebody_else_is_never_touched(run: Run, tmp_path: Path, kind: str) -> None:
    place = tmp_path / FILES[1].place
    place.parent.mkdir(parents=True)
    (tmp_path / "mine").write_text(MARK)
    match kind:
        case "file":
            place.write_text("[global]\nindex-url = x\n")
        case "link":
            place.symlink_to(tmp_path / "mine")
        case "broken link":
            place.symlink_to("nowhere")
        case _:
            place.mkdir()
    before = tree(tmp_path)
    assert run("hooks", "install", "--root", tmp_path).refusal == (5, "hook-foreign")
    assert run("hooks", "uninstall", "--root", tmp_path).code == 0
    assert tree(tmp_path) == before
    assert states(run, tmp_path) == ["missing", "foreign", *["missing"] * (len(FILES) - 2)]


def test_uninstall_removes_ours_and_nothing_else(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "etc/conda/condarc.d/10-site.yml"
    other.parent.mkdir(parents=True)
    other.write_text("channels: [x]\n")
    run("hooks", "install", "--root", tmp_path)
    (tmp_path / FILES[0].place).write_text(f"{MARK}old\n")
    assert run("hooks", "uninstall", "--root", tmp_path).code == 0
    assert tree(tmp_path) == {"etc/conda/condarc.d/10-site.yml": b"channels: [x]\n"}


def rules(ran: Ran) -> str:
    return next(str(hook["state"]) for hook in ran.json["hooks"] if hook["hook"] == "rules")


class TestRules:
    def test_one_command_installs_them_too(self, run: Run, filled: Filled, tmp_path: Path) -> None:
        options = ("--site", filled.path, "--root", tmp_path, "--json")
        assert rules(run("hooks", "status", *options)) == "missing"
        assert rules(run("hooks", "install", *options)) == "installed"
        folder = tmp_path / "etc/jupyter/envguard"
        assert (folder / "acl.json").read_bytes() == courtesy.rules_file(filled.site)
        assert b'"name":"datasci","release":"2026.11"' in (folder / "environments.jsonl").read_bytes()
        assert run("hooks", "uninstall", "--root", tmp_path).code == 0
        assert os.listdir(folder) == []

    def test_says_when_they_are_older_than_the_site(self, run: Run, site: Path, tmp_path: Path) -> None:
        options = ("--site", site, "--root", tmp_path, "--json")
        run("hooks", "install", *options)
        site.write_text(site.read_text() + "acl: {defaults: false}\n")
        assert rules(run("hooks", "status", *options)) == "outdated"
        run("hooks", "install", *options)
        assert rules(run("hooks", "status", *options)) == "installed"

    def test_says_when_hooks_do_not_believe_them(self, run: Run, site: Path, tmp_path: Path) -> None:
        run("hooks", "install", "--site", site, "--root", tmp_path)
        (tmp_path / "etc/jupyter/envguard/acl.json").chmod(0o666)
        assert rules(run("hooks", "status", "--root", tmp_path, "--json")) == "not believed"
        assert run("hooks", "uninstall", "--root", tmp_path).code == 0
        assert (tmp_path / "etc/jupyter/envguard/acl.json").exists()

    def test_without_a_site_there_are_none(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(context, "PLACES", (tmp_path / "site.yaml",))
        done = run("hooks", "install", "--root", tmp_path)
        assert (done.code, "There is no site file" in done.err) == (0, True)
        assert rules(run("hooks", "status", "--root", tmp_path, "--json")) == "missing"

    def test_a_site_that_is_named_has_to_be_there(self, run: Run, tmp_path: Path) -> None:
        named = ("--site", tmp_path / "none.yaml")
        assert run("hooks", "install", *named, "--root", tmp_path).refusal == (4, "file-not-found")
        assert not (tmp_path / "etc").exists()


def test_a_root_that_is_no_folder_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert run("hooks", "install", "--root", tmp_path / "file").refusal == (4, "file-not-found")


class TestContents:
    """The files as the tools that they are for read them."""

    @pytest.fixture
    def root(self, run: Run, tmp_path: Path) -> Path:
        run("hooks", "install", "--root", tmp_path)
        return tmp_path

    def test_every_key_for_conda_is_final(self, root: Path) -> None:
        text = (root / FILES[0].place).read_text()
        keys = yaml.safe_load(text)
        assert keys == {"no_plugins": False, "protect_frozen_envs": True, "safety_checks": "enabled"}
        assert text.count(" #!final\n") == len(keys)

    def test_a_real_pip_reads_its_file(self, root: Path) -> None:
        parser = configparser.ConfigParser()
        parser.read(root / FILES[1].place)
        assert dict(parser["install"]) == {"user": "false"}
        done = subprocess.run(
            [sys.executable, "-m", "pip", "config", "list"],
            capture_output=True,
            text=True,
            env={**os.environ, "XDG_CONFIG_DIRS": str(root / "etc/xdg")},
        )
        assert "install.user='false'" in done.stdout

    def test_uv_gets_a_file_of_its_own_format(self, root: Path) -> None:
        assert tomllib.loads((root / FILES[2].place).read_text()) == {"pip": {"break-system-packages": False}}

    def test_a_real_uv_reads_its_file(self, root: Path) -> None:
        environment = {**os.environ, "UV_CONFIG_FILE": str(root / FILES[2].place)}
        command = [find_uv_bin(), "pip", "list", "--python", sys.executable]
        assert subprocess.run(command, capture_output=True, env=environment).returncode == 0
