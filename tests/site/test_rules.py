from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.policy import DEFAULT, RULES, Policy
from jupyter_envguard.site import parse
from tests.site.test_file import MINIMAL


def policy(text: str) -> Policy:
    return parse(f"{MINIMAL}policy:\n  {text}\n", Path("/srv/site.yaml")).policy


def mistake(text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        policy(text)
    return caught.value.message


def test_the_default_rules_are_those_of_the_program() -> None:
    assert policy("rules: default") == DEFAULT


def test_a_section_without_rules_has_the_default_ones() -> None:
    assert policy("allowed_pth: ['*.pth']").rules == DEFAULT.rules


def test_everything_can_be_said() -> None:
    found = policy(
        "{rules: [pip.mixed, fs.setuid], allowed_pth: [a.pth], "
        "allowed_channels: [conda-forge], severities: {pip.mixed: error}}"
    )
    assert found == Policy(
        rules=("pip.mixed", "fs.setuid"),
        allowed_pth=("a.pth",),
        allowed_channels=("conda-forge",),
        severities={"pip.mixed": "error"},
    )


def test_a_rule_that_does_not_exist_is_a_mistake() -> None:
    assert mistake("rules: [pip.mixd]").endswith(
        "9:11: There is no rule 'pip.mixd'. Did you mean 'pip.mixed'?"
    )


def test_no_rules_are_a_mistake() -> None:
    assert "none would refuse every pack" in mistake("rules: []")


def test_other_words_than_default_are_a_mistake() -> None:
    assert "Expected a list, found text." in mistake("rules: all")


def test_a_rule_listed_twice_is_a_mistake() -> None:
    assert "'pip.mixed' is there twice" in mistake("rules: [pip.mixed, pip.mixed]")


def test_a_severity_that_does_not_exist_is_a_mistake() -> None:
    assert "'fatal' is no severity. Write error, warning, info." in mistake("severities: {pip.mixed: fatal}")


def test_a_severity_of_no_rule_is_a_mistake() -> None:
    assert "Did you mean 'pip.mixed'?" in mistake("severities: {pip.mixd: error}")


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_can_be_named(rule: str) -> None:
    assert policy(f"rules: [{rule}]").rules == (rule,)
