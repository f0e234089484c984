"""The `policy` section of a site file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from yaml.nodes import Node, ScalarNode

from jupyter_envguard.errors import InvalidInput, did_you_mean
from jupyter_envguard.policy import DEFAULT, RULES, SEVERITIES, Policy, Severity
from jupyter_envguard.site import reading
from jupyter_envguard.site.reading import Mistakes

EVERY_RULE = "default"
"""What `rules` says to have the default ones."""


def policy(node: Node, mistakes: Mistakes) -> Policy:
    """Return the policy that a `policy` section describes, noting rules and severities that do not exist."""
    nodes = reading.members(node, READERS, mistakes)
    values = {key: READERS[key](value, mistakes) for key, value in nodes.items()}
    return Policy(**({"rules": DEFAULT.rules} | values))


def _rules(node: Node, mistakes: Mistakes) -> tuple[str, ...]:
    if isinstance(node, ScalarNode) and node.value == EVERY_RULE:
        return DEFAULT.rules
    found = reading.items(node, _rule, mistakes)
    if not found:
        mistakes.add(
            node, f"Write rules: {EVERY_RULE}, or list at least one rule; none would refuse every pack."
        )
    return found


def _rule(node: Node, mistakes: Mistakes) -> str | None:
    return reading.checked(node, _known_rule, mistakes)


def _texts(node: Node, mistakes: Mistakes) -> tuple[str, ...]:
    return reading.items(node, reading.text, mistakes)


def _severities(node: Node, mistakes: Mistakes) -> Mapping[str, Severity]:
    found = {
        rule: reading.checked(value, _severity, mistakes)
        for rule, value in reading.members(node, RULES, mistakes).items()
    }
    return MappingProxyType({rule: severity for rule, severity in found.items() if severity})


READERS: Mapping[str, Callable[[Node, Mistakes], Any]] = MappingProxyType(
    {
        "rules": _rules,
        "allowed_pth": _texts,
        "allowed_channels": _texts,
        "severities": _severities,
    }
)
"""The keys of the section, and what reads each."""


def _known_rule(text: str) -> str:
    if text in RULES:
        return text
    raise InvalidInput("invalid-argument", f"There is no rule {text!r}.", did_you_mean(text, RULES))


def _severity(text: str) -> Severity:
    if text in SEVERITIES:
        return text
    raise InvalidInput("invalid-argument", f"{text!r} is no severity.", f"Write {', '.join(SEVERITIES)}.")
