"""Who may do which package operation, and where: `decide`, one pure function.

>>> acl = Acl((Rule(id="no-npm", effect="deny", groups=("students",), where=("anywhere",), what=("npm:*",)),))
>>> ada = Person("ada", frozenset({"students"}))
>>> ruling = decide(acl, ada, Place("own"), Operation("npm:install", "npm i"))
>>> ruling.effect, ruling.rule
('deny', 'no-npm')

A denial wins over every permission. Among those that say the same, and between
allowing and allowing with a record, the most specific rule decides: it names
the person, the operation and the place most closely. What no rule covers is
denied, and so is an operation that nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from jupyter_envguard import errors
from jupyter_envguard.acl.checks import EFFECTS, Effect, PlaceKind
from jupyter_envguard.acl.commandline import Operation
from jupyter_envguard.acl.operations import OPERATIONS
from jupyter_envguard.acl.rules import UNCOVERED, UNKNOWN, Acl, Person
from jupyter_envguard.hooks.links import filled
from jupyter_envguard.hooks.rules import ASK

WHERE: Mapping[PlaceKind, str] = MappingProxyType(
    {
        "environment": "for approved environments",
        "own": "for your own environments",
        "anywhere": "at this site",
    }
)
"""What `{place}` in a sentence stands for."""
NAMED = "for the approved environment '{name}'"
"""What it stands for when the environment's name is known."""
OTHERWISE: Mapping[str, str] = MappingProxyType(
    {
        UNCOVERED: "No rule allows '{command}' {place}; nothing was changed.",
        UNKNOWN: "'{command}' is not an operation that the rules know; nothing was changed.",
    }
)
"""What is said where no rule decides, by what stands in place of a rule's id."""
CODES: Mapping[str, str] = MappingProxyType({UNCOVERED: "operation-uncovered", UNKNOWN: "operation-unknown"})
"""The error codes of denials that no rule decided."""


@dataclass(frozen=True, slots=True)
class Place:
    """What the operation would change."""

    kind: PlaceKind
    """An approved environment, a prefix of the person's own, or anything else."""
    name: str = ""
    """Name of the environment, with or without its release."""

    @property
    def environment(self) -> str:
        """The name of the environment without its release."""
        return self.name.partition("@")[0]

    def __str__(self) -> str:
        named = self.kind == "environment" and self.name
        return NAMED.replace("{name}", self.name) if named else WHERE[self.kind]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say about one operation."""

    effect: Effect
    """`deny`, `record` or `allow`."""
    rule: str
    """Id of the rule that decided; `no-rule` or `unknown-operation` when none did."""
    message: str
    """One sentence for the person."""
    hint: str
    """What to do next; empty when the operation is allowed."""
    operation: Operation
    """What was decided about; of operations inside each other, the one that decided."""

    def __bool__(self) -> bool:
        return self.effect != "deny"

    def as_error(self) -> errors.Denied:
        """Return the denial as the error to raise."""
        return errors.Denied(CODES.get(self.rule, "operation-denied"), self.message, self.hint)


def decide(acl: Acl, person: Person, place: Place, operation: Operation, *, hint: str = "") -> Ruling:
    """Return whether `person` may do `operation` at `place`; `hint` says what to do after a denial.

    Of an operation that runs another (`conda run pip install`), both are decided
    about and the stricter ruling is returned.
    """
    rulings = [_one(acl, person, place, step, hint) for step in _steps(operation)]
    return min(rulings, key=lambda ruling: -EFFECTS.index(ruling.effect))


def _steps(operation: Operation | None) -> Iterator[Operation]:
    while operation is not None:
        yield operation
        operation = operation.inside


def _one(acl: Acl, person: Person, place: Place, operation: Operation, hint: str) -> Ruling:
    if operation.id not in OPERATIONS:
        return _ruling("deny", UNKNOWN, OTHERWISE[UNKNOWN], place, operation, hint)
    for rule in acl.about(operation.id, place.kind):
        if rule.is_about(person) and (place.kind != "environment" or rule.holds_in(place.environment)):
            return _ruling(rule.effect, rule.id, rule.sentence, place, operation, hint)
    return _ruling("deny", UNCOVERED, OTHERWISE[UNCOVERED], place, operation, hint)


def _ruling(
    effect: Effect, rule: str, sentence: str, place: Place, operation: Operation, hint: str
) -> Ruling:
    message = sentence.replace("{place}", str(place)).replace("{command}", operation.command)
    return Ruling(effect, rule, message, hint if effect == "deny" else "", operation)


def hint_for(request: str, subject: str = "", environment: str = "") -> str:
    """Return what to do after a denial: the site's link for requests, if it has one.

    The address `request` may ask to be told the `subject` and the `environment`.
    """
    return f"Ask for a package: {filled(request, subject, environment)}" if request else ASK
