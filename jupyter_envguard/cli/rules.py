"""`rules`: what the rules of a policy look for, and how to repair what they find."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from jupyter_envguard.cli.context import Context
from jupyter_envguard.cli.terminal import columns
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.errors import NotFound, did_you_mean
from jupyter_envguard.policy import DEFAULT, RULES, Rule


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `rules`."""
    parser.add_argument("rule", nargs="?", metavar="RULE", help="explain this rule")


def rules(arguments: Namespace, context: Context) -> Answer:
    """List every rule there is, or explain one; no site is needed."""
    if arguments.rule is None:
        rows = [(rule.id, rule.severity, rule.why) for rule in RULES.values()]
        document = {"rules": [_as_json(rule) for rule in RULES.values()]}
        head, *lines = columns(rows, ("RULE", "SEVERITY", "WHY"))
        return Answer(document, [context.screen.paint(head, "bold"), *lines])
    rule = RULES.get(arguments.rule)
    if rule is None:
        hint = did_you_mean(arguments.rule, RULES) or "List them with jupyter envguard rules."
        raise NotFound("rule-unknown", f"There is no rule {arguments.rule!r}.", hint)
    used = "yes" if rule.id in DEFAULT.rules else "no, a site has to name it"
    said = {"severity": rule.severity, "why": rule.why, "repair": rule.fix, "in the default policy": used}
    return Answer(_as_json(rule), [rule.id, *(f"  {line}" for line in columns([*said.items()]))])


def _as_json(rule: Rule) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "severity": rule.severity,
        "why": rule.why,
        "fix": rule.fix,
        "default": rule.id in DEFAULT.rules,
    }


VERBS: Mapping[str, Verb] = MappingProxyType({"rules": Verb(arguments, rules)})
