from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_envguard.acl import SHIPPED, Acl, Rule
from jupyter_envguard.acl.operations import PATTERNS
from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.site import parse
from tests.site.test_file import MINIMAL

RULE = "{id: x, who: everybody, where: own, what: reads, effect: allow}"


def acl(text: str) -> Acl:
    return parse(f"{MINIMAL}acl:\n  {text}\n", Path("/srv/site.yaml")).acl


def rule(**changes: str) -> str:
    values = {"id": "x", "who": "everybody", "where": "own", "what": "reads", "effect": "allow"} | changes
    return "rules: [{" + ", ".join(f"{key}: {value}" for key, value in values.items() if value) + "}]"


def mistakes(text: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        acl(text)
    assert caught.value.code == "site-invalid"
    return caught.value.message.replace("/srv/site.yaml:", "").split("\n")


def test_a_site_that_says_nothing_has_the_shipped_rules() -> None:
    assert parse(MINIMAL, Path("/srv/site.yaml")).acl is SHIPPED
    assert acl("{}") == SHIPPED


def test_the_shipped_rules_can_be_left_out() -> None:
    assert acl("defaults: false") == Acl(defaults=False)


def test_everything_can_be_said() -> None:
    found = acl(
        "rules:\n"
        "  - id: a\n"
        "    who: {users: [ada], groups: [x, y], roles: z}\n"
        "    where: [own, anywhere]\n"
        "    what: ['pip:*', conda:install]\n"
        "    effect: deny\n"
        "    message: 'No {command}.'\n"
        f"  - {RULE}\n"
    )
    assert found.rules == (
        Rule(
            id="a",
            effect="deny",
            users=("ada",),
            groups=("x", "y"),
            roles=("z",),
            where=("own", "anywhere"),
            what=("pip:*", "conda:install"),
            message="No {command}.",
        ),
        Rule(id="x", effect="allow", everybody=True, where=("own",), what=("reads",)),
    )


@pytest.mark.parametrize(
    ("where", "places"),
    [
        ("{environment: sci}", ("environment:sci",)),
        ("{environment: [sci, a.b-c_d]}", ("environment:sci", "environment:a.b-c_d")),
        ("'environment:sci'", ("environment:sci",)),
        ("[own, {environment: sci}]", ("own", "environment:sci")),
        ("[environment, own]", ("environment", "own")),
    ],
)
def test_an_environment_can_be_named(where: str, places: tuple[str, ...]) -> None:
    assert acl(rule(where=where)).rules[0].where == places


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_every_operation_can_be_named(pattern: str) -> None:
    assert acl(rule(what=f"'{pattern}'")).rules[0].what == (pattern,)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (rule(what="pip:instal"), "There is no operation 'pip:instal'. Did you mean 'pip:install'?"),
        (rule(what="[reads, reads]"), "'reads' is there twice."),
        (rule(what="[]"), "An empty list would mean nobody and nothing: name at least one."),
        (
            rule(where="home"),
            "'home' is no place. Write environment, own, anywhere or environment:NAME, without a release.",
        ),
        (rule(where="{environment: 'sci@1'}"), "'environment:sci@1' is no place."),
        (rule(where="{environments: sci}"), "Unknown key 'environments'. Did you mean 'environment'?"),
        (rule(where="{}"), "Name an environment."),
        (rule(where="[{environment: sci}, anywhere]"), "names an environment and holds in every one."),
        (rule(effect="permit"), "'permit' is no effect. Write allow, record, deny."),
        (rule(id="NO-x"), "'NO-x' cannot be the id of a rule."),
        (rule(message='"a\\nb"'), "cannot be the sentence of a rule"),
        (rule(who="all"), "Write everybody, or name users, groups or roles."),
        (rule(who="{}"), "Write everybody, or name users, groups or roles."),
        (rule(who="{groups: []}"), "An empty list would mean nobody and nothing"),
        (rule(who="{groups: ['*']}"), "'*' cannot be the name of a user, group or role."),
        (rule(who="{group: [x]}"), "Unknown key 'group'. Did you mean 'groups'?"),
        (rule(who="{users: 7}"), "Expected text, found a number."),
        (rule(whom="x"), "Unknown key 'whom'."),
        (rule(what=""), "The rule has no 'what'."),
        ("rules: [7]", "Expected keys and values, found a number."),
        ("rules: x", "Expected a list, found text."),
        ("rules: [reads]", "Expected keys and values, found text."),
        ("defaults: maybe", "Expected true or false, found text."),
        ("rule: []", "Unknown key 'rule'. Did you mean 'rules'?"),
        (f"rules: [{RULE}, {RULE}]", "There is a rule 'x' already. Give it another id."),
        (rule(id="reading"), "There is a rule 'reading' already."),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, found: str) -> None:
    (told,) = mistakes(text)
    assert found in told
    assert told.startswith("9:")


def test_all_mistakes_of_a_rule_are_told_at_once() -> None:
    assert mistakes(rule(where="home", effect="", what="pip")) == [
        "9:11: The rule has no 'effect'.",
        "9:42: 'home' is no place. Write environment, own, anywhere or environment:NAME, without a release.",
        "9:54: There is no operation 'pip'. Did you mean 'pip:*'?",
    ]
