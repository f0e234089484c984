"""The `acl` section of a site file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from jupyter_envguard.acl import Acl, Rule
from jupyter_envguard.acl.checks import (
    NAMED,
    check_effect,
    check_id,
    check_message,
    check_place,
    check_subject,
)
from jupyter_envguard.acl.operations import check_pattern
from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.site import reading
from jupyter_envguard.site.reading import Mistakes

EVERYBODY = "everybody"
"""What `who` says to mean every person."""
OPTIONAL = frozenset({"message"})
KEYS = ("rules", "defaults")
"""The keys of the section."""


def acl(node: Node, mistakes: Mistakes) -> Acl:
    """Return the rules that an `acl` section describes, noting what cannot be meant."""
    nodes = reading.members(node, KEYS, mistakes)
    defaults = reading.boolean(nodes["defaults"], mistakes) if "defaults" in nodes else True
    rules = Acl(defaults=defaults is not False)
    items = reading.items(nodes["rules"], lambda item, _: item, mistakes) if "rules" in nodes else ()
    for item in items:
        try:
            rule = _rule(item, mistakes)
            rules = Acl((*rules.rules, *([rule] if rule else [])), rules.defaults)
        except EnvGuardError as error:
            mistakes.add(item, f"{error.message} {error.hint}")
    return rules


def _rule(node: Node, mistakes: Mistakes) -> Rule | None:
    """Return one rule, or None when something about it was noted."""
    before = len(mistakes.found)
    nodes = reading.members(node, READERS, mistakes)
    if isinstance(node, MappingNode):
        for key in sorted(READERS.keys() - OPTIONAL - nodes.keys()):
            mistakes.add(node, f"The rule has no {key!r}.")
    values = {key: READERS[key](value, mistakes) for key, value in nodes.items()}
    if len(mistakes.found) > before:
        return None
    return Rule(**values.pop("who"), **values)


def _who(node: Node, mistakes: Mistakes) -> dict[str, Any]:
    if isinstance(node, ScalarNode) and node.value == EVERYBODY:
        return {"everybody": True}
    if not isinstance(node, MappingNode) or not node.value:
        mistakes.add(node, f"Write {EVERYBODY}, or name users, groups or roles.")
        return {}
    nodes = reading.members(node, ("users", "groups", "roles"), mistakes)
    return {key: _several(check_subject)(value, mistakes) for key, value in nodes.items()}


def _where(node: Node, mistakes: Mistakes) -> tuple[str, ...]:
    """Return the places that `node` names: words, or below `environment` the names of approved ones."""
    if isinstance(node, MappingNode):
        nodes = reading.members(node, ("environment",), mistakes)
        if not node.value:
            mistakes.add(node, "Name an environment.")
        return tuple(place for named in nodes.values() for place in _several(_named)(named, mistakes))
    if isinstance(node, SequenceNode) and any(isinstance(item, MappingNode) for item in node.value):
        return tuple(place for item in node.value for place in _where(item, mistakes))
    return _several(check_place)(node, mistakes)


def _named(environment: str) -> str:
    return check_place(f"{NAMED}{environment}")


def _several(check: Callable[[str], Any]) -> Callable[[Node, Mistakes], tuple[Any, ...]]:
    """Return a reader for a list of texts that `check` accepts; one text alone is a list of one."""

    def read(node: Node, mistakes: Mistakes) -> tuple[Any, ...]:
        if isinstance(node, ScalarNode):
            value = reading.checked(node, check, mistakes)
            return () if value is None else (value,)
        if isinstance(node, SequenceNode) and not node.value:
            mistakes.add(node, "An empty list would mean nobody and nothing: name at least one.")
        return reading.items(node, lambda item, _: reading.checked(item, check, mistakes), mistakes)

    return read


def _one(check: Callable[[str], Any]) -> Callable[[Node, Mistakes], Any]:
    return lambda node, mistakes: reading.checked(node, check, mistakes)


READERS: Mapping[str, Callable[[Node, Mistakes], Any]] = MappingProxyType(
    {
        "id": _one(check_id),
        "who": _who,
        "where": _where,
        "what": _several(check_pattern),
        "effect": _one(check_effect),
        "message": _one(check_message),
    }
)
"""The keys of a rule, and what reads each."""
