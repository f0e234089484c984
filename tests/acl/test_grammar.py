from __future__ import annotations

from collections.abc import Iterator

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


def test_json_holds_what_says_something() -> None:
    assert Node("pip:list").as_json() == {"operation": "pip:list"}
    node = Node(flags=frozenset("ba"), next={"x": Node("npm:list", globally="npm:global")}, runs=True)
    assert node.as_json() == {
        "flags": ["a", "b"],
        "next": {"x": {"operation": "npm:list", "global": "npm:global"}},
        "runs": True,
    }
