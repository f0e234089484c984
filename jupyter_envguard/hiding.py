"""Files that a process may not read, in folders of which it reads everything else.

Landlock allows and never forbids. So what lies around the hidden files is allowed: what is beside them,
beside the folder in which they lie, and so on up to the root. A file that cannot be read is neither run
nor copied, and the dynamic linker, called by name, does not load it either.

What comes into one of these folders later cannot be read, so none of them is one that the process writes to.

A process hides what it was started from itself, once it runs: `ruleset` is made before,
and handed over by its number (`hooks.alone`).
"""
# ruff: noqa: PTH112, PTH120 - pathlib is not free, and this runs before every kernel in lockdown

from __future__ import annotations

import os
import struct

from jupyter_envguard.syscalls import call

TYPE_CHECKING = False  # `typing` costs more than everything else here
if TYPE_CHECKING:
    from collections.abc import Iterable

LATER = "ENVGUARD_HIDING"
"""Names the variable with the descriptor of a ruleset that a process is to put on itself."""

NAMES = ("python", "pypy")
"""How the names of interpreters of Python begin."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _PATH_BENEATH, _READ_FILE = 444, 445, 446, 1, 4


def pythons(folder: str) -> list[str]:
    """Return the interpreters of Python in `folder`: what is called so, and other names of the same files."""
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
    own = {entry.inode() for entry in files if entry.name.startswith(NAMES)}
    return sorted(entry.path for entry in files if entry.inode() in own)


def around(hidden: Iterable[str], shown: Iterable[str] = ()) -> list[str]:
    """Return all that may be read where `hidden` may not, except what is `shown` although it lies in there.

    Paths are absolute and hold no links. A folder that is hidden hides what is beneath it. Of a folder
    around it that cannot be listed nothing is returned but what is `shown`.
    """
    closed, folders = set(hidden), set[str]()
    for path in closed:
        folder = os.path.dirname(path)
        while folder not in closed and folder not in folders:
            folders.add(folder)
            folder = os.path.dirname(folder)
    found = [path for path in shown if path not in closed and path not in folders]
    for folder in sorted(folders):
        try:
            with os.scandir(folder) as entries:
                here = [entry for entry in entries if not entry.is_symlink()]
        except OSError:
            continue
        same = {
            entry.inode() for entry in here if entry.path in closed
        }  # another name would open the file, too
        found += [entry.path for entry in here if entry.inode() not in same]
    return [path for path in dict.fromkeys(found) if path not in closed and path not in folders]


def ruleset(hidden: Iterable[str], shown: Iterable[str] = ()) -> int:
    """Return the descriptor of a ruleset that lets everything be read but `hidden`."""
    rules = call(_CREATE_RULESET, struct.pack("=Q", _READ_FILE), 8, 0)
    for path in around(hidden, shown):
        try:
            descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:  # it went away, or lies where the process may not look
            continue
        try:
            call(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", _READ_FILE, descriptor), 0)
        finally:
            os.close(descriptor)
    return rules


def hide(hidden: Iterable[str], shown: Iterable[str] = (), *, later: bool = False) -> None:
    """Take the right to read `hidden` from this process, or with `later` leave it to the program it becomes.

    The process must have given up new privileges.
    """
    rules = ruleset(hidden, shown)
    if later:
        os.set_inheritable(rules, True)
        os.environ[LATER] = str(rules)
        return
    call(_RESTRICT_SELF, rules, 0)
    os.close(rules)
