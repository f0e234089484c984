"""The rules about package operations: who, where, what, and what then.

A rule is checked when it is made, so that there is none whose meaning had to be guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from jupyter_envguard.acl.checks import (
    NAMED,
    Effect,
    PlaceKind,
    check_effect,
    check_id,
    check_message,
    check_place,
    check_subject,
)
from jupyter_envguard.acl.operations import check_pattern, closeness
from jupyter_envguard.errors import InvalidInput

SENTENCES: Mapping[Effect, str] = MappingProxyType(
    {
        "allow": "'{command}' is allowed {place}.",
        "record": "'{command}' is allowed {place}, and is recorded.",
        "deny": "'{command}' is turned off {place}; nothing was changed.",
    }
)
"""What a rule says that has no sentence of its own."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks."""

    name: str
    """The user's name."""
    groups: frozenset[str] | None = frozenset()
    """The user's groups; None when they are not known, and then what denies a group denies this person."""
    roles: frozenset[str] | None = frozenset()
    """The user's roles at the hub; None as with groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Who may, or may not, do what and where."""

    id: str
    """Name of the rule, lower-case words with hyphens: it is shown and recorded."""
    effect: Effect
    """`deny`, `allow`, or `record`: allowed, and an event says so."""
    what: tuple[str, ...]
    """Operations: `conda:install`, `conda:*`, `changes`, `settings`, `reads` or `everything`."""
    where: tuple[str, ...]
    """Places: `environment`, `environment:datasci`, `own` or `anywhere`, which is every place."""
    everybody: bool = False
    """Whether it is about every person; if not, it is about those who are named."""
    users: tuple[str, ...] = ()
    """Names of users."""
    groups: tuple[str, ...] = ()
    """Names of groups; one is enough."""
    roles: tuple[str, ...] = ()
    """Names of roles at the hub; one is enough."""
    message: str = ""
    """The sentence for the person, with `{command}` and `{place}`; empty for the usual one."""

    def __post_init__(self) -> None:
        """Raise `acl-invalid` for a rule that could not be meant, so that none is ever guessed at."""
        check_id(self.id)
        check_effect(self.effect)
        check_message(self.message)
        for place in self.where:
            check_place(place)
        for pattern in self.what:
            check_pattern(pattern)
        for name in (*self.users, *self.groups, *self.roles):
            check_subject(name)
        if self.environments and {"environment", "anywhere"}.intersection(self.where):
            raise InvalidInput(
                "acl-invalid",
                f"The rule {self.id!r} names an environment and holds in every one.",
                "Name the environments, or write environment or anywhere.",
            )
        named = bool(self.users or self.groups or self.roles)
        if self.everybody == named or not self.where or not self.what:
            raise InvalidInput(
                "acl-invalid",
                f"The rule {self.id!r} has to say about whom it is, where it holds and what it is about.",
                "Name users, groups or roles, or everybody; at least one place and one operation.",
            )

    @property
    def sentence(self) -> str:
        """What the person is told, placeholders included."""
        return self.message or SENTENCES[self.effect]

    @property
    def environments(self) -> tuple[str, ...]:
        """The approved environments that are named; the rule holds in no others."""
        return tuple(place.removeprefix(NAMED) for place in self.where if place.startswith(NAMED))

    def holds_in(self, environment: str) -> bool:
        """Return whether the rule holds in `environment`; a denial does also when its name is not known."""
        if not environment:
            return not self.environments or self.effect == "deny"
        return not self.environments or environment in self.environments

    def is_about(self, person: Person) -> bool:
        """Return whether the rule speaks of `person`; a denial does also when that cannot be known."""
        denies = self.effect == "deny"
        return (
            self.everybody
            or person.name in self.users
            or _shares(self.groups, person.groups, denies)
            or _shares(self.roles, person.roles, denies)
        )


def _shares(named: tuple[str, ...], known: frozenset[str] | None, otherwise: bool) -> bool:
    return bool(named) and otherwise if known is None else not known.isdisjoint(named)


SEALED = Rule(
    id="approved-environments", effect="deny", everybody=True, where=("environment",), what=("changes",)
)
"""Holds at every site and cannot be taken away: an approved environment does not change."""

DEFAULTS = (
    Rule(id="own-environments", effect="record", everybody=True, where=("own",), what=("changes",)),
    Rule(id="own-settings", effect="record", everybody=True, where=("anywhere",), what=("settings",)),
    Rule(id="reading", effect="allow", everybody=True, where=("anywhere",), what=("reads",)),
)
"""Hold unless a site says `defaults: false`."""

UNCOVERED = "no-rule"
"""Stands for the rule when none is about the operation and the person."""
UNKNOWN = "unknown-operation"
"""Stands for the rule when nobody knows the operation."""


@dataclass(frozen=True, slots=True)
class Acl:
    """The rules of a site."""

    rules: tuple[Rule, ...] = ()
    """What the site says itself."""
    defaults: bool = True
    """Whether the rules that are shipped hold as well; `approved-environments` always does."""

    def __post_init__(self) -> None:
        """Raise `acl-invalid` when two rules have one id, or one has an id that means something else."""
        seen = {UNCOVERED, UNKNOWN, SEALED.id, *(rule.id for rule in DEFAULTS)}
        for rule in self.rules:
            if rule.id in seen:
                raise InvalidInput(
                    "acl-invalid", f"There is a rule {rule.id!r} already.", "Give it another id."
                )
            seen.add(rule.id)

    def in_force(self) -> tuple[Rule, ...]:
        """Return every rule that holds, the site's own first."""
        return (*self.rules, SEALED, *(DEFAULTS if self.defaults else ()))

    def about(self, operation: str, place: PlaceKind) -> list[Rule]:
        """Return the rules for a known `operation` at `place` in the order in which they decide."""
        found = [(rule, rank) for rule in self.in_force() if (rank := _rank(rule, operation, place))]
        return [rule for rule, _ in sorted(found, key=lambda item: item[1])]


SHIPPED = Acl()
"""What holds at a site that says nothing about it."""


def _rank(rule: Rule, operation: str, place: PlaceKind) -> tuple[int, ...]:
    """Return where `rule` stands among those about `operation` at `place`; empty when it is not about them.

    Denials come first, then whoever names person, operation and place more
    closely, then what is recorded. The sort keeps the order of the file for the rest.
    """
    what = max(closeness(pattern, operation) for pattern in rule.what)
    if rule.environments and place == "environment":
        where = 3
    else:
        where = 2 if place in rule.where and place != "anywhere" else int("anywhere" in rule.where)
    if not what or not where:
        return ()
    who = 0 if rule.everybody else 1 if rule.groups or rule.roles else 2
    return (int(rule.effect != "deny"), -who, -what, -where, int(rule.effect != "record"))
