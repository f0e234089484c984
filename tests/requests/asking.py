"""Requests to vary, and a place to make them in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_envguard.requests import Asked, Decision, Decisions, Outbox, Request
from tests.catalogs import WHEN

REASON = "We need it for the quarterly report."


def asked(**changes: Any) -> Asked:
    return Asked(**{"kind": "package", "subject": "xgboost>=2", "reason": REASON} | changes)


def request(**changes: Any) -> Request:
    return Request(**{"id": "a" * 13, "user": "ada", "created": WHEN, "asked": asked()} | changes)


def declined(about: Request, **changes: Any) -> Decision:
    fields = {"request": about.digest(), "state": "declined", "who": "boss", "when": WHEN, "reason": "No."}
    return Decision(**fields | changes)


@dataclass(frozen=True)
class Desk:
    """A spool and a folder of decisions."""

    folder: Path

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def decisions(self) -> Decisions:
        return Decisions(self.folder / "decisions", self.folder / "site.yaml")

    def of(self, user: str = "ada", **options: Any) -> Outbox:
        return Outbox(self.spool, user, self.decisions, **options)
