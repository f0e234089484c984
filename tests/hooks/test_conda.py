"""The plugin in a stand-in for conda; `test_real_conda.py` has it in a real one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard.hooks import conda, rules

SENTENCE = f"'conda {{}}' is turned off for approved environments; nothing was changed. {rules.ASK}"
Done = subprocess.CompletedProcess


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    prefix = tmp_path / "frozen"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta/frozen").touch()
    return prefix


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


def run(root: Path, *words: object, **variables: object) -> Done[str]:
    command = [sys.executable, "-m", "tests.conda_double", *map(str, words)]
    environment = {name: value for name, value in os.environ.items() if name != "CONDA_PREFIX"}
    environment |= {name: str(value) for name, value in variables.items()}
    return subprocess.run(command, cwd=root, capture_output=True, text=True, env=environment)


class TestCommands:
    @pytest.mark.parametrize(
        ("command", "spoken"),
        [
            *((name, name) for name in ("install", "update", "remove", "rename")),
            ("upgrade", "update"),
            ("uninstall", "remove"),
            ("create", "create"),
            ("env_update", "env update"),
            ("env_create", "env create"),
            ("env_remove", "env remove"),
            ("env_vars", "env config vars"),
            ("env_config", "env config"),
        ],
    )
    def test_every_change_of_a_frozen_environment_ends_in_one_line(
        self, root: Path, frozen: Path, command: str, spoken: str
    ) -> None:
        done = run(root, command, "x", "--prefix", frozen)
        assert (done.returncode, done.stdout) == (77, "")
        assert done.stderr == f"EnvguardDenied: {SENTENCE.format(spoken)}\n"
        assert not (frozen / "changed").exists()

    def test_json_stays_json(self, root: Path, frozen: Path) -> None:
        done = run(root, "install", "x", "--prefix", frozen, "--json")
        document = json.loads(done.stdout)
        assert (done.returncode, done.stderr) == (77, "")
        assert document["exception_name"] == "EnvguardDenied"
        assert document["message"] == SENTENCE.format("install")

    def test_an_address_is_repeated_as_it_is(self, root: Path, frozen: Path) -> None:
        done = run(root, "install", "x>=2", "--prefix", frozen, JUPYTERHUB_SERVICE_PREFIX="/user/ada/")
        assert "/user/ada/lab?envguard-request=x%3E%3D2&envguard-environment=" in done.stderr

    @pytest.mark.parametrize("command", ["list", "info", "run"])
    def test_what_only_reads_runs(self, root: Path, frozen: Path, command: str) -> None:
        assert run(root, command, "--prefix", frozen).returncode == 0

    def test_other_environments_are_let_pass(self, root: Path, frozen: Path, own: Path) -> None:
        assert run(root, "install", "x", "--prefix", own, CONDA_PREFIX=frozen).returncode == 0
        assert (own / "changed").exists()

    def test_the_release_is_named_in_its_own_kernel(self, root: Path, frozen: Path) -> None:
        done = run(root, "install", "x", CONDA_PREFIX=frozen, ENVGUARD_RELEASE="nlp@1")
        assert "turned off for the approved environment 'nlp@1'; nothing" in done.stderr

    def test_a_file_that_names_another_environment_is_left_to_the_transaction(
        self, root: Path, frozen: Path, tmp_path: Path
    ) -> None:
        named, plain = tmp_path / "named.yml", tmp_path / "plain.yml"
        named.write_text("name: mine\n")
        plain.write_text("dependencies: [x]\n")
        before = [run(root, "env_update", "--file", file, CONDA_PREFIX=frozen) for file in (named, plain)]
        assert ["env update" in done.stderr for done in before] == [False, True]
        assert [done.returncode for done in before] == [77, 77]
        assert not (frozen / "changed").exists()


class TestTransactions:
    def test_one_without_a_command_is_refused(self, root: Path, frozen: Path) -> None:
        done = run(root, "install", "--api", "--prefix", frozen)
        assert done.stderr == f"EnvguardDenied: {SENTENCE.format('install')}\n"
        assert not (frozen / "changed").exists()

    def test_one_that_is_not_verified_is_refused(self, root: Path, frozen: Path) -> None:
        done = run(root, "install", "--api", "--prefix", frozen, CONDA_SAFETY_CHECKS="disabled")
        assert done.returncode == 77
        assert not (frozen / "changed").exists()

    @pytest.mark.parametrize("checks", ["enabled", "disabled"])
    def test_one_that_is_prepared_without_asking_is_refused_later(
        self, root: Path, frozen: Path, checks: str
    ) -> None:
        words = ("install", "--api", "--unprepared", "--prefix", frozen)
        done = run(root, *words, CONDA_SAFETY_CHECKS=checks)
        assert (done.returncode, done.stderr) == (77, f"EnvguardDenied: {SENTENCE.format('install')}\n")
        assert not (frozen / "changed").exists()

    def test_one_elsewhere_is_made(self, root: Path, own: Path) -> None:
        assert run(root, "install", "--api", "--prefix", own).returncode == 0
        assert run(root, "install", "--api", "--unprepared", "--prefix", own).returncode == 0
        assert (own / "changed").exists()


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "reports"))
        server.setblocking(False)
        yield server


class TestReports:
    def test_a_refused_command_is_told_once(self, root: Path, frozen: Path, heard: socket.socket) -> None:
        run(root, "install", "x", "--prefix", frozen, ENVGUARD_REPORTS=heard.getsockname())
        assert json.loads(heard.recv(8192)) == {
            "about": "package",
            "effect": "deny",
            "operation": "conda:install",
            "rule": "frozen",
            "place": "environment",
            "command": f"conda install x --prefix {frozen}",
        }
        with pytest.raises(BlockingIOError):
            heard.recv(1)

    def test_so_is_a_transaction_that_is_asked_about_twice(
        self, root: Path, frozen: Path, heard: socket.socket
    ) -> None:
        words = ("install", "--api", "--prefix", frozen)
        run(root, *words, CONDA_SAFETY_CHECKS="disabled", ENVGUARD_REPORTS=heard.getsockname())
        assert json.loads(heard.recv(8192))["effect"] == "deny"
        with pytest.raises(BlockingIOError):
            heard.recv(1)

    def test_nobody_who_listens_changes_nothing(self, root: Path, frozen: Path, tmp_path: Path) -> None:
        done = run(root, "install", "x", "--prefix", frozen, ENVGUARD_REPORTS=tmp_path / "none")
        assert (done.returncode, done.stderr) == (77, f"EnvguardDenied: {SENTENCE.format('install')}\n")

    def test_what_only_uses_conda_is_told_by_its_command(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for words, line in (
            (["/usr/bin/conda", "install", "x"], "conda install x"),
            (["app.py"], "c"),
            ([], "c"),
        ):
            monkeypatch.setattr(sys, "argv", words)
            assert conda._command_line("c") == line


def test_condas_own_refusal_says_whom_to_ask(root: Path, own: Path) -> None:
    done = run(root, "list", "--frozen-error", "--prefix", own)
    assert done.stderr == f"EnvironmentIsFrozenError: frozen\n  - (envguard_request) {rules.ASK}\n"


def test_outside_conda_it_can_be_read_and_plugs_into_nothing() -> None:
    assert issubclass(conda.EnvguardDenied, Exception)
    assert conda.EnvguardDenied.return_code == 77
    assert not hasattr(conda.conda_pre_commands, "conda_impl")
