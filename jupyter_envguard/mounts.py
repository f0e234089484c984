"""Folders from whose file systems nothing is run: the mounts of a locked session.

A wall by Landlock decides what is executed, but not what is mapped into memory as
code: the dynamic linker, called by name, runs any file that it may read, and `dlopen`
loads any library. A mount that is `noexec` stops both. So the folders that a session
writes to are mounted once more, over themselves, in a mount namespace of the session.

Whoever may not mount gets a user namespace first, in which the process keeps its
user, group and supplementary groups. Files of all others then seem to belong to
`nobody`; who may read and write them does not change.
"""
# ruff: noqa: PTH109 - pathlib is not free, and this runs before every session

from __future__ import annotations

import os
import struct

from jupyter_envguard.syscalls import call, checked, libc

TYPE_CHECKING = False  # `typing` costs more than everything else here
if TYPE_CHECKING:
    from collections.abc import Iterable

_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
_NOSUID, _NODEV, _NOEXEC = 2, 4, 8
_BIND, _RECURSIVE, _SLAVE = 4096, 16384, 1 << 19
_NEW_MOUNTS, _NEW_USERS = 0x20000, 0x10000000


def is_sealed(folder: str) -> bool:
    """Tell whether nothing is run from the file system of `folder`, because it is mounted `noexec`."""
    return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)


def seal(folders: Iterable[str], kept: Iterable[str] = ()) -> None:
    """Let nothing be run from `folders`, but from what is `kept` beneath them.

    Raises `OSError` when the process may not mount. Paths are absolute and hold no
    links. Folders that are sealed already are passed over; if all are, no namespace
    is made. The process must have one thread.
    """
    wanted = [folder for folder in folders if not is_sealed(folder)]
    if not wanted:
        return
    open_places = [place for place in kept if _is_beneath(place, wanted) and not is_sealed(place)]
    _own_mounts()
    for folder in (*wanted, *open_places):
        _bind(folder)
    for folder in wanted:
        _change(folder, _NOEXEC | _NOSUID | _NODEV, 0)
    for place in open_places:
        _change(place, 0, _NOEXEC)
    os.chdir(os.getcwd())  # the working folder would go on to lie in the mount below


def _own_mounts() -> None:
    """Enter a mount namespace, inside a user namespace where there is no other way."""
    try:
        checked(libc.unshare, _NEW_MOUNTS)
    except PermissionError:
        uid, gid = os.geteuid(), os.getegid()
        checked(libc.unshare, _NEW_USERS | _NEW_MOUNTS)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    checked(libc.mount, b"none", b"/", None, _RECURSIVE | _SLAVE, None)


def _is_beneath(place: str, folders: Iterable[str]) -> bool:
    return any(place.startswith(folder.rstrip("/") + "/") for folder in folders)


def _bind(folder: str) -> None:
    path = os.fsencode(folder)
    checked(libc.mount, path, path, None, _BIND | _RECURSIVE, None)


def _change(folder: str, added: int, removed: int) -> None:
    """Change the attributes of the mount at `folder` and of all beneath it."""
    attributes = struct.pack("=QQQQ", added, removed, 0, 0)
    path = os.fsencode(folder) + b"\0"
    call(_MOUNT_SETATTR, _AT_FDCWD, path, _AT_RECURSIVE, attributes, len(attributes))
