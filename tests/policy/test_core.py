"""Rules, findings and verdicts in themselves."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.policy.core import (
    MOST_PATHS,
    SEVERITIES,
    Failed,
    Finding,
    Host,
    Passed,
    Policy,
    Problem,
    Rule,
    judge,
    verdict,
)
from jupyter_envguard.policy.facts import Facts
from tests.policy.inventories import HOST, calm, honest


def says_nothing(_: Facts) -> Iterator[Problem]:
    yield from ()


def complains(_: Facts) -> Iterator[Problem]:
    yield Problem("There is something.", ("b", "a"))


def breaks(_: Facts) -> Iterator[Problem]:
    yield Problem("There is something.")
    raise ValueError("a strange pack")


RULES = {
    "quiet": Rule("quiet", "error", "why", "fix", says_nothing),
    "loud": Rule("loud", "error", "why", "fix", complains),
    "broken": Rule("broken", "info", "why", "fix", breaks),
    "smoke": Rule("smoke", "error", "why", "fix", None),
}


def judged(*rules: str, **policy: object) -> Passed | Failed:
    return judge(Facts(honest(), Policy(rules=rules, **policy), HOST), RULES)  # type: ignore[arg-type]


class TestJudge:
    def test_a_policy_without_rules_refuses(self) -> None:
        verdict = judged()
        assert not verdict
        assert [finding.rule for finding in verdict.findings] == ["policy.empty"]

    def test_rules_that_need_a_running_kernel_judge_no_pack(self) -> None:
        assert [finding.rule for finding in judged("smoke").findings] == ["policy.empty"]

    def test_an_unknown_rule_refuses_and_is_named(self) -> None:
        verdict = judged("quiet", "unheard-of")
        assert not verdict
        assert [finding.rule for finding in verdict.findings] == ["policy.unknown-rule"]
        assert "'unheard-of'" in verdict.findings[0].message

    def test_only_unknown_rules_are_no_rules(self) -> None:
        rules = [finding.rule for finding in judged("unheard-of").findings]
        assert rules == ["policy.empty", "policy.unknown-rule"]

    def test_a_rule_without_findings_passes(self) -> None:
        assert judged("quiet") == Passed()

    def test_a_rule_with_a_finding_refuses(self) -> None:
        assert judged("quiet", "loud") == Failed(
            (Finding("loud", "error", "There is something.", "fix", ("a", "b")),)
        )

    def test_a_rule_that_breaks_refuses(self) -> None:
        verdict = judged("broken")
        assert not verdict
        assert [finding.rule for finding in verdict.findings] == ["policy.rule-failed"]
        assert "Rule broken broke on this pack (ValueError: a strange pack)" in verdict.findings[0].message

    def test_a_rule_named_twice_is_asked_once(self) -> None:
        assert len(judged("loud", "loud").findings) == 1

    @pytest.mark.parametrize(("severity", "passes"), [("error", False), ("warning", True), ("info", True)])
    def test_the_policy_says_how_grave_a_finding_is(self, severity: str, passes: bool) -> None:
        verdict = judged("loud", severities={"loud": severity})
        assert bool(verdict) is passes
        assert verdict.findings[0].severity == severity

    def test_a_refusal_of_the_policy_itself_cannot_be_softened(self) -> None:
        assert not judged("broken", "quiet", severities={"policy.rule-failed": "info", "broken": "info"})

    @calm
    @given(st.lists(st.sampled_from(sorted(RULES))))
    def test_more_rules_never_turn_a_refusal_into_a_pass(self, rules: list[str]) -> None:
        assert not judged("loud", *rules)

    @calm
    @given(st.permutations(["quiet", "loud", "broken"]))
    def test_the_order_of_rules_does_not_matter(self, rules: list[str]) -> None:
        assert judged(*rules) == judged("quiet", "loud", "broken")


class TestVerdict:
    def test_nothing_found_passes(self) -> None:
        assert verdict(()) == Passed()

    @pytest.mark.parametrize("severity", ["warning", "info"])
    def test_what_is_no_error_passes(self, severity: str) -> None:
        found = Finding("a", severity, "m", "f")  # type: ignore[arg-type]
        assert verdict([found]) == Passed((found,))

    def test_one_error_refuses_and_everything_is_kept(self) -> None:
        info, error, warning = (Finding("a", severity, "m", "f") for severity in ("info", "error", "warning"))  # type: ignore[arg-type]
        assert verdict([info, error, warning]) == Failed((error, warning, info))

    def test_findings_can_be_added_to_a_verdict(self) -> None:
        smoke = Finding("kernel.fails-to-start", "error", "m", "f")
        assert not verdict((*Passed().findings, smoke))

    @calm
    @given(st.lists(st.sampled_from(SEVERITIES)))
    def test_refuses_exactly_when_there_is_an_error(self, severities: list[str]) -> None:
        findings = [Finding("a", severity, "m", "f") for severity in severities]  # type: ignore[arg-type]
        assert bool(verdict(findings)) is ("error" not in severities)


class TestFinding:
    def test_has_a_json_form(self) -> None:
        assert Finding("a.b", "info", "m", "f", ("x",)).as_json() == {
            "rule": "a.b",
            "severity": "info",
            "message": "m",
            "fix": "f",
            "paths": ["x"],
        }

    def test_lists_a_bounded_number_of_paths(self) -> None:
        problem = Problem("many", tuple(f"{number:06}" for number in reversed(range(10_000))))
        paths = RULES["loud"].finding(problem, {}).paths
        assert len(paths) == MOST_PATHS
        assert paths[0] == "000000"


class TestPolicy:
    def test_refuses_a_severity_that_does_not_exist(self) -> None:
        with pytest.raises(InvalidInput, match="'fatal' of rule 'loud'") as caught:
            Policy(rules=("loud",), severities={"loud": "fatal"})  # type: ignore[dict-item]
        assert caught.value.code == "policy-invalid"

    def test_the_digest_depends_on_every_setting(self) -> None:
        policy = Policy(rules=("loud",))
        others = [
            replace(policy, rules=("quiet",)),
            replace(policy, allowed_pth=("x.pth",)),
            replace(policy, allowed_channels=("conda-forge",)),
            replace(policy, severities={"loud": "info"}),
        ]
        assert len({policy.digest(), *(other.digest() for other in others)}) == 5

    def test_the_digest_does_not_depend_on_order_or_repetition(self) -> None:
        one = Policy(rules=("a", "b"), severities={"a": "info", "b": "error"})
        two = Policy(rules=("b", "a", "b"), severities={"b": "error", "a": "info"})
        assert one.digest() == two.digest()

    def test_the_digest_is_frozen(self) -> None:
        policy = Policy(
            rules=("fs.changed",),
            allowed_pth=("x.pth",),
            allowed_channels=("conda-forge",),
            severities={"fs.changed": "warning"},
        )
        assert policy.digest() == "sha256:8d9dc0ad78264c0cfc9f3c9bcbd54f249d18a9d002dfea0de4bbde26b208bd99"


class TestHost:
    def test_knows_this_machine(self) -> None:
        here = Host.here()
        assert here.platform.startswith("linux-")
        assert abs(here.today - datetime.datetime.now(datetime.UTC).date()) <= datetime.timedelta(days=1)

    def test_an_unheard_of_machine_is_named_as_it_names_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("platform.machine", lambda: "riscv64")
        assert Host.here().platform == "linux-riscv64"
