from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from jupyter_envguard.acl import SHIPPED, Acl, Operation, Person, Place, Rule, compiled, decide
from jupyter_envguard.acl.commandline import table
from jupyter_envguard.acl.compiled import grammar
from jupyter_envguard.acl.operations import OPERATIONS
from jupyter_envguard.hooks import rules, trusted
from jupyter_envguard.spec import sha256_digest
from tests.acl.rulesets import AT, OPERATION, PEOPLE, acls, calm

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/acl.md"
SOURCE = sha256_digest(b"")


def document(acl: Acl, request: str = "") -> bytes:
    return compiled(acl, site="Läb", source=SOURCE, store=Path("/opt/envguard"), request=request)


def evaluator() -> Callable[..., tuple[str, str, str]]:
    """Return the function that the reference shows to those who write hooks."""
    code = re.search(r"^```python\n(def decide.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert code
    names: dict[str, Any] = {}
    exec(code[1], names)
    found: Callable[..., tuple[str, str, str]] = names["decide"]
    return found


SHOWN = evaluator()


@calm
@given(acls(), PEOPLE, AT, OPERATION)
def test_the_evaluator_in_the_reference_decides_as_the_program_does(
    acl: Acl, person: Person, place: Place, operation: Operation
) -> None:
    ruling = decide(acl, person, place, operation)
    shown = SHOWN(
        json.loads(document(acl)),
        operation.id,
        operation.command,
        place.kind,
        person.name,
        person.groups,
        person.roles,
        place.name,
    )
    assert shown == (ruling.effect, ruling.rule, ruling.message)


def test_says_where_it_comes_from_and_where_to_ask_after_a_denial() -> None:
    found = json.loads(document(SHIPPED, "https://example.org/ask"))
    assert (found["version"], found["site"], found["source"], found["store"]) == (
        1,
        "Läb",
        SOURCE,
        "/opt/envguard",
    )
    assert found["request"] == "https://example.org/ask"


def test_knows_every_operation_at_every_place() -> None:
    found = json.loads(document(SHIPPED))["operations"]
    assert set(found) == set(OPERATIONS)
    assert all(set(places) == {"environment", "own", "anywhere"} for places in found.values())


def test_lists_rules_in_the_order_in_which_they_decide() -> None:
    form = Rule(id="form", effect="deny", everybody=True, where=("environment",), what=("conda:install",))
    found = json.loads(document(Acl((form,))))
    assert [rule["id"] for rule in found["rules"]][:2] == ["form", "approved-environments"]
    assert found["operations"]["conda:install"] == {"environment": [0, 1], "own": [2], "anywhere": []}
    assert found["operations"]["conda:list"] == {"environment": [4], "own": [4], "anywhere": [4]}


def test_holds_the_grammar_of_command_lines() -> None:
    assert json.loads(document(SHIPPED))["commands"] == table()


def test_the_grammar_that_hooks_have_without_rules_is_this_one() -> None:
    """Write it anew with `jupyter_envguard.acl.compiled.grammar` when this fails."""
    assert Path(trusted.GRAMMAR).read_bytes() == grammar()
    assert "pip:install" in json.loads(grammar())["changes"]
    assert "pip:list" not in json.loads(grammar())["changes"]


@calm
@given(acls(), PEOPLE, AT, OPERATION)
def test_hooks_decide_as_the_program_does(
    acl: Acl, person: Person, place: Place, operation: Operation
) -> None:
    ruling = decide(acl, person, place, operation)
    session = trusted.Session(person.name, person.groups, person.roles)
    names = [place.name] if place.name else []
    found = rules.evaluate(
        json.loads(document(acl)), operation.id, operation.command, place.kind, session, names
    )
    assert (found.allowed, found.rule, found.message) == (bool(ruling), ruling.rule, ruling.message)


def test_has_one_form_that_any_locale_can_read() -> None:
    content = document(SHIPPED)
    assert content.isascii()
    assert content == document(Acl())
    assert content == json.dumps(json.loads(content), sort_keys=True, separators=(",", ":")).encode() + b"\n"


def test_never_changes_its_form_unnoticed() -> None:
    decisions = json.loads(document(SHIPPED))
    del decisions["commands"], decisions["operations"]
    assert decisions == {
        "version": 1,
        "site": "Läb",
        "source": SOURCE,
        "store": "/opt/envguard",
        "request": "",
        "places": {
            "environment": "for approved environments",
            "named": "for the approved environment '{name}'",
            "own": "for your own environments",
            "anywhere": "at this site",
        },
        "uncovered": {
            "id": "no-rule",
            "effect": "deny",
            "message": "No rule allows '{command}' {place}; nothing was changed.",
        },
        "unknown": {
            "id": "unknown-operation",
            "effect": "deny",
            "message": "'{command}' is not an operation that the rules know; nothing was changed.",
        },
        "rules": [shown(*rule) for rule in FROZEN],
    }


DENIED = "'{command}' is turned off {place}; nothing was changed."
RECORDED = "'{command}' is allowed {place}, and is recorded."
FROZEN = [
    ("approved-environments", "deny", DENIED),
    ("own-environments", "record", RECORDED),
    ("own-settings", "record", RECORDED),
    ("reading", "allow", "'{command}' is allowed {place}."),
]


def shown(name: str, effect: str, message: str) -> dict[str, Any]:
    return {
        "id": name,
        "effect": effect,
        "message": message,
        "everybody": True,
        "users": [],
        "groups": [],
        "roles": [],
        "environments": [],
    }


@pytest.mark.parametrize("member", json.loads(document(SHIPPED)))
def test_the_reference_explains_every_member(member: str) -> None:
    assert f"| `{member}` |" in PAGE.read_text("utf-8")
