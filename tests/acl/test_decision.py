from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.acl import SHIPPED, Acl, Operation, Person, Place, Rule, decide, hint_for, operation_of
from jupyter_envguard.acl.checks import EFFECTS
from tests.acl.rulesets import AT, MAYBE, OPERATION, PEOPLE, acls, calm, rules

ADA = Person("ada", frozenset({"students"}))
ENVIRONMENT, OWN, ANYWHERE = Place("environment", "sci"), Place("own"), Place("anywhere")


def of(line: str) -> Operation:
    found = operation_of(line.split())
    assert found is not None
    return found


class TestShippedRules:
    def test_turn_changes_of_approved_environments_off_in_a_clear_sentence(self) -> None:
        ruling = decide(SHIPPED, ADA, ENVIRONMENT, of("conda install numpy"), hint="Ask.")
        assert not ruling
        assert (ruling.rule, ruling.hint) == ("approved-environments", "Ask.")
        assert ruling.message == (
            "'conda install' is turned off for the approved environment 'sci'; nothing was changed."
        )

    def test_say_so_too_when_the_name_of_the_environment_is_not_known(self) -> None:
        ruling = decide(SHIPPED, ADA, Place("environment"), of("pip install x"))
        assert ruling.message == "'pip install' is turned off for approved environments; nothing was changed."

    def test_record_changes_of_one_s_own(self) -> None:
        ruling = decide(SHIPPED, ADA, OWN, of("python -m pip install x"), hint="Ask.")
        assert ruling
        assert (ruling.effect, ruling.rule, ruling.hint) == ("record", "own-environments", "")
        assert ruling.message == "'pip install' is allowed for your own environments, and is recorded."

    @pytest.mark.parametrize("place", [ENVIRONMENT, OWN, ANYWHERE])
    def test_let_people_look_everywhere(self, place: Place) -> None:
        assert decide(SHIPPED, ADA, place, of("conda list")).effect == "allow"

    def test_record_what_people_set_for_themselves(self) -> None:
        assert decide(SHIPPED, ADA, ENVIRONMENT, of("conda clean --all")).effect == "record"

    def test_allow_no_change_of_what_is_neither_approved_nor_one_s_own(self) -> None:
        ruling = decide(SHIPPED, ADA, ANYWHERE, of("npm install -g x"))
        assert (ruling.effect, ruling.rule) == ("deny", "no-rule")
        assert ruling.message == "No rule allows 'npm install -g' at this site; nothing was changed."


class TestDecide:
    def test_denies_what_nobody_knows(self) -> None:
        everything = Rule(id="x", effect="allow", everybody=True, where=("anywhere",), what=("everything",))
        ruling = decide(Acl((everything,)), ADA, OWN, of("pip frobnicate"))
        assert (ruling.effect, ruling.rule) == ("deny", "unknown-operation")
        assert "'pip frobnicate'" in ruling.message

    def test_denies_without_any_rule_about_it(self) -> None:
        assert decide(Acl(defaults=False), ADA, OWN, of("conda list")).rule == "no-rule"

    def test_lets_the_closest_permission_decide_whether_to_record(self) -> None:
        teachers = Rule(id="t", effect="allow", groups=("teachers",), where=("own",), what=("changes",))
        effects = [
            decide(Acl((teachers,)), Person("x", frozenset(groups)), OWN, of("pip install x")).effect
            for groups in ((), ("teachers",))
        ]
        assert effects == ["record", "allow"]

    def test_explains_a_denial_by_the_closest_rule(self) -> None:
        own = Rule(
            id="form",
            effect="deny",
            everybody=True,
            where=("environment",),
            what=("conda:install",),
            message="Use the form, not '{command}'.",
        )
        ruling = decide(Acl((own,)), ADA, ENVIRONMENT, of("conda install x"))
        assert (ruling.rule, ruling.message) == ("form", "Use the form, not 'conda install'.")

    @pytest.mark.parametrize(
        ("line", "place", "effect", "decided"),
        [
            ("conda run -n x pip install y", ENVIRONMENT, "deny", "pip:install"),
            ("conda run -n x pip install y", OWN, "record", "pip:install"),
            ("conda run -n x pip list", OWN, "allow", "conda:run"),
            ("conda run -n x pip frob", OWN, "deny", "pip:?"),
        ],
    )
    def test_of_commands_inside_each_other_the_stricter_ruling_counts(
        self, line: str, place: Place, effect: str, decided: str
    ) -> None:
        ruling = decide(SHIPPED, ADA, place, of(line))
        assert (ruling.effect, ruling.operation.id) == (effect, decided)

    def test_a_denied_outer_command_is_denied_whatever_it_runs(self) -> None:
        no_run = Rule(id="no-run", effect="deny", everybody=True, where=("anywhere",), what=("conda:run",))
        assert decide(Acl((no_run,)), ADA, OWN, of("conda run pip list")).rule == "no-run"

    @pytest.mark.parametrize(
        ("line", "place", "code"),
        [
            ("pip install x", ENVIRONMENT, "operation-denied"),
            ("pip install x", ANYWHERE, "operation-uncovered"),
            ("pip frob x", OWN, "operation-unknown"),
        ],
    )
    def test_a_denial_can_be_raised(self, line: str, place: Place, code: str) -> None:
        error = decide(SHIPPED, ADA, place, of(line), hint="Ask.").as_error()
        assert (error.code, error.hint) == (code, "Ask.")


class TestProperties:
    @calm
    @given(acls(), PEOPLE, AT, OPERATION, rules(9))
    def test_another_denial_never_allows_more(
        self, acl: Acl, person: Person, place: Place, operation: Operation, more: Rule
    ) -> None:
        stricter = Acl((*acl.rules, replace(more, effect="deny")), acl.defaults)
        assert decide(acl, person, place, operation) or not decide(stricter, person, place, operation)

    @calm
    @given(acls(), PEOPLE, AT, OPERATION)
    def test_a_denial_about_the_person_and_the_operation_always_wins(
        self, acl: Acl, person: Person, place: Place, operation: Operation
    ) -> None:
        about = acl.about(operation.id, place.kind) if operation.id != "pip:?" else []
        denied = [rule.id for rule in about if rule.effect == "deny" and rule.is_about(person)]
        ruling = decide(acl, person, place, operation)
        assert not denied or ruling.rule == denied[0]

    @calm
    @given(acls(), PEOPLE, AT, OPERATION, MAYBE, MAYBE)
    def test_what_is_allowed_to_a_stranger_is_allowed_whatever_the_groups_turn_out_to_be(
        self,
        acl: Acl,
        person: Person,
        place: Place,
        operation: Operation,
        groups: frozenset[str] | None,
        roles: frozenset[str] | None,
    ) -> None:
        stranger = decide(acl, Person(person.name, None, None), place, operation)
        assert not stranger or decide(acl, Person(person.name, groups, roles), place, operation)

    @calm
    @given(acls(), PEOPLE, st.sampled_from(["conda", "pip", "uv", "npm", "mamba"]))
    def test_nobody_ever_changes_an_approved_environment(self, acl: Acl, person: Person, tool: str) -> None:
        assert not decide(acl, person, ENVIRONMENT, Operation(f"{tool}:install", f"{tool} install"))

    @calm
    @given(acls(), PEOPLE, AT, st.lists(OPERATION, min_size=1, max_size=4))
    def test_a_chain_is_as_strict_as_its_strictest_part(
        self, acl: Acl, person: Person, place: Place, steps: list[Operation]
    ) -> None:
        chain: Operation | None = None
        for step in steps:
            chain = replace(step, inside=chain)
        assert chain is not None
        found = [decide(acl, person, place, step).effect for step in steps]
        assert decide(acl, person, place, chain).effect == max(found, key=EFFECTS.index)


def test_the_hint_names_the_request_link_or_the_people() -> None:
    assert hint_for("https://example.org/ask") == "Ask for a package: https://example.org/ask"
    assert hint_for("") == "Ask the people who run this hub for it."
