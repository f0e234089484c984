from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from uv import find_uv_bin

from jupyter_envguard.acl.commandline import operation_of
from jupyter_envguard.acl.grammar import COMMANDS, Node
from jupyter_envguard.acl.operations import OPERATIONS


def nodes() -> Iterator[Node]:
    todo = list(COMMANDS.values())
    while todo:
        node = todo.pop()
        todo += node.next.values()
        yield node


def test_leads_to_every_operation_and_to_no_other() -> None:
    found = {
        operation for node in nodes() for operation in (node.operation, node.globally, node.help) if operation
    }
    assert found == set(OPERATIONS)


def test_no_option_is_said_to_have_a_value_and_none() -> None:
    assert [
        node for node in nodes() if node.flags & node.valued or node.stops & (node.flags | node.valued)
    ] == []


def test_options_look_like_options_and_words_do_not() -> None:
    assert all(option.startswith("-") for node in nodes() for option in node.flags | node.valued | node.stops)
    assert not any(word.startswith("-") for node in nodes() for word in node.next)


def test_a_node_leads_on_in_one_way_only() -> None:
    assert all(bool(node.next) + node.runs + node.modules <= 1 for node in nodes())


UV = [[], ["pip"], ["tool"], ["python"], ["cache"], ["self"]]
HELPS = [
    *((("uv", *words), [find_uv_bin(), *words, "--help"]) for words in UV),
    (("pip",), [sys.executable, "-m", "pip", "--help"]),
    *([(("npm",), ["npm", "--help"])] if shutil.which("npm") else []),
    *([(("conda",), ["conda", "commands"])] if shutil.which("conda") else []),
]


@pytest.mark.parametrize(("words", "command"), HELPS, ids=[" ".join(words) for words, _ in HELPS])
def test_knows_the_verbs_of_real_tools(words: tuple[str, ...], command: list[str], tmp_path: Path) -> None:
    home = {**os.environ, "HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    told = subprocess.run(command, capture_output=True, text=True, env=home).stdout
    if words == ("npm",):
        verbs = re.findall(r"[a-z][a-z-]+", told[told.index("All commands") : told.index("Specify")])
        verbs.remove("commands")
    else:
        pattern = r"^([a-z][a-z_-]+)$" if words == ("conda",) else r"^ {2,4}([a-z][a-z-]+) {2,}"
        verbs = re.findall(pattern, told, re.MULTILINE)
    assert verbs
    unknown = [verb for verb in verbs if getattr(operation_of([*words, verb]), "id", "?").endswith("?")]
    # A later version may have one that nobody knows yet; it is refused until it is known.
    assert len(unknown) <= len(verbs) * 0.05, unknown


def test_json_holds_what_says_something() -> None:
    assert Node("pip:list").as_json() == {"operation": "pip:list"}
    node = Node(flags=frozenset("ba"), next={"x": Node("npm:list", globally="npm:global")}, runs=True)
    assert node.as_json() == {
        "flags": ["a", "b"],
        "next": {"x": {"operation": "npm:list", "global": "npm:global"}},
        "runs": True,
    }
