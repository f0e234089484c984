"""All users' requests, as an admin reads them from the spool: nothing there is to be believed.

A user can write anything into the own folder, under any name. What is certain is
the owner of a file, which the machine's kernel keeps; where that is the account of
the user who is said to ask, the user did.
"""

from __future__ import annotations

import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jupyter_envguard.errors import EnvGuardError, InvalidInput
from jupyter_envguard.files import explained
from jupyter_envguard.requests.folders import content_of, names_in, opened, owner_of
from jupyter_envguard.requests.outbox import FOLDER, KEPT_REQUESTS, OPEN_REQUESTS
from jupyter_envguard.requests.request import Request
from jupyter_envguard.spool import path_name

MOST_FILES = KEPT_REQUESTS + OPEN_REQUESTS
"""Files of one user that are looked at."""
MOST_USERS = 100_000
"""Folders in the spool that are looked at."""


@dataclass(frozen=True, slots=True)
class Received:
    """One request, and what its file says about who asks."""

    request: Request
    """The request."""
    uid: int
    """Whom the file belongs to."""
    is_attested: bool
    """Whether that is the account of the user who is said to ask; else it is testimony."""


def received(spool: Path, problems: list[EnvGuardError]) -> tuple[Received, ...]:
    """Return all requests in `spool`, the oldest first.

    What cannot be read hides nothing else: it is added to `problems`. Raises
    `file-not-found` or `permission-denied` for a spool that cannot be read.
    """
    found: list[Received] = []
    with explained(f"read the spool {spool}"), opened(spool) as root:
        for user in names_in(root, MOST_USERS):
            try:
                found += _of_user(spool, user, root, problems)
            except OSError as error:
                problems.append(_problem(spool / user, error.strerror or str(error)))
    return tuple(sorted(found, key=lambda item: (item.request.created, item.request.id)))


def _of_user(spool: Path, user: str, root: int, problems: list[EnvGuardError]) -> Iterator[Received]:
    """Yield the requests in one user's folder; raises `OSError`."""
    try:
        with opened(user, root) as mine, opened(FOLDER, mine) as folder:
            uid = owner_of(mine)
            if owner_of(folder) != uid:
                problems.append(
                    _problem(spool / user / FOLDER, "it belongs to somebody else than its parent")
                )
                return
            names = names_in(folder, MOST_FILES)
            if len(names) > MOST_FILES:
                problems.append(_problem(spool / user / FOLDER, f"it has more than {MOST_FILES} files"))
            for name in names[:MOST_FILES]:
                try:
                    yield _read(name, folder, uid, user)
                except (OSError, EnvGuardError) as error:
                    problems.append(_problem(spool / user / FOLDER / name, str(error)))
    except (FileNotFoundError, NotADirectoryError):
        return  # A user without requests, or a file that is no user's folder.


def _read(name: str, folder: int, uid: int, user: str) -> Received:
    content = content_of(name, folder, frozenset({uid}))
    if content is None:
        raise InvalidInput("request-unreadable", "it is no file of a request")
    request = Request.from_bytes(content)
    mine = path_name(request.user)
    if name != f"{request.id}.json" or not (user == mine or user.startswith(f"{mine}~")):
        raise InvalidInput("request-unreadable", "it says that it is another one")
    return Received(request, uid, _account(uid) == request.user)


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _problem(path: Path, why: str) -> InvalidInput:
    return InvalidInput(
        "request-unreadable", f"{str(path)!r} cannot be read as a request: {why.rstrip('.')}.", "Look at it."
    )
