"""The folder of one user in the spool: what it is called, and which one of several it is.

The wall opens this folder to a session, and no other one, before there is any session;
so this is standard library, and only as much of it as every interpreter has loaded.
"""
# ruff: noqa: PTH102, PTH116, PTH118, PTH119, PTH120

from __future__ import annotations

import os
import stat

SHARED_MODE, PRIVATE_MODE = 0o750, 0o700
"""Of the user's folder, where the spool hands its group on (setgid) to those who may read, and elsewhere."""

FOLDERS = 16
"""Names to try for the user's folder, when others hold the first ones, before one that nobody can guess."""

NAME_LENGTH = 100
"""Characters of a user or server name in a path; a longer one is replaced by its digest."""

CHOSEN = "ENVGUARD_SPOOL"
"""Variable in which the wall says which folder it has opened, for the server that cannot look for it."""

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~@")


def path_name(name: str) -> str:
    """Return `name` of a user or server as the name of one file, different for different names.

    >>> path_name("ada"), path_name("../ada"), path_name("..")
    ('ada', '%2E.%2Fada', '%2E.')
    """
    content = name.encode()
    safe = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in content)
    if safe.startswith("."):
        safe = "%2E" + safe[1:]
    if len(safe) <= NAME_LENGTH:
        return safe
    import hashlib  # is needed almost never

    return f"sha256-{hashlib.sha256(content).hexdigest()}"


def user_folder(spool: str, user: str) -> str:
    """Return the path of the folder of `user` in `spool`, made when it is not there; raises `OSError`.

    Somebody else may have made one of this name; then another name serves, because
    readers look into all of them. The last one cannot be guessed, so nobody can
    keep a user from recording.
    """
    name = path_name(user)
    mode = SHARED_MODE if os.stat(spool).st_mode & stat.S_ISGID else PRIVATE_MODE
    chosen = os.environ.get(CHOSEN, "")
    if chosen and os.path.dirname(chosen) == spool and _is_own(chosen):
        return chosen
    names = (name, *(f"{name}~{number}" for number in range(2, FOLDERS + 1)))
    for path in (os.path.join(spool, each) for each in names):
        try:
            os.mkdir(path, mode)
        except FileExistsError:
            if not _is_own(path):
                continue
        return path
    path = os.path.join(spool, f"{name}~{os.urandom(8).hex()}")
    os.mkdir(path, mode)
    return path


def is_of(folder: str, name: str) -> bool:
    """Tell whether `folder` is called as one of the user whose `path_name` is `name`."""
    called = os.path.basename(folder)
    return called == name or called.rpartition("~")[0] == name


def prepare(spool: str, user: str, uid: int, gid: int) -> bool:
    """Make the folder of `user` for the account `uid` and `gid`, where there is none; for root.

    Returns whether the user's own folder has that name now. A folder that belongs to
    somebody else is left alone: it may be a trap. Raises `OSError`.
    """
    path = os.path.join(spool, path_name(user))
    shared = os.stat(spool).st_mode & stat.S_ISGID
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        found = os.lstat(path)
        return stat.S_ISDIR(found.st_mode) and found.st_uid == uid
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not shared:
            os.fchown(folder, uid, gid)
        else:
            os.fchown(folder, uid, -1)
            os.fchmod(folder, SHARED_MODE | stat.S_ISGID)
    finally:
        os.close(folder)
    return True


def _is_own(path: str) -> bool:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    theirs = found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(found.st_mode) and not theirs
