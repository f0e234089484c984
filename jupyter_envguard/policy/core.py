"""The values of a policy: rules, findings, verdicts. Nothing here knows any rule.

A rule looks at the facts and reports problems; the rule lends them its id, its
severity and the way to repair them, and so they become findings. A verdict
holds every finding, not the first, and refuses when one of them is an error.
"""

from __future__ import annotations

import datetime
import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.spec import canonical_json, sha256_digest

if TYPE_CHECKING:
    from jupyter_envguard.policy.facts import Facts

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

MOST_PATHS = 100
"""Paths that a finding lists; its message says how many there are."""

_SUBDIRS = {"x86_64": "linux-64", "aarch64": "linux-aarch64"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule has to say about a pack, before it is known how grave that is."""

    message: str
    """One sentence that names the package, file or setting."""
    paths: tuple[str, ...] = ()
    """The paths in question, all of them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason against a pack, or one thing worth knowing about it."""

    rule: str
    """Id of the rule, such as `fs.changed`."""
    severity: Severity
    """Only an error refuses."""
    message: str
    """One sentence that names the package, file or setting."""
    fix: str
    """What to do about it."""
    paths: tuple[str, ...] = ()
    """Paths in the environment, sorted, at most `MOST_PATHS`."""

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "message": self.message,
            "fix": self.fix,
            "paths": list(self.paths),
        }


@dataclass(frozen=True, slots=True)
class Passed:
    """The pack may be used; what was found is worth reading nevertheless."""

    findings: tuple[Finding, ...] = ()
    """Warnings and remarks, gravest first."""

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Failed:
    """The pack may not be used."""

    findings: tuple[Finding, ...]
    """Everything that was found, gravest first; at least one is an error."""

    def __bool__(self) -> bool:
        return False


Verdict = Passed | Failed
Check = Callable[["Facts"], Iterable[Problem]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a policy can demand of a pack."""

    id: str
    """Permanent name, group and subject: `pip.shadows-conda`."""
    severity: Severity
    """How grave a finding is unless the policy says otherwise."""
    why: str
    """Why the rule exists, for the person whose pack was refused."""
    fix: str
    """What to do about a finding."""
    check: Check | None
    """What finds the problems; None when they only show in a running kernel (the smoke test)."""

    def finding(self, problem: Problem, severities: Mapping[str, Severity]) -> Finding:
        """Return `problem` as a finding of this rule, as grave as `severities` or the rule say."""
        paths = tuple(sorted(problem.paths)[:MOST_PATHS])
        severity = severities.get(self.id, self.severity)
        return Finding(self.id, severity, problem.message, self.fix, paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a site demands of packs; its digest stands in every approval."""

    rules: tuple[str, ...]
    """Ids of the rules that count; none, or an unknown one, refuses every pack."""
    allowed_pth: tuple[str, ...] = ()
    """`.pth` files that may run code: `sha256:` digests of their content, or patterns of their names."""
    allowed_channels: tuple[str, ...] = ()
    """Channels that packages may come from, by name or address; empty allows all."""
    severities: Mapping[str, Severity] = field(default_factory=lambda: MappingProxyType({}))
    """How grave findings of a rule are, where the site judges differently from the rule."""

    def __post_init__(self) -> None:
        """Refuse a severity that does not exist; rules are looked up when a pack is judged."""
        for rule, severity in self.severities.items():
            if severity not in SEVERITIES:
                raise InvalidInput(
                    "policy-invalid",
                    f"The severity {severity!r} of rule {rule!r} does not exist.",
                    "Write error, warning or info; to switch a rule off, leave it out of the rules.",
                )

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form, in which order says nothing."""
        return {
            "rules": sorted(set(self.rules)),
            "allowed_pth": sorted(set(self.allowed_pth)),
            "allowed_channels": sorted(set(self.allowed_channels)),
            "severities": dict(self.severities),
        }

    def digest(self) -> str:
        """Return the digest of the JSON form."""
        return sha256_digest(canonical_json(self.as_json()))


@dataclass(frozen=True, slots=True)
class Host:
    """What a pack is judged for: the machines that will run it, and today."""

    platform: str
    """Conda subdir, such as `linux-64`."""
    today: datetime.date
    """The date that end-of-life dates are compared with."""

    @classmethod
    def here(cls) -> Host:
        """Return this machine, today."""
        machine = platform.machine()
        today = datetime.datetime.now(datetime.UTC).date()
        return cls(_SUBDIRS.get(machine, f"linux-{machine}"), today)


def verdict(findings: Iterable[Finding]) -> Verdict:
    """Return the verdict over `findings`, which it sorts gravest first, then by rule."""
    ordered = tuple(sorted(findings, key=lambda item: (SEVERITIES.index(item.severity), item.rule)))
    refused = any(finding.severity == "error" for finding in ordered)
    return Failed(ordered) if refused else Passed(ordered)


def judge(facts: Facts, rules: Mapping[str, Rule]) -> Verdict:
    """Return the verdict of the facts' policy, whose rules are looked up in `rules`.

    A policy without a rule that can be checked refuses (`policy.empty`), and so
    do a rule that does not exist (`policy.unknown-rule`) and one that breaks
    (`policy.rule-failed`): what could not be judged is not allowed.
    """
    policy = facts.policy
    findings: list[Finding] = []
    for name in dict.fromkeys(policy.rules):
        rule = rules.get(name)
        if rule is None:
            findings.append(
                _refusal("policy.unknown-rule", f"There is no rule {name!r}.", "Remove it, or correct it.")
            )
        elif rule.check is not None:
            findings += _apply(rule, rule.check, facts)
    if not any((rule := rules.get(name)) and rule.check for name in policy.rules):
        findings.append(
            _refusal("policy.empty", "The policy has no rule to judge a pack by.", "Write rules: default.")
        )
    return verdict(findings)


def _apply(rule: Rule, check: Check, facts: Facts) -> Iterable[Finding]:
    try:
        return [rule.finding(problem, facts.policy.severities) for problem in check(facts)]
    except Exception as error:  # noqa: BLE001 - a rule that breaks on a strange pack must refuse it, not let it by
        what = f"Rule {rule.id} broke on this pack ({type(error).__name__}: {error})."
        return [
            _refusal(
                "policy.rule-failed", what, "Report this with the pack; the rule can be left out meanwhile."
            )
        ]


def _refusal(rule: str, message: str, fix: str) -> Finding:
    return Finding(rule, "error", message, fix)
