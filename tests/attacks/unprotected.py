"""A copy of the environment that the user owns and may write to, which ownership protects from nothing.

A corpus in which every attempt fails anyhow would show nothing. So the same attempts are made on this copy,
without a wall and then with nothing but the wall, and it is put right after each of them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tests.attacks.attempt import Attempt
from tests.attacks.session import Ground, session

WRITABLE = 0o200


def owned_copy(ground: Ground) -> Ground:
    """Return the same ground with a copy of its environment that the user owns."""
    copy = ground.home.parent / "o" / "e"
    shutil.copytree(ground.image.path, copy, symlinks=True)
    for path in (copy.parent, copy, *copy.rglob("*")):
        _give(path, ground)
    return replace(ground, image=replace(ground.image, path=copy))


def changed_by(attempts: Iterable[Attempt], ground: Ground, owned: Ground, level: str) -> dict[str, bool]:
    """Return the ids of those `attempts` that change the copy, and whether they change content."""
    copy, found = owned.image.path, {}
    with session(owned, level) as running:
        for attempt in attempts:
            before = running.state
            if running.make(attempt).changed:
                paths = [copy / name for name in sorted({entry[0] for entry in before ^ running.state})]
                pairs = [(path, ground.image.path / path.relative_to(copy)) for path in paths]
                found[attempt.id] = any(_content(path) != _content(approved) for path, approved in pairs)
                for path, approved in pairs:
                    _put_right(path, approved, ground)
                running.state = owned.state()
    return found


def _content(path: Path) -> str | bytes | None:
    if path.is_symlink():
        return os.readlink(path)
    if path.is_file():
        return path.read_bytes()
    return "folder" if path.is_dir() else "special" if path.exists() else None


def _put_right(path: Path, approved: Path, ground: Ground) -> None:
    """Make `path` what `approved` is; folders come before what is in them."""
    is_folder = approved.is_dir() and not approved.is_symlink()
    if os.path.lexists(path) and not (is_folder and path.is_dir()):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if is_folder:
        path.mkdir(exist_ok=True)
        shutil.copystat(approved, path)
    elif os.path.lexists(approved):
        shutil.copy2(approved, path, follow_symlinks=False)
    if os.path.lexists(path):
        _give(path, ground)


def _give(path: Path, ground: Ground) -> None:
    os.chown(path, ground.uid, ground.gid, follow_symlinks=False)
    if not path.is_symlink():
        path.chmod(path.stat().st_mode | WRITABLE)
