"""The log itself: `Log`, a file that only grows, each record carrying the digest of the one before.

>>> import tempfile
>>> from jupyter_envguard.audit import Actor
>>> with Log(Path(tempfile.mkdtemp()) / "log.sqlite") as log:
...     record = log.append(Event(type="site.init", outcome="allowed", actor=Actor("ada", 1000)))
...     log.verify().ok, log.head().seq
(True, 1)

One process writes at a time: a lock beside the file makes the others wait in
turn, which SQLite's own lock does not. What `append` has returned is on the
disk. A log belongs on a local disk, because SQLite cannot share one over NFS.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
import itertools
import json
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from jupyter_envguard import __version__
from jupyter_envguard.audit import database
from jupyter_envguard.audit.event import Event, Outcome, Record, Source, Trust, format_time
from jupyter_envguard.audit.owner import trust_in
from jupyter_envguard.errors import EnvGuardError, Untrusted
from jupyter_envguard.files import locked
from jupyter_envguard.spec import sha256_digest

LOCK_SECONDS = 5.0
"""How long a writer waits for another one."""
PAGE = 500
"""Records read in one go."""
MOST_FOLDERS = 100_000
"""Folders of users that are looked at in a spool."""
MOST_NAMES = 4096
"""Names in the folder of one user that are looked at; a log has up to four."""
USUAL_LOG = "default.sqlite"
"""What the log of a server without a name is called."""
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's, in which ULIDs are written."""
QUESTION = """
    SELECT seq, body FROM (SELECT seq, body, json_extract(body, '$.type') AS type FROM events)
    WHERE :type IN ('', type, substr(type, 1, instr(type, '.') - 1))
    AND :release IN ('', json_extract(body, '$.release'))
    AND :actor IN ('', json_extract(body, '$.actor.name'))
    AND :outcome IN ('', json_extract(body, '$.outcome'))
    AND (:since = '' OR json_extract(body, '$.time') >= :since)
    AND (:until = '' OR json_extract(body, '$.time') < :until)
"""
FORWARDS = "AND seq > :place ORDER BY seq LIMIT :size"
BACKWARDS = "AND seq < :place ORDER BY seq DESC LIMIT :size"
ROWS = "SELECT seq, hash, body FROM events WHERE seq > :place ORDER BY seq LIMIT :size"
BOOT = Path("/proc/sys/kernel/random/boot_id")
UNSEEN = (
    "A log alone cannot show that its last records were cut off, or that it was written anew from some "
    "record on: keep heads elsewhere and compare with them."
)
"""What `Log.verify` cannot find out, for people."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a log: keep it elsewhere, and nobody can cut the log off or write it anew unseen."""

    seq: int
    """Place of the last record; 0 for an empty log."""
    hash: str
    """Digest of the last record; empty for an empty log."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which records to read; what is empty does not matter."""

    type: str = ""
    """Type, or the part of it before a dot."""
    release: str = ""
    """Release as `name@release`."""
    actor: str = ""
    """Name of the user."""
    outcome: Outcome | Literal[""] = ""
    """How it ended."""
    since: datetime | None = None
    """Not before this moment."""
    until: datetime | None = None
    """Before this moment."""
    limit: int | None = None
    """At most so many."""
    newest_first: bool = False
    """From the end backwards."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking a whole log found."""

    head: Head
    """The last record that still holds."""
    broken: int | None = None
    """Place of the first record that does not hold, or None."""
    problem: str = ""
    """What is wrong there."""

    @property
    def ok(self) -> bool:
        """Whether every record holds; `UNSEEN` says what that cannot mean."""
        return not self.problem


class Log:
    """One log file; safe for several threads and processes."""

    def __init__(
        self,
        path: Path,
        *,
        component: str = "envguard",
        trust: Trust = "site",
        create: bool = True,
        is_compared: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Open nothing yet.

        `component` and `trust` say who writes; what is read from a log that is
        `self-reported` counts as that, whatever it says of itself; when it `is_compared`
        with its owner, what names somebody else is disputed (`owner.trust_in`). Without
        `create` a log that is not there is missing, not new.
        """
        self.path = path
        self._source = Source(component, __version__, os.uname().nodename, trust)
        self._create = create
        self._is_compared = is_compared
        self._clock = clock
        self._turn = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._inode = (0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; a later `append` takes it up again."""
        with self._turn:
            self._release()

    def append(self, event: Event) -> Record:
        """Add `event` and return its record, which is on the disk by then.

        Raises `locked` when another process writes for too long, `disk-full`,
        `permission-denied`, or `log-invalid` when the file is no log. Nothing is
        recorded in any of these cases, and nothing recorded before is lost.
        """
        lock = self.path.with_name(self.path.name + ".lock")
        with self._turn, locked(lock, LOCK_SECONDS), database.explained(self.path):
            try:
                return self._append(self._opened(), event)
            except BaseException:
                self._release()
                raise

    def read(self, query: Query = Query()) -> Iterator[Record]:
        """Yield the records that `query` asks for, oldest first unless it says otherwise.

        Raises `file-not-found`, or `log-invalid` at a record that cannot be read.
        Records are not checked against the chain: `verify` does that.
        """
        values = _values(query)
        question = QUESTION + (BACKWARDS if query.newest_first else FORWARDS)
        place, left = (2**63 - 1 if query.newest_first else 0), query.limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            page = database.ask(self.path, question, values | {"place": place, "size": size})
            for _, body in page:
                yield self._as_read(Record.from_bytes(str(body).encode()))
            if len(page) < size:
                return
            place, left = page[-1][0], None if left is None else left - size

    def head(self) -> Head:
        """Return the end of the log, to be kept elsewhere."""
        found = database.ask(self.path, "SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")
        return Head(*found[0]) if found else Head(0, "")

    def verify(self, *kept: Head) -> Verification:
        """Check every record against the chain, and the chain against heads that were kept elsewhere.

        A changed, missing, moved or inserted record is found at its place. What
        a log alone cannot show is said in `UNSEEN`.
        """
        awaited = {head.seq: head.hash for head in kept if head.seq}
        last = Head(0, "")
        try:
            for seq, digest, body in self._rows():
                problem = _problem(last, seq, digest, body)
                if not problem and awaited.pop(seq, digest) != digest:
                    problem = f"record {seq} is not the one that was there when its head was kept"
                if problem:
                    return Verification(last, last.seq + 1, problem)
                last = Head(seq, digest)
        except Untrusted as error:
            return Verification(last, last.seq + 1, error.message)
        if awaited:
            return Verification(
                last, last.seq + 1, f"records up to {max(awaited)} were there and are cut off"
            )
        return Verification(last)

    def _opened(self) -> sqlite3.Connection:
        """Return the writing connection."""
        if self._writer is None:
            self._writer = database.open_writer(self.path, create=self._create)
            self._inode = database.mark_of(self.path)[:2]
        elif not self._is_same_file():
            raise Untrusted(
                "log-invalid",
                f"The log {self.path} was removed or replaced while it was in use.",
                "Find out by whom, and put it back from a backup.",
            )
        return self._writer

    def _is_same_file(self) -> bool:
        try:
            return database.mark_of(self.path)[:2] == self._inode
        except FileNotFoundError:
            return False

    def _append(self, connection: sqlite3.Connection, event: Event) -> Record:
        connection.execute("BEGIN IMMEDIATE")
        found = connection.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        last = Head(*found) if found else Head(0, "")
        now = self._clock()
        record = Record(
            seq=last.seq + 1,
            id=_ulid(now),
            time=format_time(now),
            boot=_boot(),
            monotonic=time.monotonic_ns() // 1_000_000,
            previous=last.hash,
            source=self._source,
            event=event,
        )
        body = record.canonical()
        connection.execute(
            "INSERT INTO events (seq, hash, body) VALUES (?, ?, ?)",
            (record.seq, sha256_digest(body), body.decode()),
        )
        connection.execute("COMMIT")
        return record

    def _release(self) -> None:
        if self._writer is not None:
            with contextlib.suppress(sqlite3.Error):  # A full disk fails the rollback, too.
                self._writer.rollback()
            self._writer.close()
            self._writer = None

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        place = -(2**63)
        while page := database.ask(self.path, ROWS, {"place": place, "size": PAGE}):
            yield from page
            place = page[-1][0]

    def _as_read(self, record: Record) -> Record:
        if self._source.trust != "self-reported":
            return record
        trust = trust_in(record.event.actor, self.path) if self._is_compared else "self-reported"
        return replace(record, source=replace(record.source, trust=trust))


def spooled(spool: Path, problems: list[EnvGuardError] | None = None) -> tuple[Log, ...]:
    """Return the logs that sessions left in `spool`, a folder for each user, each compared with its owner.

    Users may leave any number of files there: of more than `MOST_NAMES` in one folder, or more
    folders than `MOST_FOLDERS`, some are passed over, never `default.sqlite`, and `problems` say so.
    """
    told: list[EnvGuardError] = [] if problems is None else problems
    found = []
    for name in _names(spool, MOST_FOLDERS, told):
        folder = spool / name
        # A link in place of a user's folder could lead an auditor's eyes anywhere.
        if folder.is_dir() and not folder.is_symlink():
            usual = [USUAL_LOG] if os.path.lexists(folder / USUAL_LOG) else []
            names = {name for name in _names(folder, MOST_NAMES, told) if name.endswith(".sqlite")}
            found += [folder / name for name in sorted(names.union(usual))]
    return tuple(Log(path, trust="self-reported", create=False, is_compared=True) for path in found)


def _names(folder: Path, most: int, problems: list[EnvGuardError]) -> list[str]:
    """Return the names in `folder`, sorted; of more than `most`, any `most` of them, and say so."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entry.name for entry in itertools.islice(entries, most + 1))
    except OSError:
        return []
    if len(found) > most:
        message = f"{folder} holds more than {most} names, and not all of them were looked at."
        problems.append(Untrusted("log-invalid", message, "Find out who left them there."))
    return found[:most]


def merged(logs: Iterable[Log], query: Query, problems: list[EnvGuardError]) -> Iterator[Record]:
    """Yield what `query` asks of several logs, in the order of time.

    A log that cannot be read on does not hide the others: its error is added to
    `problems`, so look there after the last record.
    """
    streams = [_guarded(log, query, problems) for log in logs]
    ordered = heapq.merge(*streams, key=lambda record: record.time, reverse=query.newest_first)
    return itertools.islice(ordered, query.limit)


def _guarded(log: Log, query: Query, problems: list[EnvGuardError]) -> Iterator[Record]:
    try:
        yield from log.read(query)
    except EnvGuardError as error:
        problems.append(error)


def _values(query: Query) -> dict[str, object]:
    """Return what `query` asks for as the values that `QUESTION` names."""
    return {
        "type": query.type,
        "release": query.release,
        "actor": query.actor,
        "outcome": query.outcome,
        "since": format_time(query.since) if query.since else "",
        "until": format_time(query.until) if query.until else "",
    }


def _problem(last: Head, seq: object, digest: object, body: object) -> str:
    """Return what is wrong with the record after `last`, or nothing."""
    expected = last.seq + 1
    if seq != expected:
        return f"record {expected} is missing"
    if not isinstance(body, str) or sha256_digest(body.encode()) != digest:
        return f"record {expected} was changed"
    try:
        document = json.loads(body)
        follows = (document["seq"], document["previous"]) == (expected, last.hash)
    except (ValueError, RecursionError, KeyError, TypeError):
        follows = False
    return "" if follows else f"record {expected} does not follow the one before it"


def _ulid(now: datetime) -> str:
    number = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


@functools.cache
def _boot() -> str:
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""
