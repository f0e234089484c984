from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.acl.commandline import table
from jupyter_envguard.hooks import trusted
from jupyter_envguard.hooks.commands import changes_in, changes_of
from jupyter_envguard.hooks.targets import packages_in, target_of

GRAMMAR = table()


def read(line: str, grammar: dict[str, Any] = GRAMMAR) -> list[str]:
    return [change.operation for change in changes_in(line, grammar)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        ("ls -l", []),
        ("echo pip install x", []),
        ("pip install 'x", []),
        ("pip install x", ["pip:install"]),
        ("pip3.11 uninstall -y x", ["pip:uninstall"]),
        ("/opt/e/bin/pip install x", ["pip:install"]),
        ("A=1 sudo -H pip install x", ["pip:install"]),
        ("cd y && pip install x; conda remove y | cat", ["pip:install", "conda:remove"]),
        ("(pip install x)", ["pip:install"]),
        ("$(which pip) install x", ["pip:install"]),
        ('"$(command -v pip)" install x', ["pip:install"]),
        ("if true; then pip install x; fi", ["pip:install"]),
        ("python3 -mpip install x", ["pip:install"]),
        ("python -u -m pip install x", ["pip:install"]),
        ("python -c 'import pip'", []),
        ("python -m", []),
        ("python script.py pip install", []),
        ("conda env update -f x", ["conda:update"]),
        ("conda -vv list", ["conda:list"]),
        ("uv pip install x", ["uv:install"]),
        ("uv run -q pip install x", ["uv:run", "pip:install"]),
        ("conda run -n x python -m pip install y", ["conda:run", "pip:install"]),
        ("pixi add x", ["pixi:add"]),
        ("npm -g i x", ["npm:global"]),
        ("npm i x --global=true", ["npm:global"]),
        ("pip install --help", ["pip:help"]),
        ("pip download x; pip list; pip show x", ["pip:download", "pip:list", "pip:list"]),
        ("pip frobnicate", ["pip:?"]),
    ],
)
def test_lines_mean_operations(line: str, expected: list[str]) -> None:
    assert read(line) == expected


def test_a_refusal_calls_them_what_people_typed() -> None:
    said = [
        change.command for change in changes_in("npm i; npm install -g x; pip -q no; pip install -h", GRAMMAR)
    ]
    assert said == ["npm i", "npm install -g", "pip no", "pip install --help"]


def test_only_what_the_grammar_knows_is_known() -> None:
    assert [change.is_known for change in changes_in("pip install; pip frob", GRAMMAR)] == [True, False]


def test_a_module_is_the_tool_of_the_python_that_runs_it() -> None:
    (change,) = changes_of(["sudo", "/x/bin/python3", "-I", "-m", "pip", "-q", "install", "y"], GRAMMAR)
    assert (change.program, change.words, change.rest) == ("/x/bin/python3", ("-q", "install", "y"), ("y",))
    assert change.line == "pip -q install y"


@pytest.mark.skipif(not shutil.which("npm"), reason="no npm on the path")
@pytest.mark.parametrize(
    "option", ["-g", "-fg", "--global", "--global=true", "--location global", "--location=global"]
)
def test_where_a_real_npm_works_for_everybody_the_reader_says_so(option: str, tmp_path: Path) -> None:
    command = ["npm", "prefix", *option.split()]
    home = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=home)
    assert done.stdout.strip() != str(tmp_path)
    assert read(f"npm install {option} x") == ["npm:global"]
    assert read(f"npm {option} install x") == ["npm:global"]


def test_without_rules_lines_mean_the_same() -> None:
    assert trusted.grammar()["commands"] == GRAMMAR


@given(st.text(), st.lists(st.sampled_from(["pip", "install", "-m", "python", "env", ";", "{x}", "'", "-p"])))
def test_no_line_is_too_strange(text: str, words: list[str]) -> None:
    for line in (text, " ".join(words), " ".join([*words, text])):
        for change in changes_in(line, GRAMMAR):
            packages_in(change)
            target_of(change)
