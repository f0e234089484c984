"""What the store does to folders: make them for their owner, bring them to the disk, delete them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from jupyter_envguard.image import Owner


def is_folder(path: Path) -> bool:
    """Tell whether `path` itself, not what it links to, is a folder."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def listed(folder: Path) -> list[Path]:
    """Return what is in `folder`, sorted; nothing when there is no such folder."""
    return sorted(folder.iterdir()) if is_folder(folder) else []


def make_folder(path: Path, mode: int, owner: Owner | None) -> None:
    """Make the folder `path` unless it is there, with `mode`, for `owner` or else this user."""
    path.mkdir(exist_ok=True)
    path.chmod(mode)
    give(path, owner)


def give(path: Path, owner: Owner | None) -> None:
    """Make `path` belong to `owner`, which None leaves as it is."""
    if owner:
        os.chown(path, *owner, follow_symlinks=False)


@contextlib.contextmanager
def opened(folder: str | Path) -> Iterator[int]:
    """Open `folder` for the duration of a `with` block: thousands of paths below it are found sooner."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def sync_file_system(path: Path) -> None:
    """Bring the whole file system of the folder `path` to the disk, which is faster than file by file."""
    with opened(path) as handle:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))


def sync_file(path: Path) -> None:
    """Bring the file `path` to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def delete(path: Path, after_each: Callable[[], None] = lambda: None) -> None:
    """Delete the folder `path` with everything in it, also folders that are read-only.

    `after_each` is called after every file, for whoever wants to go slowly.
    """
    path.chmod(0o700)
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                delete(Path(entry.path), after_each)
            else:
                os.unlink(entry.path)  # noqa: PTH108 - thousands of them
                after_each()
    path.rmdir()
