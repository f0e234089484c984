"""Where users read what became of their requests: one file for each, in a folder that they cannot write.

    <decisions>/<id>.json

The folder cannot be listed by users, and ids cannot be guessed: whoever asked can
read the answer, and nobody else.
"""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_envguard.errors import Conflict, EnvGuardError, Untrusted
from jupyter_envguard.files import explained, write_atomically
from jupyter_envguard.requests.folders import content_of, is_open_to_others, opened, owner_of
from jupyter_envguard.requests.request import Decision, Request

FOLDER_MODE = 0o711
"""Who knows a name may read it; only the owner may list and write."""

Mark = tuple[int, int] | None
"""Differs whenever something was decided."""


class Decisions:
    """The decisions of one site, believed only from root and from whoever owns the site file."""

    def __init__(self, folder: Path, site: Path) -> None:
        """Read nothing yet; `site` is the site file."""
        self._folder = folder
        self._site = site

    def mark(self) -> Mark:
        """Return what changes with every decision: costs a stat."""
        try:
            found = self._folder.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def of(self, request: Request) -> Decision | None:
        """Return the decision about `request`, or None while there is none.

        A file that cannot be believed or read, or that is about another request of
        this id, is no decision.
        """
        owners = self._owners()
        try:
            with opened(self._folder) as folder:
                if owner_of(folder) not in owners or is_open_to_others(folder):
                    return None
                content = content_of(f"{request.id}.json", folder, owners)
            decision = Decision.from_bytes(content) if content is not None else None
        except (OSError, EnvGuardError):
            return None
        return decision if decision and decision.request == request.digest() else None

    def write(self, request: Request, decision: Decision) -> None:
        """Keep `decision` about `request`; to be called by one process at a time.

        Raises `request-decided` when there is a decision, and `decisions-unsafe`
        when nobody would believe what this process writes there.
        """
        made(self._folder)
        if self.of(request) is not None:
            raise Conflict("request-decided", f"Request {request.id} has been decided.", "See its decision.")
        with explained(f"write to {self._folder}"):
            with opened(self._folder) as folder:
                safe = owner_of(folder) in self._owners() and not is_open_to_others(folder)
            if not safe or os.geteuid() not in self._owners():
                raise Untrusted(
                    "decisions-unsafe",
                    f"What you decide in {self._folder} would not be believed.",
                    f"Decide as root or as the owner of {self._site}, who alone may write to that folder.",
                )
            write_atomically(self._folder / f"{request.id}.json", decision.canonical())

    def _owners(self) -> frozenset[int]:
        try:
            return frozenset({0, self._site.stat().st_uid})
        except OSError:
            return frozenset({0})


def made(folder: Path) -> None:
    """Make the folder of decisions unless there is one."""
    with explained(f"make the folder {folder}"):
        try:
            folder.mkdir(0o700)
        except FileExistsError:
            return
        folder.chmod(FOLDER_MODE)
