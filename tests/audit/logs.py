"""Logs to look into, and what somebody does to one who can write to it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_envguard.audit import Actor, Event, Log

START = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def event(kind: str = "kernel.start", **changes: Any) -> Event:
    """Return an event, changed as asked."""
    return Event(**({"type": kind, "outcome": "allowed", "actor": Actor("ada", 1000)} | changes))


def filled(path: Path, count: int = 5) -> Log:
    """Add `count` events to the log at `path`."""
    log = Log(path)
    for number in range(count):
        log.append(event(detail={"n": number}))
    log.close()
    return log


def opened(folder: Path) -> None:
    """Let everybody reach `folder`, which pytest made for its owner only."""
    for each in (folder, *folder.parents):
        if each.stat().st_uid == os.geteuid() and not each.stat().st_mode & 0o001:
            each.chmod(0o755)


def unguarded(path: Path, *statements: str) -> None:
    """Change the file as somebody who can write to it and knows SQLite, and put the triggers back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, sql in triggers:
            connection.execute(sql)
