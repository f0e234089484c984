from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.hooks import commands
from jupyter_envguard.hooks.commands import GRAMMAR, UNKNOWN, Change, changes_in, packages_in, target_of

RULES = {
    "python": {"modules": True, "flags": ["-I"], "valued": ["-W"]},
    "pip": {
        "flags": ["-q"],
        "valued": ["--cert", "-C"],
        "next": {"install": {"operation": "pip:install"}, "list": {"operation": "pip:list"}},
    },
    "uv": {"next": {"run": {"operation": "uv:run", "flags": ["-q"], "runs": True}}},
    "npm": {"next": {"install": {"operation": "npm:project", "global": "npm:global"}}},
    "venv": {"operation": "venv:create"},
}


def operations(line: str, grammar: dict[str, object] = GRAMMAR) -> list[str]:
    return [change.operation for change in changes_in(line, grammar)]


def change(line: str) -> Change:
    (found,) = changes_in(line, GRAMMAR)
    return found


class TestLines:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("", []),
            ("ls -l", []),
            ("echo pip install x", []),
            ("pip install 'x", []),
            ("pip", []),
            ("pip install x", ["pip:install"]),
            ("pip3.11 uninstall -y x", ["pip:uninstall"]),
            ("/opt/e/bin/pip install x", ["pip:install"]),
            ("A=1 sudo pip install x", ["pip:install"]),
            ("cd y && pip install x; conda remove y | cat", ["pip:install", "conda:remove"]),
            ("(pip install x)", ["pip:install"]),
            ("{sys.executable} -m pip install x", ["pip:install"]),
            ("python3 -mpip install x", ["pip:install"]),
            ("python -u -m pip install x", ["pip:install"]),
            ("python -c 'import pip'", []),
            ("python -m", []),
            ("python script.py pip install", []),
            ("conda env update -f x", ["conda:update"]),
            ("uv pip install x", ["uv:install"]),
            ("pixi add x", ["pixi:add"]),
        ],
    )
    def test_without_rules(self, line: str, expected: list[str]) -> None:
        assert operations(line) == expected

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("pip -q --cert x -Cy --cert=z install x", ["pip:install"]),
            ("pip list", ["pip:list"]),
            ("pip --odd install x", [UNKNOWN]),
            ("pip frobnicate", [UNKNOWN]),
            ("python --odd -m pip install", [UNKNOWN]),
            ("python -W x -m pip install", ["pip:install"]),
            ("uv run -q pip install x", ["uv:run", "pip:install"]),
            ("uv run", ["uv:run"]),
            ("uv run --odd x", ["uv:run", UNKNOWN]),
            ("npm install x", ["npm:project"]),
            ("npm install x --global", ["npm:global"]),
            ("python -m venv x", ["venv:create"]),
        ],
    )
    def test_with_the_grammar_of_the_rules(self, line: str, expected: list[str]) -> None:
        assert operations(line, RULES) == expected

    def test_a_refusal_calls_them_what_people_typed(self) -> None:
        found = [change.command for change in changes_in("npm i; npm install -g x; pip -q no", RULES)]
        assert found == ["npm i", "npm install --global", "pip no"]

    @given(st.text(), st.lists(st.sampled_from(["pip", "install", "-m", "python", "env", ";", "{x}", "'"])))
    def test_no_line_is_too_strange(self, text: str, words: list[str]) -> None:
        for line in (text, " ".join(words), " ".join([*words, text])):
            for grammar in (GRAMMAR, RULES):
                for found in changes_in(line, grammar):
                    packages_in(found)


def test_packages_are_named_without_what_belongs_to_them() -> None:
    line = "pip install -q 'a>=1' b[extra]==2 c::d=1.0 https://example.org/x.whl ./local -e"
    assert packages_in(change(line)) == ["a", "b", "d"]


class TestTargets:
    @pytest.fixture(autouse=True)
    def prefix(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(sys, "prefix", "/opt/e")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("PATH", str(tmp_path / "venv/bin"))
        monkeypatch.delenv("CONDA_PREFIX", raising=False)
        monkeypatch.delenv("VIRTUAL_ENV", raising=False)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("pip install x", "/opt/e"),
            ("pip install --user x", "/opt/e"),
            ("conda install x", "/opt/e"),
            ("conda install --prefix=/y x", "/y"),
            ("mamba install -p /y x", "/y"),
            ("conda install -n mine x", "~/.conda/envs/mine"),
            ("pip install -t ~/here x", "~/here"),
            ("pip install --target here x", "~/here"),
            ("/opt/e/bin/pip install x", "/opt/e/bin/pip"),
            ("uv pip install x", "/opt/e"),
            ("pixi add x", "~"),
        ],
    )
    def test_are_where_the_tool_would_look(self, prefix: Path, line: str, expected: str) -> None:
        assert target_of(change(line)) == expected.replace("~", str(prefix))

    def test_of_an_active_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CONDA_PREFIX", "/c")
        monkeypatch.setenv("VIRTUAL_ENV", "/v")
        assert target_of(change("conda install x")) == "/c"
        assert target_of(change("uv pip install x")) == "/v"

    def test_of_programs_in_a_virtual_environment(self, prefix: Path) -> None:
        (prefix / "venv/bin").mkdir(parents=True)
        for name in ("pip", "python"):
            (prefix / "venv/bin" / name).touch(0o755)
        assert target_of(change("pip install x")) == "/opt/e"
        (prefix / "venv/pyvenv.cfg").touch()
        assert target_of(change("pip install x")) == f"{prefix}/venv"
        assert target_of(change("venv/bin/python -m pip install x")) == f"{prefix}/venv"
        assert target_of(change("uv pip install --python venv/bin/python x")) == f"{prefix}/venv"

    def test_of_the_kernels_own_python(self) -> None:
        assert target_of(change("{sys.executable} -m pip install x")) == "/opt/e"
        assert commands._prefix_of_program("missing") == "/opt/e"
