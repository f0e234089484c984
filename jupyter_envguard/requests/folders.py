"""Reading what others wrote: folders opened without following a link, files without waiting for one."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from jupyter_envguard.requests.request import FILE_BYTES

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextlib.contextmanager
def opened(path: Path | str, within: int | None = None) -> Iterator[int]:
    """Yield a descriptor of the folder `path`, below the open folder `within` if there is one.

    Raises `OSError`, also for a link in its place.
    """
    handle = os.open(path, _FOLDER, dir_fd=within)
    try:
        yield handle
    finally:
        os.close(handle)


def names_in(folder: int, most: int) -> list[str]:
    """Return the names in the open `folder`, sorted; of more than `most`, any `most + 1` of them."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in islice(entries, most + 1))


def owner_of(folder: int) -> int:
    """Return the number of the user that the open `folder` belongs to."""
    return os.fstat(folder).st_uid


def is_open_to_others(folder: int) -> bool:
    """Tell whether others than its owner can write to the open `folder`."""
    return bool(os.fstat(folder).st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def content_of(name: str, folder: int, owners: frozenset[int]) -> bytes | None:
    """Return the bytes of the file `name` in the open `folder`.

    None for what is not an ordinary file of one of `owners` within the limit.
    Raises `OSError`, also for a link.
    """
    with open(os.open(name, _FILE, dir_fd=folder), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in owners:
            return None
        content = file.read(FILE_BYTES + 1)
    return content if len(content) <= FILE_BYTES else None
