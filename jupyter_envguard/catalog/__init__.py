"""The signed list of releases: what is approved, for whom, and who decided.

`entry` and `decision` are plain values and one pure function; `document` is the
whole list; `repository` signs and writes it, `client` reads and verifies it.
python-tuf is heavy, so it is imported by the first `Client.load`, and by the
first mention of `Repository`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_envguard.catalog.client import Client
from jupyter_envguard.catalog.decision import Allowed, Decision, Denied, Reason, decide
from jupyter_envguard.catalog.document import Catalog, Offer
from jupyter_envguard.catalog.entry import Entry, State, Statement, Verdict

if TYPE_CHECKING:
    from jupyter_envguard.catalog.repository import Repository

__all__ = [
    "Allowed",
    "Catalog",
    "Client",
    "Decision",
    "Denied",
    "Entry",
    "Offer",
    "Reason",
    "Repository",
    "State",
    "Statement",
    "Verdict",
    "decide",
]


def __getattr__(name: str) -> object:
    """Import `Repository` when it is first mentioned."""
    if name == "Repository":
        from jupyter_envguard.catalog.repository import Repository

        return Repository
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
