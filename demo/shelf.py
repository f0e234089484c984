"""Things that take long to make, made once: found again by their name, safe for several processes."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

KEY_LENGTH = 16
"""Hex digits of a key: enough never to meet the same one twice, short enough for prefixes."""
KEPT_SECONDS = 14 * 24 * 3600
"""How long a folder is kept after something was made in it last."""


def key(parts: Iterable[str | bytes]) -> str:
    """Return a short key that is different when any of the `parts` is."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:KEY_LENGTH]


def once(target: Path, make: Callable[[Path], None]) -> Path:
    """Return `target`; when it is not there, have `make` fill a path of that name and move it there.

    One process at a time makes things in the folder of `target`, the others
    wait. A reader never sees half of it, and what a killed process leaves is
    swept by the next. The working folder is always the same, so that what is
    made there does not depend on when it was made. `make` must not call `once`
    for the same folder.
    """
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.parent / ".lock"):
        if not target.exists():
            work = target.parent / ".work"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            try:
                make(work / target.name)
                (work / target.name).rename(target)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return target


def sweep(cache: Path, pattern: str) -> None:
    """Remove the folders of `cache` that match `pattern` and in which nothing was made for `KEPT_SECONDS`."""
    for folder in cache.glob(pattern):
        if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the system releases it when the process dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
