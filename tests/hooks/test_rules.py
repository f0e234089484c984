from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.hooks import links, rules, trusted
from tests.hooks.machines import Machine, compiled, release, rule

DENY = rule("deny", "'{command}' is turned off {place}.")
ADA = trusted.Session("ada", frozenset({"students"}), frozenset({"user"}))
STRANGER = trusted.Session("ada", None, None)


@pytest.fixture
def frozen(tmp_path: Path) -> str:
    (tmp_path / "env/conda-meta").mkdir(parents=True)
    (tmp_path / "env/conda-meta/frozen").touch()
    return str(tmp_path / "env")


@pytest.fixture
def ruled(machine: Machine, tmp_path: Path) -> Machine:
    (tmp_path / "store/f0/bin").mkdir(parents=True)
    machine.rule(DENY, store=str(tmp_path / "store"))
    return machine


class TestEvaluate:
    """That rules are understood as the program understands them is shown in `tests/acl/test_compiled.py`."""

    def test_the_first_rule_that_fits_decides(self) -> None:
        acl = compiled(rule("allow", users=["ada"]), DENY)
        assert rules.evaluate(acl, "pip:install", "pip install", "environment", ADA).allowed
        bob = trusted.Session("bob", None, None)
        found = rules.evaluate(acl, "pip:install", "pip install", "environment", bob, ["nlp@1"])
        assert (found.allowed, found.message) == (False, "'pip install' is turned off for 'nlp@1'.")
        assert found.environment == "nlp"

    def test_a_record_is_an_allowance_and_a_word_nobody_knows_is_none(self) -> None:
        for effect, allowed in (("record", True), ("allow", True), ("deny", False), ("permit", False)):
            acl = compiled(rule(effect))
            ruling = rules.evaluate(acl, "pip:install", "p", "environment", ADA)
            assert (ruling.allowed, ruling.place) == (allowed, "environment")
            assert ruling.effect == (effect if allowed else "deny")

    def test_an_operation_or_a_place_without_rule_is_refused(self) -> None:
        acl = compiled(rule("allow"))
        assert rules.evaluate(acl, "x:y", "x", "own", ADA).message == "x is unknown."
        uncovered = rules.evaluate(acl, "pip:install", "x", "own", ADA)
        assert uncovered.message == "x is covered by no rule for your own."

    @pytest.mark.parametrize(
        ("who", "holds"),
        [({"groups": ["students"]}, True), ({"roles": ["user"]}, True), ({"groups": ["staff"]}, False)],
    )
    def test_groups_and_roles_count_where_they_are_known(self, who: dict[str, Any], holds: bool) -> None:
        acl = compiled(rule("allow", **who), DENY)
        assert rules.evaluate(acl, "pip:install", "x", "environment", ADA).allowed is holds
        assert not rules.evaluate(acl, "pip:install", "x", "environment", STRANGER).allowed
        acl = compiled(rule("deny", **who), rule("allow"))
        assert rules.evaluate(acl, "pip:install", "x", "environment", ADA).allowed is not holds
        assert not rules.evaluate(acl, "pip:install", "x", "environment", STRANGER).allowed

    def test_a_rule_for_one_environment_holds_in_no_other(self) -> None:
        acl = compiled(rule("allow", environments=["sci"]), DENY)
        for names, allowed in (
            (["sci@1"], True),
            (["nlp@1"], False),
            (["nlp@1", "sci@2"], True),
            ([], False),
        ):
            found = rules.evaluate(acl, "pip:install", "x", "environment", ADA, names)
            assert found.allowed is allowed
        acl = compiled(rule("deny", environments=["sci"]), rule("allow"))
        assert not rules.evaluate(acl, "pip:install", "x", "environment", ADA).allowed


class TestDecide:
    def test_asks_the_file_and_says_where_to_ask(self, ruled: Machine, tmp_path: Path) -> None:
        found = rules.decide("pip:install", "pip install", str(tmp_path / "store/f0"), ["x>=2", "y"])
        assert found.link == "https://example.org/ask?for=x%3E%3D2%20y&in="
        assert str(found) == (
            f"'pip install' is turned off for approved environments. Ask for a package: {found.link}"
        )

    def test_calls_the_environment_as_the_site_does(self, ruled: Machine, tmp_path: Path) -> None:
        ruled.list(release("sci", "2026.11"), release("other", folder="f1"))
        inside = str(tmp_path / "store/f0/bin")
        found = rules.decide("pip:install", "pip install", inside, name="made-up@1")
        assert found.message == "'pip install' is turned off for 'sci@2026.11'."
        assert found.link.endswith("&in=sci")

    def test_calls_it_as_the_session_does_where_the_site_says_nothing_else(
        self, ruled: Machine, tmp_path: Path
    ) -> None:
        prefix = str(tmp_path / "store/f0")
        assert "'nlp@1'" in rules.decide("pip:install", "x", prefix, name="nlp@1").message
        ruled.list(release("sci"), release("nlp"))
        assert "'nlp@1'" in rules.decide("pip:install", "x", prefix, name="nlp@1").message

    def test_without_an_address_the_own_form_is_named(
        self, ruled: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ruled.write(ruled.acl, compiled(DENY, store=str(tmp_path / "store")) | {"request": ""})
        prefix = str(tmp_path / "store/f0")
        assert rules.decide("pip:install", "x", prefix).hint == rules.ASK
        monkeypatch.setenv(links.PREFIX, "/user/ada/")
        found = rules.decide("pip:install", "x", prefix, ["y"])
        assert found.hint == "Ask for a package: /user/ada/lab?envguard-request=y&envguard-environment="

    def test_without_a_file_to_believe_changes_of_frozen_environments_and_nothing_else_are_refused(
        self, machine: Machine, frozen: str, tmp_path: Path
    ) -> None:
        refused = rules.decide("pip:install", "pip install", frozen, name="nlp@1")
        assert str(refused) == (
            "'pip install' is turned off for the approved environment 'nlp@1'; nothing was changed. "
            f"{rules.ASK}"
        )
        assert "for approved environments;" in rules.decide("pip:install", "x", frozen).message
        for operation, prefix in (("pip:install", str(tmp_path)), ("pip:list", frozen), ("pip:?", frozen)):
            assert rules.decide(operation, "x", prefix).allowed

    @pytest.mark.parametrize("missing", ["store", "rules", "places", "operations", "unknown"])
    def test_a_file_that_is_not_in_its_own_format_is_as_good_as_none(
        self, machine: Machine, frozen: str, missing: str
    ) -> None:
        acl = compiled(DENY, store=frozen)
        del acl[missing]
        machine.write(machine.acl, acl)
        operation = "x:y" if missing == "unknown" else "pip:install"
        assert rules.decide(operation, "x", frozen).rule == (
            "not-frozen" if missing == "unknown" else "frozen"
        )

    def test_lines_are_read_by_the_sites_grammar_where_there_is_one(self, machine: Machine) -> None:
        assert rules.grammar() == trusted.grammar()["commands"]
        machine.write(machine.acl, compiled() | {"commands": {"x": {}}})
        assert rules.grammar() == {"x": {}}
        machine.write(machine.acl, compiled() | {"commands": []})
        assert rules.grammar() == trusted.grammar()["commands"]


class TestPlaces:
    def test_the_store_and_what_lies_below_is_an_environment(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("store")
        for prefix in ("store", "store/abc", "store/abc/../x", "link/abc"):
            assert rules.place_of(str(tmp_path / prefix), str(tmp_path / "store")) == "environment"

    def test_what_the_user_owns_or_could_make_is_their_own(self, tmp_path: Path) -> None:
        assert rules.place_of(str(tmp_path / "new/er"), str(tmp_path / "store")) == "own"
        assert rules.place_of(str(tmp_path / "storeroom"), str(tmp_path / "store")) == "own"

    def test_a_link_to_itself_is_whose_it_is(self, tmp_path: Path) -> None:
        (tmp_path / "loop").symlink_to("loop")
        assert rules.place_of(str(tmp_path / "loop"), str(tmp_path / "store")) == "own"

    def test_everything_else_is_anywhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        assert rules.place_of("/usr", "/opt/envguard") == "anywhere"
