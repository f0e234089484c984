"""One event for every attempt, and none missing: `Recorder`.

A decision is published and then recorded, one decision at a time. Whoever dies
in between leaves a publication without an event; the next one to decide finds
it, because the catalog keeps every version and says who decided, and makes up
for it before doing anything else.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from jupyter_envguard.audit import Actor, Event, Log, Outcome, Query
from jupyter_envguard.catalog import Entry, Repository, State, names
from jupyter_envguard.errors import Conflict, Denied, EnvGuardError, PackRefused, Unavailable, Untrusted
from jupyter_envguard.files import locked
from jupyter_envguard.site import Site

log = logging.getLogger(__name__)

TURN_SECONDS = 60.0
"""How long a decision waits for another one to be published and recorded."""
SHOWN_CHARACTERS = 128
"""Of a name that is none, in the log."""
VERBS: Mapping[State, str] = MappingProxyType(
    {
        State.DRAFT: "release.import",
        State.IN_REVIEW: "release.import",
        State.APPROVED: "release.approve",
        State.REJECTED: "release.reject",
        State.DEPRECATED: "release.deprecate",
        State.REVOKED: "release.revoke",
        State.ARCHIVED: "release.archive",
    }
)
"""The type of event that leads to a state."""


class Attempt:
    """What is known so far about one thing that somebody tries to do."""

    def __init__(self, recorder: Recorder, kind: str, release: str) -> None:
        self._recorder = recorder
        self._kind = kind
        self._release = release
        self._digests: dict[str, str] = {}
        self._detail: dict[str, Any] = {}
        self._is_recorded = False

    def about(self, digests: Mapping[str, str], **detail: Any) -> None:
        """Add what was found out, for the event to come."""
        self._digests |= digests
        self._detail |= detail

    def allowed(self, catalog: int, what: str) -> None:
        """Record that it succeeded, at this version of the catalog.

        Raises `audit-unavailable` when that fails, saying that it happened all
        the same: `what` completes "but this could not be recorded".
        """
        self._is_recorded = True
        try:
            self._append("allowed", "", catalog)
        except EnvGuardError as error:
            raise Unavailable(
                "audit-unavailable",
                f"{what}, but this could not be recorded: {error.message}",
                "Repair the log; the next decision will record it.",
            ) from error

    def failed(self, outcome: Outcome, reason: str, message: str) -> None:
        """Record that it did not succeed; what cannot be recorded is at least logged."""
        if self._is_recorded:
            return
        self._detail["message"] = message[:SHOWN_CHARACTERS]
        try:
            self._append(outcome, reason, 0)
        except EnvGuardError as error:
            log.error("A refused %s could not be recorded: %s", self._kind, error.message)

    def _append(self, outcome: Outcome, reason: str, catalog: int) -> None:
        self._recorder.append(
            Event(
                type=self._kind,
                outcome=outcome,
                reason=reason,
                actor=self._recorder.actor,
                release=self._release,
                digests=self._digests,
                catalog=catalog,
                detail=self._detail,
            )
        )


class Recorder:
    """Writes the events of one person's decisions."""

    def __init__(self, site: Site, actor: Actor) -> None:
        self.actor = actor
        self._digests = {"config": site.digest, "policy": site.policy.digest()}
        # Where keys are, the log was made with the site: one that is gone is missing, not new.
        self._log = Log(site.log, component="admission", create=site.keys is None)
        self._lock = site.log.with_name(site.log.name + ".turn")

    def close(self) -> None:
        """Let go of the log."""
        self._log.close()

    def append(self, event: Event) -> None:
        """Add an event, or raise what keeps it from being added."""
        self._log.append(event)

    def turn(self) -> AbstractContextManager[None]:
        """Wait until nobody else is between publishing and recording."""
        return locked(self._lock, TURN_SECONDS)

    @contextmanager
    def attempt(self, kind: str, name: object = "", release: object = "") -> Iterator[Attempt]:
        """Record what the block tries to do: it calls `Attempt.allowed`, or it raises."""
        wanted, strange = _named(name, release)
        attempt = Attempt(self, kind, wanted)
        attempt.about(self._digests, **strange)
        try:
            yield attempt
        except EnvGuardError as error:
            attempt.failed(_outcome(error), error.code, error.message)
            raise
        except BaseException as error:
            attempt.failed("error", "internal-error", type(error).__name__)
            raise

    def recover(self, repository: Repository) -> None:
        """Record what was published and not recorded. To be called in one's turn."""
        query = Query(type="release", outcome="allowed", newest_first=True, limit=1)
        known = max((record.event.catalog for record in self._log.read(query)), default=1)
        newest = repository.load().version
        for version in range(known + 1, newest + 1):
            before = repository.history(version - 1)
            for entry in repository.history(version).entries:
                old = before.find(entry.name, entry.release)
                if old is not None and old != entry and replace(entry, form=old.form) == old:
                    self._make_up_form(entry, version)
                elif old != entry:
                    self._make_up(entry, version)

    def _make_up_form(self, entry: Entry, version: int) -> None:
        log.warning("A form of %s was attested and not recorded; that is done now.", entry.id)
        self.append(
            Event(
                type="release.attest",
                outcome="allowed",
                actor=Actor("", None, "catalog"),  # the catalog does not say who it was
                release=entry.id,
                digests=digests_of(entry),
                catalog=version,
                detail={"recovered": True, "form": entry.form.digest if entry.form else ""},
            )
        )

    def _make_up(self, entry: Entry, version: int) -> None:
        log.warning(
            "%s was %s by %s and not recorded; that is done now.", entry.id, entry.state, entry.changed.who
        )
        self.append(
            Event(
                type=VERBS[entry.state],
                outcome="allowed",
                actor=Actor(entry.changed.who, None, "catalog"),
                release=entry.id,
                digests=digests_of(entry),
                catalog=version,
                detail={"recovered": True, "when": entry.changed.when, "reason": entry.changed.reason},
            )
        )


def digests_of(entry: Entry) -> dict[str, str]:
    """Return the digests that an event about `entry` names."""
    return {"pack": entry.pack, "spec": entry.spec, "manifest": entry.manifest}


def _named(name: object, release: object) -> tuple[str, dict[str, str]]:
    """Return the release as an event names it; one that is no name goes into the detail."""
    if name == release == "":
        return "", {}
    try:
        return names.release_id(
            names.check_name(name, "environment"), names.check_name(release, "release")
        ), {}
    except EnvGuardError:
        return "", {"asked": f"{name!r} {release!r}"[:SHOWN_CHARACTERS]}


def _outcome(error: EnvGuardError) -> Outcome:
    return "denied" if isinstance(error, Denied | Untrusted | Conflict | PackRefused) else "error"
