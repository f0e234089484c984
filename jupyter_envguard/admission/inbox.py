"""An admin's answers to requests: each writes a decision for the user to read, and one event.

with Inbox(site, actor=actor) as inbox:
    inbox.approve(inbox.find("k3f9x2m7abcde").request, "datasci@2026.11")
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Self

from jupyter_envguard.admission.recorder import Recorder, digests_of
from jupyter_envguard.audit import Actor
from jupyter_envguard.catalog import Catalog, State, names
from jupyter_envguard.errors import Conflict, EnvGuardError, InvalidInput, NotFound
from jupyter_envguard.requests import Decision, Decisions, Received, Request, received
from jupyter_envguard.site import Site

LEAST_ID = 4
"""Characters of an id that are enough when only one begins so."""
SHOWN_CHARACTERS = 200
"""Of what was asked for, in the log."""


class Inbox:
    """One person who answers the requests of one site; a context manager that lets go of the log."""

    def __init__(
        self,
        site: Site,
        *,
        actor: Actor,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Open nothing yet; `actor` stands in every decision and event."""
        self._site = site
        self._actor = actor
        self._clock = clock
        self._decisions = Decisions(site.decisions, site.path)
        self._recorder = Recorder(site, actor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._recorder.close()

    def list(self, problems: list[EnvGuardError]) -> tuple[tuple[Received, Decision | None], ...]:
        """Return every request with its decision, the oldest first; raises as `received` does."""
        return tuple((one, self._decisions.of(one.request)) for one in received(self._site.spool, problems))

    def find(self, wanted: str) -> tuple[Received, Decision | None]:
        """Return the request whose id begins with `wanted`, with its decision.

        Where several users have one of that id, `user/id` tells them apart. Raises
        `request-unknown`, or `invalid-argument` when more than one is meant.
        """
        user, _, start = wanted.rpartition("/")
        found = [
            pair
            for pair in self.list([])
            if pair[0].request.id.startswith(start) and user in ("", pair[0].request.user)
        ]
        if not found or len(start) < LEAST_ID:
            raise NotFound(
                "request-unknown", f"There is no request {wanted!r}.", "See jupyter envguard requests list."
            )
        if len(found) > 1:
            several = ", ".join(f"{one.request.user}/{one.request.id}" for one, _ in found)
            raise InvalidInput(
                "invalid-argument", f"{wanted!r} means several requests: {several}.", "Name one of them."
            )
        return found[0]

    def approve(self, request: Request, release: str, reason: str, catalog: Catalog) -> Decision:
        """Answer `request` by a release that is approved in `catalog`, and return the decision.

        Raises `release-unknown`, `state-forbids` for a release that is not approved or
        that certainly is not for who asked, and `request-decided`. Groups of people are
        known to the hub alone, so a release for any group may answer anybody.
        """
        name, label = names.split_release_id(release)
        with self._recorder.attempt("request.approved", name, label) as attempt:
            attempt.about({}, **_about(request))
            entry = catalog.require(name, label)
            attempt.about(digests_of(entry))
            if entry.state is not State.APPROVED:
                raise Conflict(
                    "state-forbids",
                    f"{entry.id} is {entry.state.words} and answers nothing.",
                    "Approve it first, or name another release.",
                )
            if not entry.groups and request.user not in entry.users:
                raise Conflict(
                    "state-forbids",
                    f"{entry.id} is not for {request.user}, so it answers nothing.",
                    "Import it again for a group of theirs, or name another release.",
                )
            decision = self._decided(request, "approved", reason, entry.id)
            attempt.allowed(catalog.version, f"Request {request.id} is approved")
        return decision

    def decline(self, request: Request, reason: str) -> Decision:
        """Turn `request` down and return the decision; raises `reason-missing` and `request-decided`."""
        with self._recorder.attempt("request.declined") as attempt:
            attempt.about({}, **_about(request), reason=reason[:SHOWN_CHARACTERS])
            decision = self._decided(request, "declined", reason, "")
            attempt.allowed(0, f"Request {request.id} is declined")
        return decision

    def _decided(self, request: Request, state: str, reason: str, release: str) -> Decision:
        decision = Decision(
            request=request.digest(),
            state="approved" if state == "approved" else "declined",
            who=self._actor.name,
            when=names.format_time(self._clock()),
            reason=reason,
            release=release,
        )
        with self._recorder.turn():
            self._decisions.write(request, decision)
        return decision


def _about(request: Request) -> dict[str, str]:
    return {
        "request": request.id,
        "user": request.user,
        "kind": request.asked.kind,
        "subject": request.asked.subject[:SHOWN_CHARACTERS],
    }
