"""Which of two versions is newer, and whether a version is among those that somebody wants.

Conda and pypi order versions by rules of their own; this one order agrees with both
where people look, and never fails:

>>> version_key("1.9") < version_key("1.10rc1") < version_key("1.10") == version_key("1.10.0")
True
>>> Constraint.parse(">=2.4,<3").allows("2.11.0")
True

It is no solver's order. The panel has the same one (`labextension/src/versions.ts`);
`tests/versions.json` is what both are tested by.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jupyter_envguard.errors import InvalidInput

Part = tuple[int, int, str]
"""One number or word: its rank, the length of a number, its text."""
Key = tuple[Part, tuple[Part, ...], tuple[Part, ...], tuple[Part, ...]]
"""Compares as the versions do: by epoch, leading numbers, what follows them, local part."""

PART = re.compile(r"[0-9]+|[a-z]+|(?<=[0-9])_\Z")
"""A number, a word, or the mark by which conda puts `1.1.1_` before `1.1.1a`."""
VERSION_MARK = re.compile(r"\Av(?=[0-9])")
CLAUSE = re.compile(r"(>=|<=|==|!=|~=|>|<|=)?([A-Za-z0-9_.!+-]+)(\.?\*)?\Z")
ZERO = (1, 0, "")
"""The number 0, and the end of what everybody may see of a version: `1.0` is `1`."""
AFTER = frozenset({"post", "r", "rev", "pl"})
"""Words that stand in versions later than the one without them."""


def version_key(version: str) -> Key:
    """Return a key that orders versions the way people expect (`1.10` after `1.9`, `1.0` after `1.0rc1`)."""
    epoch, _, rest = _lowered(version).rpartition("!")
    public, _, local = rest.partition("+")
    parts = _parts(public)
    numbers = next((place for place, part in enumerate(parts) if not _is_number(part)), len(parts))
    return (
        _part(epoch or "0"),
        _significant(parts[:numbers]),
        (*_significant(parts[numbers:]), ZERO),
        tuple(_parts(local)),
    )


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition on a version."""

    operator: str
    """As it is written; `=` means any version that starts so."""
    version: str
    """What it is compared with."""

    def allows(self, version: str) -> bool:
        """Tell whether `version` meets it; a local part counts only where the condition has one."""
        if "+" not in self.version:
            version = version.partition("+")[0]
        found, wanted = version_key(version), version_key(self.version)
        match self.operator:
            case "==":
                return found == wanted
            case "!=":
                return found != wanted
            case ">=":
                return found >= wanted
            case "<=":
                return found <= wanted
            case ">":
                return found > wanted
            case "<":
                return found < wanted
            case "~=":
                return found >= wanted and _starts(version, self.version.rpartition(".")[0])
            case "!=*":
                return not _starts(version, self.version)
            case _:
                return _starts(version, self.version)


@dataclass(frozen=True, slots=True)
class Constraint:
    """What somebody wants of a version: `>=2.4,<3|==1.9`."""

    alternatives: tuple[tuple[Clause, ...], ...]
    """One of these must hold, every clause of it."""

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """Return the constraint that `text` writes; raise `invalid-argument` for what cannot be one."""
        return cls(tuple(tuple(map(_clause, one.split(","))) for one in text.split("|")))

    def allows(self, version: str) -> bool:
        """Tell whether `version` is wanted."""
        return any(all(clause.allows(version) for clause in one) for one in self.alternatives)


def _clause(text: str) -> Clause:
    found = CLAUSE.match(text.strip())
    operator, version, star = found.groups() if found else (None, "", None)
    impossible = star and operator not in (None, "=", "==", "!=")
    impossible = impossible or (operator == "~=" and "." not in version)
    if not found or impossible or not PART.search(version.lower()):
        raise InvalidInput(
            "invalid-argument",
            f"{text.strip()[:40]!r} is no condition on a version.",
            "Write it like >=2.4,<3 or ==2.4.1 or =2.4.",
        )
    if star:
        return Clause("!=*" if operator == "!=" else "=", version)
    return Clause(operator or "==", version)


def _starts(version: str, beginning: str) -> bool:
    """Tell whether the parts of `version` begin with those of `beginning`; missing ones count as 0."""
    found, wanted = _parts(_lowered(version)), _parts(_lowered(beginning))
    found += [ZERO] * (len(wanted) - len(found))
    return found[: len(wanted)] == wanted


def _lowered(version: str) -> str:
    """Return `version` in small letters, without the `v` that some write before the number."""
    return VERSION_MARK.sub("", version.lower())


def _parts(text: str) -> list[Part]:
    return [_part(part) for part in PART.findall(text)]


def _part(part: str) -> Part:
    """Return one part as a key: words before numbers, numbers by their value however long they are."""
    if part.isdecimal():
        digits = part.lstrip("0")
        return 1, len(digits), digits
    if part in AFTER:
        return 1, 0, part
    return -1 if part == "dev" else 0, 0, part


def _is_number(part: Part) -> bool:
    return part == ZERO or part[1] > 0


def _significant(parts: list[Part]) -> tuple[Part, ...]:
    """Return `parts` without the zeros at their end, which say nothing."""
    while parts and parts[-1] == ZERO:
        parts = parts[:-1]
    return tuple(parts)
