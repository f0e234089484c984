"""One release in the catalog: `Entry`, its `State`, and who decided what about it.

An entry never changes in place: `Entry.moved` makes the next one, and `STEPS`
says which states may follow which.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from jupyter_envguard.catalog import grace, names
from jupyter_envguard.catalog.logo import check_logo
from jupyter_envguard.errors import Conflict, EnvGuardError, InvalidInput
from jupyter_envguard.image import AttestedForm
from jupyter_envguard.spec import check_digest

DISPLAY_LENGTH = 80
"""Characters in a display name; launchers cut longer ones."""
DESCRIPTION_LENGTH = 2000
"""Characters in a description."""
REASON_LENGTH = 1000
"""Characters in a reason; the log holds them, too."""
WARNINGS = 64
"""Rules whose warnings an entry lists."""


class State(StrEnum):
    """Where a release stands; readiness on a node is another matter."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    DEPRECATED = "deprecated"
    REVOKED = "revoked"
    ARCHIVED = "archived"
    REJECTED = "rejected"

    @property
    def words(self) -> str:
        """How people read it."""
        return self.replace("_", " ")


STEPS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.DRAFT: frozenset({State.IN_REVIEW, State.REJECTED}),
        State.IN_REVIEW: frozenset({State.APPROVED, State.REJECTED}),
        State.APPROVED: frozenset({State.DEPRECATED, State.REVOKED}),
        State.DEPRECATED: frozenset({State.APPROVED, State.REVOKED, State.ARCHIVED}),
        State.REVOKED: frozenset({State.ARCHIVED}),
        State.REJECTED: frozenset({State.ARCHIVED}),
        State.ARCHIVED: frozenset(),
    }
)
"""From each state, the states that may follow."""
USABLE = frozenset({State.APPROVED, State.DEPRECATED})
"""States in which a kernel may start."""
OPTIONAL = frozenset({"grace", "form"})
"""Fields of an entry that are written only where they say something."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Who said what about a release, when and why."""

    who: str
    """Name of the person."""
    when: str
    """RFC 3339 in UTC."""
    reason: str = ""
    """Their words; may be empty where no reason is demanded."""

    def __post_init__(self) -> None:
        names.check_subject(self.who, "user")
        names.parse_time(self.when)
        names.check_text(self.reason, "reason", REASON_LENGTH, lines=True)

    def as_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"who": self.who, "when": self.when, "reason": self.reason}

    @classmethod
    def from_json(cls, document: object) -> Statement:
        """Return the statement that `as_json` wrote; raise `entry-invalid` for anything else."""
        return cls(**_members(document, cls, "statement"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy said about the pack when it was imported."""

    policy: str
    """Digest of the policy that judged."""
    passed: bool
    """Whether no rule denied."""
    warnings: tuple[str, ...] = ()
    """Ids of the rules that warned, sorted."""

    def __post_init__(self) -> None:
        check_digest(self.policy, "policy digest")
        if type(self.passed) is not bool or len(self.warnings) > WARNINGS:
            raise _invalid("a verdict is true or false, with a bounded list of warnings")
        for rule in self.warnings:
            names.check_text(rule, "rule id", names.NAME_LENGTH)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"policy": self.policy, "passed": self.passed, "warnings": list(self.warnings)}

    @classmethod
    def from_json(cls, document: object) -> Verdict:
        """Return the verdict that `as_json` wrote; raise `entry-invalid` for anything else."""
        members = _members(document, cls, "verdict")
        return cls(**(members | {"warnings": _texts(members["warnings"], "warnings")}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A release of an environment, bound to digests. Equal entries have equal JSON."""

    name: str
    """Name of the environment, such as `datasci`."""
    release: str
    """Name of the release, such as `2026.05`."""
    state: State
    """Where it stands."""
    display_name: str
    """What people see in launchers."""
    description: str = ""
    """What it is for, in the words of the admin."""
    language: str = "python"
    """Language of the kernel, as Jupyter writes it."""
    logo: str = ""
    """A drawing as SVG text, or empty; only harmless elements pass."""
    groups: tuple[str, ...] = ()
    """Groups that may see and start it; `*` is every user; nobody when both are empty."""
    users: tuple[str, ...] = ()
    """Users that may see and start it."""
    pack: str
    """Digest of the packed archive."""
    spec: str
    """Digest of the spec."""
    manifest: str
    """Digest of the sealed tree's manifest: what an approval is about."""
    verdict: Verdict
    """What the policy said."""
    imported_at: str
    """When it was imported, RFC 3339 in UTC."""
    imported_by: str
    """Who imported it."""
    changed: Statement
    """The last change of state."""
    approval: Statement | None = None
    """Who approved it; kept when it is later deprecated, revoked or archived."""
    expires: str | None = None
    """When it stops being usable, RFC 3339 in UTC; None is never."""
    successor: str | None = None
    """The release to use instead, as `name@release`."""
    grace: str | None = None
    """Until when it may start though it is revoked, RFC 3339 in UTC; None is not at all."""
    form: AttestedForm | None = None
    """The one file as which it may be fetched and mounted; None where nobody attested one."""

    def __post_init__(self) -> None:
        names.check_name(self.name, "environment")
        names.check_name(self.release, "release")
        if not isinstance(self.state, State) or not isinstance(self.verdict, Verdict):
            raise _invalid(f"{self.id} has no proper state or verdict")
        if not names.check_text(self.display_name, "display name", DISPLAY_LENGTH).strip():
            raise _invalid(f"{self.id} has no display name")
        names.check_text(self.description, "description", DESCRIPTION_LENGTH, lines=True)
        names.check_language(self.language)
        check_logo(self.logo)
        for what in ("pack", "spec", "manifest"):
            check_digest(getattr(self, what), f"{what} digest")
        object.__setattr__(self, "groups", names.check_subjects(self.groups, "group"))
        object.__setattr__(self, "users", names.check_subjects(self.users, "user"))
        self._check_history()

    def _check_history(self) -> None:
        names.check_subject(self.imported_by, "user")
        names.parse_time(self.imported_at, "imported_at")
        if not isinstance(self.form, AttestedForm | None):
            raise _invalid(f"{self.id} has a form that is none")
        if not isinstance(self.changed, Statement) or not isinstance(self.approval, Statement | None):
            raise _invalid(f"{self.id} does not say who decided")
        if self.expires is not None:
            names.parse_time(self.expires, "expires")
        if self.successor is not None and self.successor == self.id:
            raise _invalid(f"{self.id} cannot succeed itself")
        if self.successor is not None:
            names.split_release_id(self.successor)
        self._check_grace()
        if self.state in USABLE and (self.approval is None or not self.verdict.passed):
            raise _invalid(f"{self.id} is {self.state} without an approval and a passed verdict")

    def _check_grace(self) -> None:
        if self.grace is None:
            return
        if self.state is not State.REVOKED or self.approval is None or not self.verdict.passed:
            raise _invalid(f"{self.id} has a grace without having been approved and revoked")
        if grace.credible(self.grace, self.changed.when) is None:
            raise _invalid(f"the grace of {self.id} is no time in the days after its revocation")

    @property
    def ends(self) -> str | None:
        """When it stops being usable by itself, RFC 3339 in UTC; None is never, or now."""
        return min(filter(None, (self.expires, self.grace)), default=None)

    @property
    def id(self) -> str:
        """How people write it: `datasci@2026.05`."""
        return names.release_id(self.name, self.release)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form; every field is always present, but grace and form only where there is one."""
        found = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        return {name: value for name, value in found.items() if value is not None or name not in OPTIONAL}

    @classmethod
    def from_json(cls, document: object) -> Entry:
        """Return the entry that `as_json` wrote; raise `entry-invalid` for anything else.

        A grace that cannot be one is none: the release is revoked all the same. A form
        that cannot be one is none: the release is fetched without.
        """
        try:
            return cls(**_typed(_members(document, cls, "entry", optional=OPTIONAL)))
        except EnvGuardError as error:
            if error.code == "entry-invalid":
                raise
            raise _invalid(error.message.rstrip(".")) from error

    @property
    def is_granted(self) -> bool:
        """Whether anybody may use it once it is approved."""
        return bool(self.groups or self.users)

    def moved(self, state: State, statement: Statement, **changes: Any) -> Entry:
        """Return this release in `state`, by `statement`; raise `state-forbids` when it may not go there."""
        if state not in STEPS[self.state]:
            allowed = ", ".join(sorted(step.words for step in STEPS[self.state])) or "nothing"
            raise Conflict(
                "state-forbids",
                f"{self.id} is {self.state.words} and cannot become {state.words}.",
                f"From here it can become: {allowed}.",
            )
        return replace(self, state=state, changed=statement, **{"grace": None, **changes})


def _typed(members: dict[str, Any]) -> dict[str, Any]:
    for name in ("groups", "users"):
        members[name] = _texts(members[name], name)
    if members["state"] not in tuple(State):
        raise _invalid(f"state {members['state']!r} is unknown")
    members["state"] = State(members["state"])
    members["verdict"] = Verdict.from_json(members["verdict"])
    members["changed"] = Statement.from_json(members["changed"])
    if members["approval"] is not None:
        members["approval"] = Statement.from_json(members["approval"])
    members["grace"] = _grace(members)
    members["form"] = AttestedForm.from_json(members.get("form"))
    return members


def _grace(members: Mapping[str, Any]) -> str | None:
    """Return the grace of an entry whose other parts have been read; None for one that it cannot have."""
    was_approved = members["approval"] is not None and members["verdict"].passed
    if members["state"] is not State.REVOKED or not was_approved:
        return None
    return grace.credible(members.get("grace"), members["changed"].when)


def _members(
    document: object, kind: type, what: str, *, optional: frozenset[str] = frozenset()
) -> dict[str, Any]:
    if not isinstance(document, Mapping) or document.keys() | optional != _names(kind):
        raise _invalid(f"a {what} has missing or unknown fields")
    return dict(document)


@functools.cache
def _names(kind: type) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind))


def _texts(value: object, what: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _invalid(f"{what} is not a list of texts")
    if value != sorted(set(value)):
        raise _invalid(f"{what} is not sorted and free of repetition")
    return tuple(value)


def _plain(value: object) -> object:
    if isinstance(value, Statement | Verdict | AttestedForm):
        return value.as_json()
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, State) else value


def _invalid(why: str) -> InvalidInput:
    return InvalidInput(
        "entry-invalid", f"A catalog entry cannot be used: {why}.", "Import the release again."
    )
