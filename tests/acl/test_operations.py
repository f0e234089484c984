from __future__ import annotations

import pytest

from jupyter_envguard.acl.operations import KINDS, OPERATIONS, PATTERNS, check_pattern, closeness
from jupyter_envguard.errors import InvalidInput


def test_every_operation_has_a_tool_a_verb_and_a_kind() -> None:
    assert all(len(operation.split(":")) == 2 for operation in OPERATIONS)
    assert set(OPERATIONS.values()) == set(KINDS)


@pytest.mark.parametrize("tool", ["conda", "mamba", "pip", "uv"])
def test_installing_and_removing_are_changes(tool: str) -> None:
    gone = "remove" if f"{tool}:remove" in OPERATIONS else "uninstall"
    assert {OPERATIONS[f"{tool}:install"], OPERATIONS[f"{tool}:{gone}"]} == {"changes"}


def test_what_hooks_must_never_break_only_reads() -> None:
    assert {OPERATIONS[f"conda:{verb}"] for verb in ("list", "run", "info", "activate")} == {"reads"}


@pytest.mark.parametrize("text", ["conda:install", "conda:*", "npm:global", "changes", "reads", "everything"])
def test_a_rule_can_say_an_operation_a_tool_or_a_kind(text: str) -> None:
    assert check_pattern(text) == text


@pytest.mark.parametrize(
    "text", ["", "*", "conda", "conda:", ":install", "*:install", "conda:inst*", "conda:?"]
)
def test_a_rule_can_say_nothing_else(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_pattern(text)
    assert caught.value.code == "acl-invalid"


def test_a_near_miss_is_answered_with_what_was_meant() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_pattern("pip:instal")
    assert caught.value.hint == "Did you mean 'pip:install'?"


def test_anything_else_is_answered_with_what_can_be_said() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_pattern("zzzzzzzzzz")
    assert caught.value.hint == "Write tool:verb, tool:*, changes, settings, reads or everything."


@pytest.mark.parametrize(
    ("pattern", "operation", "close"),
    [
        ("conda:install", "conda:install", 3),
        ("conda:*", "conda:install", 2),
        ("changes", "conda:install", 1),
        ("everything", "conda:install", 1),
        ("reads", "conda:install", 0),
        ("pip:*", "pipx:install", 0),
        ("conda:update", "conda:install", 0),
    ],
)
def test_a_name_is_closer_than_a_tool_and_a_tool_than_a_kind(
    pattern: str, operation: str, close: int
) -> None:
    assert closeness(pattern, operation) == close


def test_every_pattern_means_some_operation() -> None:
    assert [p for p in PATTERNS if not any(closeness(p, operation) for operation in OPERATIONS)] == []
