from __future__ import annotations

from jupyter_envguard.policy import RULES
from tests.cli.conftest import Run


def test_lists_every_rule(run: Run) -> None:
    assert [rule["rule"] for rule in run("rules", "--json").json["rules"]] == list(RULES)
    assert run("rules").out.count("\n") == len(RULES) + 1


def test_explains_one(run: Run) -> None:
    name = next(iter(RULES))
    out = run("rules", name).out
    assert RULES[name].why in out
    assert RULES[name].fix in out


def test_a_near_miss_is_answered_with_what_was_meant(run: Run) -> None:
    done = run("rules", "fs.chnged")
    assert done.refusal == (4, "rule-unknown")
    assert "'fs.changed'" in done.err


def test_an_unknown_rule_is_answered_with_where_to_look(run: Run) -> None:
    assert run("rules", "zzzzzz", "--json").json["hint"] == "List them with jupyter envguard rules."
