"""Things that take long to make, made once: found again by a key, safe for several processes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

KEY_LENGTH = 16
"""Hex digits of a key: enough never to meet the same one twice, short enough for prefixes."""


def key(parts: Iterable[str | bytes]) -> str:
    """Return a short key that is different when any of the `parts` is."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:KEY_LENGTH]


def once(target: Path, make: Callable[[Path], None]) -> Path:
    """Return `target`; when it is not there, have `make` fill a path beside it and give that its name.

    Processes that want the same target wait for the first one; whoever reads
    it never sees half of it, and what a killed process leaves is swept by the next.
    """
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_name(f".{target.name}.lock")):
        if not target.exists():
            with workshop(target) as folder:
                part = folder / target.name
                make(part)
                os.rename(part, target)
    return target


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the kernel releases it when the process dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def workshop(target: Path) -> Iterator[Path]:
    """Lend a temporary folder beside `target`, whose lock the caller holds; sweep what others left there."""
    mark = f".{target.name}.work-"
    for leftover in target.parent.glob(f"{mark}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=mark, dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
