"""The SQLite file below a log: opening it to add or to read, and saying in our words what goes wrong.

A log may lie where a user can write, and an auditor reads it as root: what is
opened must be a regular file whose only table is exactly ours.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jupyter_envguard.audit.event import RECORD_BYTES
from jupyter_envguard.errors import EnvGuardError, NotFound, Unavailable, Untrusted
from jupyter_envguard.files import explain

ATTEMPTS = 5
"""How often a question is asked again because the log grew under a reader without locks."""
FILE_MODE = 0o640
"""Of a new log: its group may read, so that auditors can be that group."""
BUSY_MILLISECONDS = 2000
"""How long SQLite waits for a reader that is in its way."""
TABLE = (
    "CREATE TABLE events (seq INTEGER PRIMARY KEY, hash TEXT NOT NULL, body TEXT NOT NULL, "
    f"CHECK (length(body) <= {RECORD_BYTES}))"
)
TRIGGERS = (
    "CREATE TRIGGER events_stay BEFORE UPDATE ON events "
    "BEGIN SELECT RAISE(ABORT, 'events are never changed'); END",
    "CREATE TRIGGER events_remain BEFORE DELETE ON events "
    "BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END",
    "CREATE TRIGGER events_follow BEFORE INSERT ON events "
    "WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM events) "
    "BEGIN SELECT RAISE(ABORT, 'events are added at the end'); END",
)
SCHEMA = frozenset({TABLE, *TRIGGERS})
"""All that a log's database contains."""


def open_writer(path: Path, *, create: bool) -> sqlite3.Connection:
    """Return a connection that can add to the log `path`; the caller holds the log's lock."""
    with contextlib.suppress(FileExistsError):
        if create:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE))
    mark_of(path)
    connection = sqlite3.connect(
        _uri(path, "mode=rw"),
        uri=True,
        isolation_level=None,
        timeout=BUSY_MILLISECONDS / 1000,
        check_same_thread=False,
    )
    try:
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise sqlite3.OperationalError(f"the file system cannot hold a log (journal mode {mode})")
        connection.execute("PRAGMA synchronous=FULL")
        _guard(connection)
        if not _statements(connection):
            connection.execute("BEGIN IMMEDIATE")
            for statement in (TABLE, *TRIGGERS):
                connection.execute(statement)
            connection.execute("COMMIT")
        check_schema(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def ask(path: Path, question: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
    """Return the answer of the log `path` to one SQL question, or raise one of our errors.

    Somebody who may not write beside the log cannot join SQLite's locking; when
    no writer has the log open they read the file as it lies there, and ask again
    if it was written to meanwhile.
    """
    with explained(path):
        for _ in range(ATTEMPTS):
            before, joined = mark_of(path), _can_join(path)
            try:
                answer = _ask(path, joined, question, values or {})
            except sqlite3.DatabaseError:
                if joined or mark_of(path) == before:
                    raise
                continue
            if joined or mark_of(path) == before:
                return answer
    raise Unavailable("locked", f"The log {path} keeps changing while it is read.", "Read it as its owner.")


def _ask(path: Path, joined: bool, question: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
    options = "mode=ro" if joined else "mode=ro&immutable=1"
    connection = sqlite3.connect(_uri(path, options), uri=True, isolation_level=None)
    try:
        _guard(connection)
        connection.execute("PRAGMA query_only=ON")
        check_schema(connection, path)
        return connection.execute(question, values).fetchall()
    finally:
        connection.close()


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `log-invalid` unless the database holds exactly what a log holds."""
    if _statements(connection) != SCHEMA:
        raise Untrusted(
            "log-invalid",
            f"{path} is not a log, or its triggers that forbid change were removed.",
            "Keep it as it is, and look for who can write to it.",
        )


def mark_of(path: Path) -> tuple[int, int, int, int]:
    """Return what a stat says about the regular file `path`; it differs once the file was written to."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the machine raise in the block into one of our errors."""
    try:
        yield
    except sqlite3.Error as error:
        raise _refusal(error, path) from error
    except OSError as error:
        raise explain(error, f"use the log {path}") from error


def _refusal(error: sqlite3.Error, path: Path) -> EnvGuardError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    sentence = f"Cannot use the log {path}: {error}."
    match code:
        case sqlite3.SQLITE_FULL:
            return Unavailable("disk-full", sentence, "Free some space; everything recorded before is safe.")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Unavailable("locked", sentence, "Try again.")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return Unavailable("permission-denied", sentence, "Run as the owner of the log.")
        case sqlite3.SQLITE_CANTOPEN if path.exists():
            return Unavailable("permission-denied", sentence, "Run as the owner of the log.")
        case sqlite3.SQLITE_CANTOPEN:
            return NotFound("file-not-found", sentence, "Check the path.")
        case (
            sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_ERROR | sqlite3.SQLITE_CONSTRAINT
        ):
            return Untrusted("log-invalid", sentence, "Keep the file, and restore the log from a backup.")
        case _:
            return Unavailable("io-error", sentence, "Look at the disk and the system log.")


def _can_join(path: Path) -> bool:
    """Say whether reading may take part in SQLite's locking without leaving files of the wrong owner."""
    if os.geteuid() in (0, path.stat().st_uid):
        return os.access(path.parent, os.W_OK)
    return path.with_name(path.name + "-wal").exists()


def _guard(connection: sqlite3.Connection) -> None:
    """Let nothing that stands in the file run, and no value in it be larger than ours."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 4 * RECORD_BYTES)
    for pragma in ("trusted_schema=OFF", "cell_size_check=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _statements(connection: sqlite3.Connection) -> frozenset[str]:
    return frozenset(sql for (sql,) in connection.execute("SELECT coalesce(sql, '') FROM sqlite_master"))


def _uri(path: Path, options: str) -> str:
    return f"file:{quote(str(path.absolute()))}?{options}"
