"""Files that a process may not read, in folders of which it reads everything else.

Landlock allows and never forbids. So what lies around the hidden files is allowed: what is beside them,
beside the folder in which they lie, and so on up to the root. A file that cannot be read is neither run
nor copied, and the dynamic linker, called by name, does not load it either.

What comes into one of these folders later cannot be read, so none of them is one that the process writes to.

A process hides what it was started from itself, once it runs: `leave` makes the rules before,
and hands them over by their number (`hooks.alone`).
"""
# ruff: noqa: PTH112 - pathlib is not free, and this runs before every kernel in lockdown

from __future__ import annotations

import os
import struct

from jupyter_envguard import rulesets
from jupyter_envguard.paths import above, is_within
from jupyter_envguard.rulesets import READ_FILE, REFER

TYPE_CHECKING = False  # `typing` costs more than everything else here
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LATER = "ENVGUARD_HIDING"
"""Names the variable with the descriptor of a ruleset that a process is to put on itself."""

NAMES = ("python", "pypy")
"""How the names of interpreters of Python begin."""


def pythons(folder: str) -> list[str]:
    """Return the interpreters of Python in `folder`: what is called so, and other names of the same files."""
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
    own = {entry.inode() for entry in files if entry.name.startswith(NAMES)}
    return sorted(entry.path for entry in files if entry.inode() in own)


def around(hidden: Iterable[str], shown: Iterable[str] = ()) -> list[str]:
    """Return all that may be read where `hidden` may not, and what is `shown` although it lies in there.

    Paths are absolute and hold no links. A folder that is hidden hides what is beneath it. Of a folder
    around it that cannot be listed nothing is returned but what is `shown`.
    """
    closed = set(hidden)
    shown = [path for path in dict.fromkeys(shown) if path not in closed]
    folders = _listed(closed, set(shown))
    found = dict[str, None]()
    for folder in sorted(folders):
        try:
            with os.scandir(folder) as entries:
                here = [entry for entry in entries if not entry.is_symlink()]
        except OSError:
            continue
        same = {
            entry.inode() for entry in here if entry.path in closed
        }  # another name would open the file, too
        found |= dict.fromkeys(entry.path for entry in here if entry.inode() not in same)
    for path in closed | folders:
        found.pop(path, None)
    return [*found, *(path for path in shown if path not in folders and not is_within(path, found))]


def _listed(closed: set[str], shown: set[str]) -> set[str]:
    """Return the folders around what is `closed`, save those that lie in there and are not `shown`."""
    found = {"/"} - closed
    for path in closed:
        for folder in above(path):
            if folder in closed or folder in found:
                break
            around_it = (place for place in (folder, *above(folder)) if place in closed or place in shown)
            if next(around_it, "") not in closed:
                found.add(folder)
    return found


def without(rights: Mapping[str, int], hidden: Iterable[str], shown: Iterable[str]) -> dict[str, int]:
    """Return `rights`, by path, without the right to read `hidden`, but what is `shown` in there.

    What could be read before and is not hidden can be read after, and nothing else.
    """
    readable = {path for path, those in rights.items() if those & READ_FILE}
    seen = dict.fromkeys(around(hidden, shown))
    found = {path: those if is_within(path, seen) else those & ~READ_FILE for path, those in rights.items()}
    return found | {path: rights.get(path, 0) | READ_FILE for path in seen if is_within(path, readable)}


def ruleset(hidden: Iterable[str], shown: Iterable[str] = ()) -> int:
    """Return the descriptor of a ruleset that lets everything be read but `hidden`.

    It names the moving of files between folders, which a ruleset forbids by saying nothing of it.
    """
    handled = READ_FILE | REFER
    rules = rulesets.create(struct.pack("=Q", handled))
    rulesets.add(rules, without({"/": handled}, hidden, shown), needed=("/",))
    return rules


def leave(hidden: Iterable[str], shown: Iterable[str] = ()) -> None:
    """Leave it to the program that this process becomes to hide `hidden` from itself."""
    rules = ruleset(hidden, shown)
    os.set_inheritable(rules, True)
    os.environ[LATER] = str(rules)
