"""The session's own log: what its kernels did, in a file that the user's processes can write.

    <spool>/<user>/<server>.sqlite

It is testimony, not evidence, and says so: whoever runs code in the session could
add to it. The site's own log is elsewhere and out of reach.
"""

from __future__ import annotations

import logging
import os
import secrets
import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from jupyter_envguard.audit import Actor, Auth, Event, Log, Outcome
from jupyter_envguard.catalog.entry import Entry
from jupyter_envguard.errors import Denied, EnvGuardError, Unavailable, Untrusted
from jupyter_envguard.files import explained
from jupyter_envguard.kernels.subject import Subject
from jupyter_envguard.spec import sha256_digest

FOLDER_MODE = 0o750
"""Of the user's folder: its group may read, so that auditors can be that group."""

FOLDERS = 16
"""Names to try for the user's folder, when others hold the first ones, before one that nobody can guess."""

NAME_LENGTH = 100
"""Characters of a user or server name in a path; a longer one is replaced by its digest."""

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
                path = _folder(self._spool, user) / f"{path_name(self._server)}.sqlite"
                self._logs[user] = Log(path, component="session", trust="self-reported")
            return self._logs[user]


def path_name(name: str) -> str:
    """Return `name` of a user or server as the name of one file, different for different names.

    >>> path_name("ada"), path_name("../ada"), path_name("..")
    ('ada', '%2E.%2Fada', '%2E.')
    """
    safe = quote(name, safe="@")
    if safe.startswith("."):
        safe = "%2E" + safe[1:]
    return safe if len(safe) <= NAME_LENGTH else sha256_digest(name.encode()).replace(":", "-")


def _folder(spool: Path, user: str) -> Path:
    """Return the user's folder in the spool, made when it is not there.

    Everybody may make folders in the spool, so one of this name may be somebody
    else's; then another name serves, because readers look into all of them. The
    last one cannot be guessed, so nobody can keep a user from recording.
    """
    name = path_name(user)
    with explained(f"make a folder in the spool {spool}"):
        for folder in (spool / name, *(spool / f"{name}~{count}" for count in range(2, FOLDERS + 1))):
            try:
                folder.mkdir(FOLDER_MODE)
            except FileExistsError:
                found = folder.lstat()
                theirs = found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
                if theirs or not stat.S_ISDIR(found.st_mode):
                    continue
            return folder
        folder = spool / f"{name}~{secrets.token_hex(8)}"
        folder.mkdir(FOLDER_MODE)
        return folder


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
