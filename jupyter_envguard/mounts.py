"""Folders from whose files nothing is run: the mounts of a locked session.

A wall by Landlock decides what is executed, but not what is mapped into memory as
code: the dynamic linker, called by name, runs any file that it may read, and `dlopen`
loads any library. A mount that is `noexec` stops both. So a session gets a mount
namespace in which everything is `noexec` but what it may run: of that, a copy of the
mounts as they were before lies over each place. Nothing is ever made runnable that
was not, and no other flag of a mount changes.

Whoever may not mount gets a user namespace first, in which the process keeps its
user, group and supplementary groups. Files of all others then seem to belong to
`nobody`; who may read and write them does not change.
"""
# ruff: noqa: PTH109 - pathlib is not free, and this runs before every session

from __future__ import annotations

import os
import struct

from jupyter_envguard.paths import above, is_within
from jupyter_envguard.syscalls import call, checked, libc

TYPE_CHECKING = False  # `typing` costs more than everything else here
if TYPE_CHECKING:
    from collections.abc import Iterable

_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_CLONE, _CLOSE_ON_EXEC, _FROM_DESCRIPTOR = 1, os.O_CLOEXEC, 4
_NOSUID, _NODEV, _NOEXEC = 2, 4, 8
_RECURSIVE, _SLAVE = 16384, 1 << 19
_NEW_MOUNTS, _NEW_USERS = 0x20000, 0x10000000


def is_sealed(folder: str, kept: Iterable[str] = ()) -> bool:
    """Tell whether nothing is run from `folder` and what is mounted beneath it, but from what is `kept`.

    In a namespace that `seal` made, what was kept for a wall further out is no gap
    unless it can be written to: nothing is put there by who is confined.
    """
    if not _is_noexec(folder):
        return False
    kept, inner = frozenset(kept), _is_noexec("/")
    found = (place for place in _runnable() if folder in above(place))
    return not any(not is_within(place, kept) and (not inner or _takes_files(place)) for place in found)


def seal(folders: Iterable[str], kept: Iterable[str] = ()) -> None:
    """Let nothing be run from `folders`, nor from anywhere else but from what is `kept`.

    `kept` are files and folders; of those that are the same as one of `folders`, or
    lie around it, that one is sealed all the same. If `/` is kept, only `folders` are sealed.
    Raises `OSError` when the process may not mount. Paths are absolute and hold no
    links. If all `folders` are sealed already, no namespace is made and nothing
    changes. The process must have one thread.
    """
    folders, kept = tuple(folders), tuple(kept)
    if all(is_sealed(folder, kept) for folder in folders):
        return
    _own_mounts()
    copies = {place: _copied(place) for place in _outermost(kept, folders) if place not in folders}
    if "/" not in kept:
        _change("/", _NOEXEC)
    for place in sorted({*folders, *copies}):  # what lies beneath comes after what it lies in
        if place in copies:
            _put(copies[place], place)
        else:
            _put(_copied(place), place)
            _change(place, _NOEXEC | _NOSUID | _NODEV)
    os.chdir(os.getcwd())  # the working folder would go on to lie in the mount below


def _outermost(kept: Iterable[str], folders: Iterable[str]) -> list[str]:
    """Return what of `kept` is copied: all but what lies in another copy, with none of `folders` between."""
    found, sealed = dict[str, None](), frozenset(folders)
    for place in sorted(set(kept) - {"/"}):  # what is around it comes before it
        nearest = next((folder for folder in above(place) if folder in sealed or folder in found), "")
        if not nearest or nearest in sealed:
            found[place] = None
    return list(found)


def _runnable() -> list[str]:
    """Return the places at which something is mounted from which files are run."""
    found: dict[str, bool] = {}
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            words = line.split(b" ")
            found[_unescaped(words[4])] = b"noexec" not in words[5].split(b",")
    return [place for place, runs in found.items() if runs]


def _unescaped(word: bytes) -> str:
    """Return the path that the kernel means, which writes spaces, line ends and backslashes in octal."""
    for sign in b" \t\n\\":
        word = word.replace(b"\\%03o" % sign, bytes((sign,)))
    return os.fsdecode(word)


def _takes_files(place: str) -> bool:
    """Tell whether this process can put a file into `place`, by trying it without leaving one."""
    try:
        os.close(os.open(place, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except OSError:
        return False
    return True


def _is_noexec(folder: str) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)


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


def _copied(place: str) -> int:
    """Return a descriptor of a copy of what is mounted at `place` and beneath, which lies nowhere yet."""
    flags = _CLONE | _CLOSE_ON_EXEC | _AT_RECURSIVE
    return call(_OPEN_TREE, _AT_FDCWD, os.fsencode(place) + b"\0", flags)


def _put(copy: int, place: str) -> None:
    """Lay `copy` over `place`."""
    call(_MOVE_MOUNT, copy, b"\0", _AT_FDCWD, os.fsencode(place) + b"\0", _FROM_DESCRIPTOR)
    os.close(copy)


def _change(folder: str, added: int, removed: int = 0) -> None:
    """Change the attributes of the mount at `folder` and of all beneath it."""
    attributes = struct.pack("=QQQQ", added, removed, 0, 0)
    path = os.fsencode(folder) + b"\0"
    call(_MOUNT_SETATTR, _AT_FDCWD, path, _AT_RECURSIVE, attributes, len(attributes))
