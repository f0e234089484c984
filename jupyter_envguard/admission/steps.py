"""The steps that a decision takes, as pure functions: from an entry to the next one, or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from jupyter_envguard.catalog import Catalog, Entry, State, Statement, names
from jupyter_envguard.catalog.grace import asked
from jupyter_envguard.errors import Conflict, Denied, InvalidInput
from jupyter_envguard.policy import Policy

Step = Callable[[Catalog, Entry, Statement], Entry]
"""From a catalog, an entry in it and what is said, the entry that follows; raises when there is none."""
UNDECIDED = frozenset({State.DRAFT, State.IN_REVIEW})
"""States of a release that nobody has decided about yet."""
EXPLAINED = frozenset({State.REJECTED, State.REVOKED})
"""States that a person may not bring about without saying why."""


def stated(state: State, who: str, reason: str, now: datetime) -> Statement:
    """Return the statement by which `who` brings about `state`; raise `reason-missing` where one is due."""
    if state in EXPLAINED and not reason.strip():
        raise InvalidInput(
            "reason-missing",
            f"A release is not {state} without a reason.",
            "Say why; its users will read it.",
        )
    return Statement(who, names.format_time(now), reason)


def approval(policy: Policy, expires: str | None) -> Step:
    """Return the step to approved, under the policy that the site has now."""

    def step(_catalog: Catalog, entry: Entry, said: Statement) -> Entry:
        if entry.state in UNDECIDED:
            _check_verdict(entry, policy)
        return entry.moved(State.APPROVED, said, approval=said, expires=_end(entry, expires, said))

    return step


def deprecation(successor: str | None, expires: str | None) -> Step:
    """Return the step to deprecated."""

    def step(catalog: Catalog, entry: Entry, said: Statement) -> Entry:
        following = _successor(catalog, entry, successor)
        return entry.moved(State.DEPRECATED, said, successor=following, expires=_end(entry, expires, said))

    return step


def revocation(successor: str | None, grace: str | None) -> Step:
    """Return the step to revoked; with `grace` (`7d`, or an instant) starts go on until then."""

    def step(catalog: Catalog, entry: Entry, said: Statement) -> Entry:
        following = _successor(catalog, entry, successor)
        end = None if grace is None else asked(grace, names.parse_time(said.when))
        return entry.moved(State.REVOKED, said, successor=following, grace=end)

    return step


def ending(state: State) -> Step:
    """Return the step to rejected or archived."""

    def step(_catalog: Catalog, entry: Entry, said: Statement) -> Entry:
        return entry.moved(state, said)

    return step


def _check_verdict(entry: Entry, policy: Policy) -> None:
    if not entry.verdict.passed:
        raise Denied(
            "policy-failed",
            f"{entry.id} did not pass the policy.",
            "Correct the environment and import it again.",
        )
    if entry.verdict.policy != policy.digest():
        raise Conflict(
            "policy-changed",
            f"{entry.id} was judged by the policy {entry.verdict.policy}, not by {policy.digest()}.",
            "Import the same pack again to have it judged anew.",
        )


def _successor(catalog: Catalog, entry: Entry, successor: str | None) -> str | None:
    """Return the successor to write down; it has to be an approved release."""
    if successor is None:
        return entry.successor
    found = catalog.require(*names.split_release_id(successor))
    if found.state is not State.APPROVED or found.id == entry.id:
        raise Conflict(
            "state-forbids",
            f"{successor} is {found.state.words} and cannot succeed {entry.id}.",
            "Name another release that is approved.",
        )
    return found.id


def _end(entry: Entry, expires: str | None, said: Statement) -> str | None:
    """Return the end to write down, which has to lie ahead."""
    end = entry.expires if expires is None else expires
    if end is not None and names.parse_time(end, "expires") <= names.parse_time(said.when):
        raise Denied(
            "expired", f"{entry.id} could be used until {names.spoken_time(end)}.", "Name a later end."
        )
    return end
