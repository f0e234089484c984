"""The append-only, tamper-evident log of what was decided and what ran."""

from jupyter_envguard.audit.event import Actor, Auth, Event, Outcome, Record, Source, Trust
from jupyter_envguard.audit.log import UNSEEN, Head, Log, Query, Verification, merged, spooled

__all__ = [
    "UNSEEN",
    "Actor",
    "Auth",
    "Event",
    "Head",
    "Log",
    "Outcome",
    "Query",
    "Record",
    "Source",
    "Trust",
    "Verification",
    "merged",
    "spooled",
]
