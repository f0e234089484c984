from __future__ import annotations

from typing import Any

import pytest

from jupyter_envguard.acl import SHIPPED, Acl, Person, Rule
from jupyter_envguard.acl.operations import OPERATIONS
from jupyter_envguard.acl.rules import SEALED
from jupyter_envguard.errors import InvalidInput


def rule(**changes: Any) -> Rule:
    usual = {"id": "x", "effect": "deny", "where": ("own",), "what": ("pip:install",)}
    if not {"everybody", "users", "groups", "roles"} & changes.keys():
        usual["everybody"] = True
    return Rule(**{**usual, **changes})


def order(*rules: Rule, operation: str = "pip:install", place: Any = "own") -> list[str]:
    return [found.id for found in Acl(rules, defaults=False).about(operation, place)]


class TestRule:
    @pytest.mark.parametrize(
        "changes",
        [
            {"everybody": False},
            {"everybody": True, "users": ("ada",)},
            {"where": ()},
            {"what": ()},
            {"where": ("home",)},
            {"what": ("pip",)},
            {"effect": "permit"},
            {"id": "No"},
            {"users": ("*",)},
            {"groups": ("",)},
            {"roles": (" a",)},
            {"message": "a\nb"},
        ],
    )
    def test_cannot_say_what_could_not_be_meant(self, changes: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput) as caught:
            rule(**changes)
        assert caught.value.code == "acl-invalid"

    def test_has_a_sentence_of_its_own_or_the_usual_one(self) -> None:
        assert rule(message="No.").sentence == "No."
        assert rule().sentence == "'{command}' is turned off {place}; nothing was changed."

    def test_is_about_everybody_or_those_it_names(self) -> None:
        ada = Person("ada", frozenset({"students"}), frozenset({"user"}))
        named = [
            {"users": ("ada",)},
            {"groups": ("x", "students")},
            {"roles": ("user",)},
            {"everybody": True},
        ]
        assert all(rule(**who).is_about(ada) for who in named)
        others = [{"users": ("students",)}, {"groups": ("ada", "user")}, {"roles": ("students",)}]
        assert not any(rule(**who).is_about(ada) for who in others)

    @pytest.mark.parametrize("kind", ["groups", "roles"])
    def test_a_denial_holds_for_groups_and_roles_that_are_not_known(self, kind: str) -> None:
        stranger = Person("ada", **{kind: None})
        assert rule(**{kind: ("x",)}).is_about(stranger)
        assert not rule(users=("bob",)).is_about(stranger)

    @pytest.mark.parametrize("effect", ["allow", "record"])
    def test_a_permission_does_not(self, effect: str) -> None:
        assert not rule(effect=effect, groups=("x",)).is_about(Person("ada", None, None))
        assert rule(effect=effect, users=("ada",), groups=("x",)).is_about(Person("ada", None, None))


class TestAcl:
    def test_the_site_s_rules_come_before_the_shipped_ones(self) -> None:
        ids = [found.id for found in Acl((rule(),)).in_force()]
        assert ids == ["x", "approved-environments", "own-environments", "own-settings", "reading"]

    def test_the_seal_of_approved_environments_cannot_be_taken_away(self) -> None:
        assert Acl(defaults=False).in_force() == (SEALED,)

    @pytest.mark.parametrize(
        "taken", ["x", "reading", "approved-environments", "no-rule", "unknown-operation"]
    )
    def test_an_id_stands_for_one_rule(self, taken: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            Acl((rule(), rule(id=taken)))
        assert (caught.value.code, caught.value.message) == (
            "acl-invalid",
            f"There is a rule {taken!r} already.",
        )

    def test_leaves_out_rules_about_other_operations_and_places(self) -> None:
        assert order(rule(what=("pip:*",), where=("environment",)), rule(id="y", what=("conda:*",))) == []

    def test_a_place_that_is_neither_is_a_matter_of_rules_for_anywhere_only(self) -> None:
        rules = rule(id="a"), rule(id="b", where=("own", "anywhere"))
        assert order(*rules, place="anywhere") == ["b"]

    def test_denials_come_first_however_general(self) -> None:
        close = rule(id="a", effect="allow", users=("ada",))
        far = rule(id="b", what=("everything",), where=("anywhere",))
        assert order(close, far) == ["b", "a"]

    def test_persons_then_operations_then_places_make_a_rule_specific(self) -> None:
        rules = (
            rule(id="anywhere", where=("anywhere",)),
            rule(id="kind", what=("changes",)),
            rule(id="tool", what=("pip:*",)),
            rule(id="here"),
            rule(id="group", groups=("g",), what=("everything",), where=("anywhere",)),
            rule(id="user", users=("u",), what=("everything",), where=("anywhere",)),
        )
        assert order(*rules) == ["user", "group", "here", "anywhere", "tool", "kind"]

    def test_a_rule_is_as_specific_as_its_closest_word(self) -> None:
        rules = rule(id="a", what=("everything",)), rule(id="b", what=("everything", "pip:install"))
        assert order(*rules) == ["b", "a"]

    def test_a_rule_is_as_general_as_the_most_people_it_is_about(self) -> None:
        assert order(rule(id="a", users=("u",), groups=("g",)), rule(id="b", users=("u",))) == ["b", "a"]

    def test_of_equals_a_record_comes_before_silence_and_then_the_file_decides(self) -> None:
        rules = rule(id="a", effect="allow"), rule(id="b", effect="record"), rule(id="c", effect="record")
        assert order(*rules) == ["b", "c", "a"]

    @pytest.mark.parametrize("operation", sorted(o for o, kind in OPERATIONS.items() if kind == "changes"))
    def test_no_change_of_an_approved_environment_is_ever_first_allowed(self, operation: str) -> None:
        assert SHIPPED.about(operation, "environment")[0] is SEALED
