"""Sets of rules of Landlock: what may be done beneath which path (landlock(7)).

A session in lockdown has some two hundred rules and waits for each, so what many have in common is
done once: a folder is opened for all that lies in it.
"""

from __future__ import annotations

import errno
import os
import stat
import struct

from jupyter_envguard.syscalls import call, checked, libc, register

TYPE_CHECKING = False  # `typing` costs more than everything else here
if TYPE_CHECKING:
    from collections.abc import Container, Mapping

EXECUTE = 1 << 0
WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3
REMOVE_DIR = 1 << 4
REMOVE_FILE = 1 << 5
MAKE_CHAR = 1 << 6
MAKE_DIR = 1 << 7
MAKE_REG = 1 << 8
MAKE_SOCK = 1 << 9
MAKE_FIFO = 1 << 10
MAKE_BLOCK = 1 << 11
MAKE_SYM = 1 << 12
REFER = 1 << 13
TRUNCATE = 1 << 14
IOCTL_DEV = 1 << 15

READ = READ_FILE | READ_DIR
RUN = READ | EXECUTE
CHANGE = (
    READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_SYM
) | (REFER | TRUNCATE | IOCTL_DEV)  # never MAKE_CHAR or MAKE_BLOCK: nobody here makes devices

ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""The rights that a rule on a single file may carry; the kernel refuses others."""

# The same numbers on x86_64 and aarch64, where all newer calls are shared.
_OPENAT2, _CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 437, 444, 445, 446
_AT_FDCWD, _RESOLVE_NO_SYMLINKS = -100, 0x04
_PATH_BENEATH = 1
_HOW = struct.pack("=QQQ", os.O_PATH | os.O_CLOEXEC, 0, _RESOLVE_NO_SYMLINKS)
_LINKED = "a part of it is a symbolic link"


def create(attributes: bytes) -> int:
    """Return the descriptor of an empty set; `attributes` are a `struct landlock_ruleset_attr`."""
    return call(_CREATE_RULESET, attributes, len(attributes), 0)


def restrict(rules: int) -> None:
    """Put a set into force on this process, which has given up new privileges, for good; close it."""
    call(_RESTRICT_SELF, rules, 0)
    os.close(rules)


def add(rules: int, rights: Mapping[str, int], needed: Container[str]) -> None:
    """Add rights by absolute path to a set, which must handle all of them.

    Any symbolic link on the way is refused. A path that cannot be named is passed over unless it is
    `needed`; then `OSError` carries it as `filename`.
    """
    number, set_, kind, flags = map(register, (_ADD_RULE, rules, _PATH_BENEATH, 0))
    folders: dict[str, int] = {}
    try:
        for path, those in rights.items():
            try:
                descriptor, mode = _opened(path, folders)
            except OSError:
                if path in needed:
                    raise
                continue
            try:
                allowed = those if stat.S_ISDIR(mode) else those & ON_FILES
                if allowed:  # a file that is hidden has no right left, and the kernel refuses an empty rule
                    beneath = struct.pack("=Qi", allowed, descriptor)
                    checked(libc.syscall, number, set_, kind, beneath, flags)
            finally:
                os.close(descriptor)
    finally:
        for folder in folders.values():
            os.close(folder)


def open_path(path: str) -> int:
    """Open `path` for a rule, refusing any symbolic link on the way.

    An allow-list that follows links grants more than it names: `/usr/bin/X11`
    is a link to `.`, and allowing each entry of `/usr/bin` would allow the folder.
    """
    try:
        return call(_OPENAT2, _AT_FDCWD, os.fsencode(path) + b"\0", _HOW, len(_HOW))
    except OSError as error:
        why = _LINKED if error.errno == errno.ELOOP else error.strerror
        raise OSError(error.errno, why, path) from None


def _opened(path: str, folders: dict[str, int]) -> tuple[int, int]:
    """Return a descriptor of `path` and its mode; its folder stays open in `folders`."""
    folder, _, name = path.rpartition("/")
    if not name:
        descriptor = open_path(path)
        return descriptor, os.fstat(descriptor).st_mode
    try:
        if folder not in folders:
            folders[folder] = open_path(folder or "/")
        descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folders[folder])
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISLNK(mode):  # as `O_PATH` opens it
        os.close(descriptor)
        raise OSError(errno.ELOOP, _LINKED, path)
    return descriptor, mode
