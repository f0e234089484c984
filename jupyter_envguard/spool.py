"""The spool: where users' own processes leave things, a folder for each user.

    <spool>/<user>/…

Everybody may make folders in it (mode 1733), so what a folder is called proves
nothing; who owns it does.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from urllib.parse import quote

from jupyter_envguard.files import explained
from jupyter_envguard.spec import sha256_digest

FOLDER_MODE = 0o750
"""Of the user's folder: its group may read, so that auditors can be that group."""

FOLDERS = 16
"""Names to try for the user's folder, when others hold the first ones, before one that nobody can guess."""

NAME_LENGTH = 100
"""Characters of a user or server name in a path; a longer one is replaced by its digest."""


def path_name(name: str) -> str:
    """Return `name` of a user or server as the name of one file, different for different names.

    >>> path_name("ada"), path_name("../ada"), path_name("..")
    ('ada', '%2E.%2Fada', '%2E.')
    """
    safe = quote(name, safe="@")
    if safe.startswith("."):
        safe = "%2E" + safe[1:]
    return safe if len(safe) <= NAME_LENGTH else sha256_digest(name.encode()).replace(":", "-")


def folder_for(spool: Path, user: str) -> Path:
    """Return the folder of `user` in `spool`, made when it is not there.

    Somebody else may have made one of this name; then another name serves, because
    readers look into all of them. The last one cannot be guessed, so nobody can
    keep a user from recording.
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
