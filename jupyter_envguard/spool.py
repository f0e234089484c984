"""The spool: where users' own processes leave things, a folder for each user.

    <spool>/<user>/…

Everybody may make folders in it (mode 1733), so what a folder is called proves
nothing; who owns it does.
"""

from __future__ import annotations

from pathlib import Path

from jupyter_envguard.files import explained
from jupyter_envguard.folders import NAME_LENGTH, PRIVATE_MODE, path_name, user_folder

__all__ = ["FOLDER_MODE", "NAME_LENGTH", "folder_for", "path_name"]

FOLDER_MODE = PRIVATE_MODE
"""Of folders inside the user's folder, which decides who may read them."""


def folder_for(spool: Path, user: str) -> Path:
    """Return the folder of `user` in `spool`, made when it is not there; see `folders.user_folder`."""
    with explained(f"make a folder in the spool {spool}"):
        return Path(user_folder(str(spool), user))
