"""What `doctor` answers when somebody was refused: an event of the log, or an error code, explained."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jupyter_envguard.audit import Log, Query, Record, merged, spooled
from jupyter_envguard.catalog import Catalog
from jupyter_envguard.cli.access import Question, access
from jupyter_envguard.cli.checks import Check, Status
from jupyter_envguard.errors import CODES, EnvGuardError, NotFound, did_you_mean
from jupyter_envguard.site import Site

EVENT = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}\Z", re.IGNORECASE)
"""A ULID, as events have for an id."""

LAST = 3
"""Events with a code that are shown."""

NEXT = {
    "kernel.denied": "Ask why it is so now: jupyter envguard doctor --user NAME --kernel NAME",
    "package.denied": "Ask which rule decides: jupyter envguard acl explain --user NAME COMMAND",
}
"""How to ask on, by the type of an event."""


def explain_code(site: Site | None, code: str) -> Iterator[Check]:
    """Yield what the error `code` means, and where it was met last; raise `invalid-argument` for no code."""
    yield _meaning(code)
    if site is None:
        return
    found, problems = [], list[EnvGuardError]()
    for record in merged(_logs(site), Query(newest_first=True), problems):
        if record.event.reason == code:
            found.append(record)
        if len(found) == LAST:
            break
    yield from (Check("event", Status.INFO, _told(record), f"--refusal {record.id}") for record in found)
    yield from _unread(problems)


def explain_event(site: Site, catalog: Catalog | None, number: str) -> Iterator[Check]:
    """Yield what was refused by the event with the id `number`, by which rule, and how it stands now.

    Raises `event-unknown` when no log here has it.
    """
    problems = list[EnvGuardError]()
    records = merged(_logs(site), Query(), problems)
    record = next((one for one in records if one.id == number.upper()), None)
    if record is None:
        raise NotFound(
            "event-unknown",
            f"No log of {site.name} has an event {number}.",
            "Find it with: jupyter envguard log --outcome denied",
        )
    yield Check("event", Status.INFO, _told(record))
    yield from _details(record)
    if record.event.reason:
        yield _meaning(record.event.reason, NEXT.get(record.event.type, ""))
    yield from _now(site, catalog, record)


def is_event(text: str) -> bool:
    """Return whether `text` is the id of an event rather than a code."""
    return bool(EVENT.match(text))


def _logs(site: Site) -> tuple[Log, ...]:
    own = (Log(site.log, create=False),) if site.log.exists() else ()
    return (*own, *spooled(site.spool))


def _meaning(code: str, fix: str = "") -> Check:
    if code not in CODES:
        raise NotFound(
            "event-unknown",
            f"{code!r} is neither an error code nor the id of an event.",
            did_you_mean(code, CODES) or "The reference lists all codes; jupyter envguard log shows ids.",
        )
    return Check("meaning", Status.INFO, CODES[code], fix, code)


def _told(record: Record) -> str:
    event = record.event
    who = event.actor.name or "somebody unknown"
    what = " ".join(filter(None, (event.type, event.release or str(event.detail.get("kernel_name", "")))))
    vouched = "" if record.source.trust == "site" else f", {record.source.trust}"
    why = f" because of {event.reason}" if event.reason else ""
    return f"{record.time[:19]} {who}: {what} was {event.outcome}{why} on {record.source.node}{vouched}."


def _details(record: Record) -> Iterator[Check]:
    for name, value in sorted(record.event.detail.items()):
        yield Check("detail", Status.INFO, f"{name}: {value}")


def _now(site: Site, catalog: Catalog | None, record: Record) -> Iterator[Check]:
    """Yield how it stands now with the kernel that was refused, as far as the event says whose it was."""
    event = record.event
    kernel = str(event.detail.get("kernel_name", ""))
    if event.type == "kernel.denied" and kernel and event.actor.name and catalog is not None:
        yield from access(site, catalog, Question(event.actor.name, frozenset(), kernel))


def _unread(problems: list[EnvGuardError]) -> Iterator[Check]:
    for problem in problems:
        yield Check("log", Status.WARN, problem.message, problem.hint, problem.code)
