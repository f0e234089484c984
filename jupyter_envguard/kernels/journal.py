"""The session's own log: what its kernels did, in a file that the user's processes can write.

    <spool>/<user>/<server>.sqlite

It is testimony, not evidence, and says so: whoever runs code in the session could
add to it. The site's own log is elsewhere and out of reach.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from jupyter_envguard.audit import Actor, Auth, Event, Log, Outcome
from jupyter_envguard.catalog.entry import Entry
from jupyter_envguard.errors import Denied, EnvGuardError, Unavailable, Untrusted
from jupyter_envguard.kernels.subject import Subject
from jupyter_envguard.spool import folder_for, path_name

NOBODY = "(nobody)"
"""Stands in the path for a user whose name could not be learnt."""

AUTH: Mapping[str, Auth] = MappingProxyType({"hub": "hub-token", "system": "os-user"})

log = logging.getLogger(__name__)


class Journal:
    """Writes one session's events; safe for several threads."""

    def __init__(self, spool: Path, server: str, *, required: bool) -> None:
        """Open nothing yet. `server` is the name of the user's server, empty for the default one.

        Where `required`, what cannot be recorded is not done; else it is only logged.
        """
        self._spool = spool
        self._server = server or "default"
        self._required = required
        self._turn = threading.Lock()
        self._logs: dict[str, Log] = {}

    def write(
        self,
        kind: str,
        subject: Subject | None,
        entry: Entry | None,
        error: EnvGuardError | None = None,
        **about: str | int,
    ) -> None:
        """Append one event of type `kind` about `entry`.

        Raises `audit-unavailable` when that fails and records are required.

        `error` makes it a refusal or a failure. `about` may hold `catalog`, the
        version in force, and `kernel_id`; the rest becomes the event's detail.
        """
        try:
            event = Event(
                type=kind,
                outcome=_outcome(error),
                reason=error.code if error else "",
                actor=_actor(subject),
                release=entry.id if entry else "",
                digests=_digests(entry),
                catalog=int(about.pop("catalog", 0)),
                kernel_id=str(about.pop("kernel_id", "")),
                detail=about,
            )
            self._opened(subject).append(event)
        except EnvGuardError as failure:
            log.error("%s is not recorded: [%s] %s", kind, failure.code, failure.message)
            if self._required:
                raise Unavailable(
                    "audit-unavailable",
                    f"{kind} cannot be recorded ({failure.message.rstrip('.')}), and this site requires it.",
                    "Tell your hub's administrator.",
                ) from failure

    def _opened(self, subject: Subject | None) -> Log:
        user = subject.user if subject else NOBODY
        with self._turn:
            if user not in self._logs:
                path = folder_for(self._spool, user) / f"{path_name(self._server)}.sqlite"
                self._logs[user] = Log(path, component="session", trust="self-reported")
            return self._logs[user]


def _outcome(error: EnvGuardError | None) -> Outcome:
    if error is None:
        return "allowed"
    return "denied" if isinstance(error, Denied | Untrusted) else "error"


def _actor(subject: Subject | None) -> Actor:
    if subject is None:
        return Actor("", os.geteuid())
    return Actor(subject.user, os.geteuid(), AUTH[subject.source])


def _digests(entry: Entry | None) -> dict[str, str]:
    return {"pack": entry.pack, "spec": entry.spec, "manifest": entry.manifest} if entry else {}
