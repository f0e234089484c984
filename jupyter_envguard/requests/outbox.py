"""One user's requests, as the user's own server keeps them in the spool."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from jupyter_envguard.errors import Conflict, EnvGuardError, NotFound, Unavailable
from jupyter_envguard.files import explained, write_atomically
from jupyter_envguard.requests import request as values
from jupyter_envguard.requests.decisions import Decisions
from jupyter_envguard.requests.folders import content_of, names_in, opened
from jupyter_envguard.requests.request import Asked, Decision, Request
from jupyter_envguard.spool import folder_for

FOLDER = "requests"
"""Below the user's folder in the spool."""
FOLDER_MODE, FILE_MODE = 0o750, 0o640
"""The group of the user's folder may read, where that lets it in."""
OPEN_REQUESTS = 20
"""Requests of one user that wait for a decision."""
KEPT_REQUESTS = 100
"""Requests of one user that are kept; decided ones go first, the oldest first."""


class Outbox:
    """The requests of one user; safe for several threads."""

    def __init__(
        self,
        spool: Path,
        user: str,
        decisions: Decisions,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Make nothing yet."""
        self._spool = spool
        self._user = user
        self._decisions = decisions
        self._clock = clock
        self._turn = threading.Lock()

    def make(self, asked: Asked, release: str = "") -> Request:
        """Keep a new request and return it.

        `release` is what the environment's name means now. Raises `request-invalid`
        for a day that has passed, and `requests-full` when too many wait already.
        """
        now = self._clock()
        values.check_needed_by(asked, now.date())
        with self._turn:
            kept = self.list()
            if sum(decision is None for _, decision in kept) >= OPEN_REQUESTS:
                raise Conflict(
                    "requests-full",
                    f"{OPEN_REQUESTS} of your requests wait for a decision.",
                    "Wait until some of them are decided.",
                )
            made = Request(
                id=values.new_id(),
                user=self._user,
                created=values.created(now),
                release=release,
                asked=asked,
            )
            folder = self._folder()
            with explained(f"write to {folder}"):
                for old, _ in [pair for pair in kept if pair[1] is not None][KEPT_REQUESTS - OPEN_REQUESTS :]:
                    (folder / f"{old.id}.json").unlink(missing_ok=True)
                write_atomically(folder / f"{made.id}.json", made.canonical(), FILE_MODE)
        return made

    def list(self) -> tuple[tuple[Request, Decision | None], ...]:
        """Return every request with its decision, the newest first; a file that is none does not count."""
        found = sorted(self._requests(), key=lambda request: (request.created, request.id), reverse=True)
        return tuple((request, self._decisions.of(request)) for request in found)

    def _folder(self) -> Path:
        try:
            folder = folder_for(self._spool, self._user) / FOLDER
            with explained(f"make the folder {folder}"):
                folder.mkdir(FOLDER_MODE, exist_ok=True)
        except NotFound as error:  # a spool that is not there is no fault of who asks
            raise Unavailable(error.code, error.message, "Tell your hub's administrator.") from error
        return folder

    def withdraw(self, request: Request) -> None:
        """Take a request back, as if it had not been made."""
        folder = self._folder()
        with explained(f"write to {folder}"):
            (folder / f"{request.id}.json").unlink(missing_ok=True)

    def _requests(self) -> Iterator[Request]:
        path = self._folder()
        with explained(f"read {path}"), opened(path) as folder:
            for name in names_in(folder, KEPT_REQUESTS + OPEN_REQUESTS):
                try:
                    content = content_of(name, folder, frozenset({os.geteuid()}))
                    request = Request.from_bytes(content or b"")
                except (OSError, EnvGuardError):
                    continue
                if (name, request.user) == (f"{request.id}.json", self._user):
                    yield request
