"""All rules, the default policy, and the one function that judges a pack."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from jupyter_envguard.errors import NotFound, did_you_mean
from jupyter_envguard.inventory import Inventory
from jupyter_envguard.policy import files, kernel, pins, platforms, python, records, startup
from jupyter_envguard.policy.core import Finding, Host, Policy, Problem, Rule, Verdict, judge
from jupyter_envguard.policy.facts import Facts

_GROUPS = (kernel, platforms, python, pins, files, records, startup)

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for group in _GROUPS for rule in group.RULES})
"""Every rule by its id. Ids are permanent: approvals and site files name them."""

DEFAULT = Policy(rules=tuple(RULES))
"""What a site demands that says nothing: every rule, as grave as the rule says."""


def evaluate(inventory: Inventory, policy: Policy, host: Host) -> Verdict:
    """Return what `policy` says about a pack that is to run on `host`.

    Nothing is read or run, and equal arguments give an equal verdict.
    """
    return judge(Facts(inventory, policy, host), RULES)


def finding(rule: str, message: str, paths: tuple[str, ...] = (), policy: Policy = DEFAULT) -> Finding:
    """Return a finding of `rule` from outside the pack, such as from the smoke test."""
    return _rule(rule).finding(Problem(message, paths), policy.severities)


def explain(rule: str) -> str:
    """Return what `rule` is for and what to do about it, or raise `rule-unknown`."""
    found = _rule(rule)
    return f"{found.id} ({found.severity})\n\n{found.why}\n\nTo repair it: {found.fix}\n"


def _rule(name: str) -> Rule:
    if name not in RULES:
        raise NotFound("rule-unknown", f"There is no policy rule {name!r}.", did_you_mean(name, RULES))
    return RULES[name]
