"""Who could change a path: every component of it is looked at, as sshd does with its keys."""

from __future__ import annotations

import pwd
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Weakness:
    """One component of a path that somebody else than its owners can change."""

    path: Path
    """The component."""
    message: str
    """Why, as the end of a sentence about the path."""
    fix: str
    """What to type."""
    grave: bool = True
    """Whether what lies below can be taken away; the sticky bit, as on `/tmp`, prevents that."""


def weaknesses(path: Path, owners: Collection[int]) -> Iterator[Weakness]:
    """Yield the components of the absolute `path` that others than `owners` (user ids) can change.

    Links are followed: their own folder counts as well as the one they lead to.
    Raises `OSError` for a path that is not there.
    """
    seen = dict.fromkeys([*reversed(path.parents), path, *reversed(path.resolve().parents), path.resolve()])
    for component in seen:
        found = component.lstat()
        if stat.S_ISLNK(found.st_mode):
            continue
        if found.st_uid not in owners:
            yield Weakness(component, f"belongs to {user_name(found.st_uid)}", f"chown root {component}")
        elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            sticky = bool(found.st_mode & stat.S_ISVTX) and component != path.resolve()
            who = "everybody" if found.st_mode & stat.S_IWOTH else "its group"
            fix = "" if sticky else f"chmod go-w {component}"
            yield Weakness(component, f"can be written to by {who}", fix, grave=not sticky)


def user_name(uid: int) -> str:
    """Return the name of the account `uid`, or its number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
