"""Builds catalogs for tests: entries to vary, and whole catalogs on disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jupyter_envguard.catalog import Client, Entry, State, Statement, Verdict
from jupyter_envguard.catalog.repository import Lifetimes, Repository

NOW = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)
WHEN = "2026-11-01T08:00:00Z"


def digest(seed: object) -> str:
    """Return a well-formed digest that differs by `seed`."""
    return f"sha256:{hashlib.sha256(str(seed).encode()).hexdigest()}"


def entry(name: str = "datasci", release: str = "2026.05", **changes: Any) -> Entry:
    """Return an approved entry for the group `data-science`, changed as asked."""
    said = Statement("boss", WHEN, "looks good")
    values: dict[str, Any] = {
        "name": name,
        "release": release,
        "state": State.APPROVED,
        "display_name": "Data Science",
        "groups": ("data-science",),
        "pack": digest(f"{name}{release}"),
        "spec": digest(f"spec {name}{release}"),
        "manifest": digest(f"manifest {name}{release}"),
        "verdict": Verdict(digest("policy"), True),
        "imported_at": WHEN,
        "imported_by": "ada",
        "changed": said,
        "approval": said,
    }
    return Entry(**(values | changes))


@dataclass(frozen=True)
class Place:
    """One catalog on disk."""

    folder: Path
    repository: Repository
    root: bytes

    @property
    def catalog(self) -> Path:
        return self.repository.path

    def client(self, **options: Any) -> Client:
        return Client(self.catalog, self.root, **options)

    def metadata(self, name: str) -> Path:
        return self.catalog / "metadata" / name


def place(folder: Path, *, lifetimes: Lifetimes | None = None, clock: Any = None) -> Place:
    """Return a new catalog in `folder`."""
    options = {"clock": clock} if clock else {}
    repository = Repository(folder / "catalog", folder / "keys", lifetimes=lifetimes, **options)
    return Place(folder, repository, repository.init())


class Clock:
    """A clock that tests move; it starts at the real time, because python-tuf looks at that."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **step: float) -> None:
        self.now += timedelta(**step)
