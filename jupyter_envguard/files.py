"""Files that nobody ever reads half of, and locks that end with the process that holds them.

>>> import tempfile
>>> folder = Path(tempfile.mkdtemp())
>>> with locked(folder / ".lock", seconds=1):
...     write_atomically(folder / "note", b"whole or not at all")
>>> (folder / "note").read_bytes()
b'whole or not at all'
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from jupyter_envguard.errors import EnvGuardError, InvalidInput, NotFound, Unavailable

POLL_SECONDS = 0.005
"""How often a waiting process asks for a lock again; the wait grows to ten times this."""


def write_atomically(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write `content` to `path` so that a reader sees the old file or the new one, never a part.

    The bytes are on the disk before the name points at them, and the name is on
    the disk before this returns. On failure the old file stays and nothing is
    left beside it; the `OSError` passes through, see `explained`.
    """
    spare = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        handle = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        spare.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            spare.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in the folder `path` survive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_bounded(path: Path, limit: int, *, follow: bool = True) -> bytes:
    """Return the bytes of the regular file `path`, which may hold at most `limit` bytes.

    A pipe or a device in its place cannot make the reader wait for ever. Raises
    `OSError`, with `EFBIG` for a file beyond the limit, and `ELOOP` for a link
    unless it is to `follow` links.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    with open(handle, "rb") as file:
        there = os.fstat(file.fileno())
        if not stat.S_ISREG(there.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        # Python makes room for all that is asked for, which takes longer than to read a small file.
        content = file.read(min(there.st_size, limit) + 1)
        if there.st_size < len(content) <= limit:  # it grew, or is of a kind that tells no size
            content += file.read(limit + 1 - len(content))
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit} bytes", str(path))
    return content


@contextlib.contextmanager
def locked(path: Path, seconds: float, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock `path`, alone or `shared` with others, for the duration of a `with` block.

    The kernel drops the lock when its process dies, so none is ever left over.
    Another process gets `seconds` to let go, then this raises `locked`. The file
    itself stays: unlinking it would let two processes hold one name.
    """
    with explained(f"take the lock {path}"):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait_for(handle, path, seconds, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _wait_for(handle: int, path: Path, seconds: float, kind: int) -> None:
    deadline = time.monotonic() + seconds
    pause = POLL_SECONDS
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Unavailable(
                    "locked",
                    f"{path} has been held by another process for more than {seconds:g} seconds.",
                    "Try again; if it stays so, look for a stuck jupyter-envguard process.",
                ) from None
            time.sleep(pause)
            pause = min(pause * 1.5, POLL_SECONDS * 10)
        else:
            return


@contextlib.contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn an `OSError` in the block into one of our errors; `doing` completes "Cannot …"."""
    try:
        yield
    except OSError as error:
        raise explain(error, doing) from error


def explain(error: OSError, doing: str) -> EnvGuardError:
    """Return `error` in our words; `doing` completes the sentence "Cannot …"."""
    sentence = f"Cannot {doing}: {error.strerror or error}."
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return Unavailable("disk-full", sentence, "Free some space and try again.")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return Unavailable("permission-denied", sentence, "Run as the owner of the path.")
        case errno.ENOENT | errno.ENOTDIR:
            return NotFound("file-not-found", sentence, "Check the path.")
        case errno.EFBIG | errno.EISDIR | errno.EINVAL | errno.ELOOP:
            return InvalidInput("invalid-argument", sentence, "Name an ordinary file within the limits.")
        case _:
            return Unavailable("io-error", sentence, "Look at the disk and the system log.")
