from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.acl import Operation, operation_of
from jupyter_envguard.acl.commandline import table
from jupyter_envguard.acl.grammar import COMMANDS, Node
from jupyter_envguard.acl.operations import OPERATIONS
from jupyter_envguard.hooks.commands import DEPTH, changes_in
from tests.acl.rulesets import calm


def of(line: str) -> str:
    """Return the ids of the operations in `line`, outermost first; empty for no package operation."""
    found, ids = operation_of(shlex.split(line)), []
    while found is not None:
        ids.append(found.id)
        found = found.inside
    return " ".join(ids)


@pytest.mark.parametrize(
    ("line", "operation"),
    [
        ("conda install numpy", "conda:install"),
        ("conda upgrade --all", "conda:update"),
        ("conda uninstall x", "conda:remove"),
        ("/opt/conda/bin/conda -vv --no-plugins install x", "conda:install"),
        ("conda --solver classic install x", "conda:install"),
        ("conda --solver=classic install x", "conda:install"),
        ("conda env update -f x.yml", "conda:update"),
        ("conda env -q create", "conda:create"),
        ("conda-env remove -n x", "conda:remove"),
        ("conda env config vars set A=1", "conda:env-vars"),
        ("conda env config vars list", "conda:list"),
        ("conda", "conda:help"),
        ("conda --version", "conda:help"),
        ("conda env", "conda:help"),
        ("mamba env update", "mamba:update"),
        ("micromamba -p /x -y install x", "mamba:install"),
        ("micromamba -nbase install x", "mamba:install"),
        ("micromamba -yn base install x", "mamba:install"),
        ("pip install x", "pip:install"),
        ("pip3.12 --proxy list install x", "pip:install"),
        ("pip --python /usr/bin/python install x", "pip:install"),
        ("pip freeze", "pip:list"),
        ("python -m pip install x", "pip:install"),
        ("python3.11 -Im pip install x", "pip:install"),
        ("python3 -W error -Xutf8 -mpip install x", "pip:install"),
        ("python -m pip.__main__ uninstall x", "pip:uninstall"),
        ("python -m venv x", "venv:create"),
        ("python -m ensurepip", "ensurepip:install"),
        ("uv pip install x", "uv:install"),
        ("uv --directory pip pip sync", "uv:sync"),
        ("uv self update", "uv:self-update"),
        ("uvx ruff", "uv:tool"),
        ("pixi global install x", "pixi:global"),
        ("pipx inject a b", "pipx:install"),
        ("npm install", "npm:install"),
        ("npm install -g x", "npm:global"),
        ("npm -g i x", "npm:global"),
        ("npm i x --global=true", "npm:global"),
        ("npm i x --location global", "npm:global"),
        ("npm i x -fg", "npm:global"),
        ("npm ls -g", "npm:list"),
        ("pip install --help", "pip:help"),
        ("pip install x -h", "pip:help"),
        ("conda install --help", "conda:help"),
        ("conda env create -h", "conda:help"),
        ("npm install -g --help", "npm:help"),
        ("pip install x -- --help", "pip:install"),
        ("pip download x", "pip:download"),
        ("pip show x", "pip:list"),
        ("conda -vv list", "conda:list"),
        ("npm --global=true i x", "npm:global"),
    ],
)
def test_knows_what_a_line_does(line: str, operation: str) -> None:
    assert of(line) == operation


@pytest.mark.parametrize(
    ("line", "operation"),
    [
        ("A=1 B= pip install x", "pip:install"),
        ("sudo -u root pip install x", "pip:install"),
        ("sudo -- pip install x", "pip:install"),
        ("env -i A=1 pip install x", "pip:install"),
        ("nohup nice -n 5 time pip install x", "pip:install"),
        ("conda run -n x pip install y", "conda:run pip:install"),
        ("conda run --cwd /x --live-stream python -m pip install y", "conda:run pip:install"),
        ("uv run --with x conda install y", "uv:run conda:install"),
        ("conda run -n x jupyter lab", "conda:run"),
        ("conda run", "conda:run"),
    ],
)
def test_looks_through_commands_that_run_others(line: str, operation: str) -> None:
    assert of(line) == operation


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ls",
        "A=1",
        "sudo",
        "sudo ls",
        "python",
        "python x.py -m pip",
        "python -c 'm'",
        "python -",
        "python -m",
        "command -v pip",
        "sudo -l pip install x",
        "env --version",
    ],
)
def test_says_nothing_about_other_programs(line: str) -> None:
    assert operation_of(shlex.split(line)) is None


def test_says_nothing_about_modules_that_are_no_tool() -> None:
    assert operation_of(["python", "-m", "http.server"]) is None


@pytest.mark.parametrize(
    ("line", "operation"),
    [
        ("conda frobnicate x", "conda:?"),
        ("conda env-vars", "conda:?"),
        ("npm global", "npm:?"),
        ("conda env frobnicate", "conda:?"),
        ("pip --frob list install x", "pip:?"),
        ("pip -qz list", "pip:?"),
        ("conda -n list install", "conda:?"),
        ("conda -- list", "conda:?"),
        ("pip - list", "pip:?"),
        ("conda run --frob pip install x", "conda:?"),
        ("sudo --frob pip install x", "sudo:?"),
        ("python --frob -m pip", "python:?"),
        ("python -zm pip", "python:?"),
        ("conda run pip frob", "conda:run pip:?"),
    ],
)
def test_what_it_does_not_understand_is_unknown(line: str, operation: str) -> None:
    assert of(line) == operation


def test_an_option_whose_value_is_missing_ends_the_line() -> None:
    assert of("conda --solver") == "conda:help"
    assert of("micromamba -n") == "mamba:help"


def test_too_many_commands_inside_each_other_are_unknown() -> None:
    assert of("sudo " * (DEPTH - 1) + "pip list") == "pip:list"
    assert of("sudo " * DEPTH + "pip list") == "pip:?"
    assert of("conda run " * 5000).endswith("conda:run conda:?")


def test_repeats_the_words_that_matter() -> None:
    assert operation_of(shlex.split("conda -q env update -n x")) == Operation(
        "conda:update", "conda env update"
    )
    assert operation_of(shlex.split("npm -g i x")) == Operation("npm:global", "npm i -g")
    assert operation_of(["pip", "frob"]) == Operation("pip:?", "pip frob")


def paths(node: Node, *words: str) -> Iterator[tuple[tuple[str, ...], Node, str]]:
    """Yield every way from `node` to an operation, with the nodes' options that may stand before its end."""
    if node.operation:
        yield words, node, node.operation
    for word, then in node.next.items():
        yield from paths(then, *words, word)


def ends(node: Node) -> bool:
    """Return whether no later word leads on."""
    return not (node.next or node.runs or node.modules)


PATHS = [(tool, *path) for tool, node in COMMANDS.items() for path in paths(node)]
WORDS = sorted({word for _, words, _, _ in PATHS for word in words} | set(COMMANDS))
OPTIONS = sorted({option for _, _, node, _ in PATHS for option in node.flags | node.valued})
ANY_WORD = (
    st.sampled_from(WORDS)
    | st.sampled_from(OPTIONS)
    | st.text(max_size=8)
    | st.sampled_from(["-", "--", "-m", "A=1"])
)


@calm
@given(st.lists(ANY_WORD, max_size=12))
def test_answers_whatever_the_words_are(words: list[str]) -> None:
    found = operation_of(words)
    while found is not None:
        assert found.id in OPERATIONS or found.id.endswith(":?")
        assert found.command
        found = found.inside


@calm
@given(st.sampled_from(PATHS), st.lists(st.text(max_size=8).filter(lambda word: not word.startswith("-"))))
def test_arguments_after_the_verb_do_not_matter(
    path: tuple[str, tuple[str, ...], Node, str], more: list[str]
) -> None:
    tool, words, node, operation = path
    found = operation_of([tool, *words, *(more if ends(node) else [])])
    assert found is not None
    assert found.id == operation


@calm
@given(st.sampled_from(PATHS), st.data())
def test_options_of_the_tool_before_the_verb_do_not_matter(
    path: tuple[str, tuple[str, ...], Node, str], data: st.DataObject
) -> None:
    tool, words, _, operation = path
    root = COMMANDS[tool]
    options: list[str] = []
    if root.flags and words:
        options += data.draw(st.lists(st.sampled_from(sorted(root.flags - {"-g", "--global"})), max_size=3))
    if root.valued and words:
        option = data.draw(st.sampled_from(sorted(root.valued - {"--globalconfig", "--location"})))
        options += [option, data.draw(st.sampled_from(WORDS))]
    found = operation_of([tool, *options, *words])
    assert found is not None
    assert found.id == operation


@calm
@given(st.sampled_from(PATHS), st.from_regex(r"--[a-z]{1,12}", fullmatch=True))
def test_an_option_nobody_knows_before_the_verb_is_never_allowed_to_hide_it(
    path: tuple[str, tuple[str, ...], Node, str], option: str
) -> None:
    tool, words, _, _ = path
    root = COMMANDS[tool]
    if words and option not in root.flags | root.valued:
        found = operation_of([tool, option, *words])
        assert found is not None
        assert found.id == f"{tool}:?"


@calm
@given(
    st.sampled_from(PATHS),
    st.lists(
        st.sampled_from([["sudo"], ["env"], ["A=1"], ["nohup"], ["nice", "-n", "1"], ["/usr/bin/time"]]),
        max_size=5,
    ),
)
def test_commands_in_front_do_not_matter(
    path: tuple[str, tuple[str, ...], Node, str], before: list[list[str]]
) -> None:
    tool, words, _, _ = path
    assert operation_of([*chain.from_iterable(before), tool, *words]) == operation_of([tool, *words])


@calm
@given(st.lists(ANY_WORD.filter(lambda word: word.isprintable()), max_size=12))
def test_hooks_read_every_line_as_the_rules_do(words: list[str]) -> None:
    found, ids = operation_of(words), []
    while found is not None:
        ids.append((found.id, found.command))
        found = found.inside
    read = [(change.operation, change.command) for change in changes_in(shlex.join(words), table())]
    assert read == ids
