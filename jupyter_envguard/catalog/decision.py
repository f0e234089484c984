"""Who may use a release: `decide`, the one pure function that everybody calls.

>>> from datetime import UTC, datetime
>>> decision = decide(entry, "ada", {"data-science"}, datetime.now(UTC))  # doctest: +SKIP
>>> [reason.code for reason in decision.reasons]                          # doctest: +SKIP
['revoked', 'not-granted']

A refusal gathers every reason, not the first. What is empty, unknown or in an
unexpected state is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from jupyter_envguard import errors
from jupyter_envguard.catalog import names
from jupyter_envguard.catalog.entry import USABLE, Entry, State
from jupyter_envguard.errors import InvalidInput

EXPIRES_SOON = timedelta(days=30)
"""How long before its end a release warns."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why not, or what to mind, in the shape of an error."""

    code: str
    """From `errors.CODES`."""
    message: str
    """One sentence that names the release."""
    hint: str = ""
    """What to do next."""

    def as_json(self) -> dict[str, str]:
        """Return the JSON form, the same as an error's."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


@dataclass(frozen=True, slots=True)
class Allowed:
    """The user may start it."""

    warnings: tuple[Reason, ...] = ()
    """What to tell the user all the same."""

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Denied:
    """The user may not start it."""

    reasons: tuple[Reason, ...]
    """All of them, the weightiest first; never empty."""

    def __bool__(self) -> bool:
        return False

    def as_error(self) -> errors.Denied:
        """Return the refusal as the error to raise: the first code, every sentence."""
        first = self.reasons[0]
        return errors.Denied(first.code, " ".join(reason.message for reason in self.reasons), first.hint)


Decision = Allowed | Denied


def decide(entry: Entry, user: str, groups: Collection[str], now: datetime) -> Decision:
    """Return whether `user`, a member of `groups`, may use `entry` at the moment `now`.

    `now` must know its time zone and `groups` must not be a bare text, else this
    raises `invalid-argument`: guessing either could allow what nobody granted.
    """
    names.check_aware(now)
    if isinstance(groups, str | bytes):
        raise InvalidInput(
            "invalid-argument", f"Groups {groups!r} are not a collection.", "Give a list of names."
        )
    reasons = (
        *_state_reasons(entry, now),
        *_expiry_reasons(entry, now),
        *_grant_reasons(entry, user, groups),
    )
    return Denied(reasons) if reasons else Allowed(tuple(_warnings(entry, now)))


def is_graced(entry: Entry, now: datetime) -> bool:
    """Tell whether a revoked release may still start at the moment `now`."""
    return entry.grace is not None and now < names.parse_time(entry.grace)


def may_start(entry: Entry, now: datetime) -> bool:
    """Tell whether `entry` is in a state in which somebody may start it at the moment `now`."""
    return entry.state in USABLE or is_graced(entry, now)


def _state_reasons(entry: Entry, now: datetime) -> Iterator[Reason]:
    if may_start(entry, now):
        return
    said = f": {entry.changed.reason}" if entry.changed.reason else ""
    by = f"by {entry.changed.who} on {names.spoken_day(entry.changed.when)}"
    match entry.state:
        case State.REVOKED:
            yield Reason("revoked", _sentence(f"{entry.id} was revoked {by}{said}"), _instead(entry))
        case State.REJECTED:
            yield Reason("rejected", _sentence(f"{entry.id} was rejected {by}{said}"), _instead(entry))
        case State.ARCHIVED:
            yield Reason("archived", _sentence(f"{entry.id} was archived {by}{said}"), _instead(entry))
        case State.IN_REVIEW:
            yield Reason("in-review", f"{entry.id} is still in review.", "Wait for its approval.")
        case _:
            yield Reason("not-approved", f"{entry.id} has not been approved.", "Wait for its approval.")


def _expiry_reasons(entry: Entry, now: datetime) -> Iterator[Reason]:
    if entry.expires is not None and now >= names.parse_time(entry.expires):
        until = names.spoken_time(entry.expires)
        yield Reason("expired", f"{entry.id} could be used until {until}.", _instead(entry))


def _grant_reasons(entry: Entry, user: str, groups: Collection[str]) -> Iterator[Reason]:
    if not user:
        yield Reason("unknown-user", f"Nobody is known to ask for {entry.id}.", "Log in again.")
        return
    everyone = names.EVERYONE in entry.groups
    if not everyone and user not in entry.users and not set(groups) & set(entry.groups):
        yield Reason(
            "not-granted",
            f"{entry.id} is not granted to {user}.",
            "Ask the admin to add you to one of its groups.",
        )


def _warnings(entry: Entry, now: datetime) -> Iterator[Reason]:
    said = f": {entry.changed.reason}" if entry.changed.reason else ""
    until = f" and stops on {names.spoken_time(entry.ends)}" if entry.ends else ""
    if entry.state is State.REVOKED:
        yield Reason("revoked", _sentence(f"{entry.id} was revoked{until}{said}"), _instead(entry))
    elif entry.state is State.DEPRECATED:
        yield Reason("deprecated", _sentence(f"{entry.id} is deprecated{until}{said}"), _instead(entry))
    elif entry.expires is not None and names.parse_time(entry.expires) - now <= EXPIRES_SOON:
        until = names.spoken_time(entry.expires)
        yield Reason("expires-soon", f"{entry.id} stops being usable on {until}.", _instead(entry))


def _instead(entry: Entry) -> str:
    return (
        f"Use {entry.successor} instead."
        if entry.successor
        else "Ask the admin which release to use instead."
    )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."
