"""Where an import keeps what the next attempt need not do again, and whom it believes that."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from jupyter_envguard.image import Owner
from jupyter_envguard.image.kept import Kept
from jupyter_envguard.store.folders import listed
from jupyter_envguard.store.layout import Layout

KEPT_SECONDS = 7 * 86400
"""Time after which nobody is expected to try again."""


@contextlib.contextmanager
def resuming(layout: Layout, name: str, owner: Owner | None) -> Iterator[Kept | None]:
    """Yield what an attempt at the image `name` that was ended has left; the caller holds the lock of `name`.

    Byte code in a release that people sign must come from nobody else, so there is
    something only where no one but root and this user, who owns the store
    (`owner` is None), could have put it. It stays when this attempt is interrupted
    or killed, and goes when it ends in any other way.
    """
    path = layout.kept / name
    handle = None if owner or _is_replaceable(layout.kept) else _opened(path)
    if handle is None:
        yield None
        return
    try:
        yield Kept(handle)
    except Exception:
        path.unlink(missing_ok=True)
        raise
    else:
        path.unlink(missing_ok=True)
    finally:
        os.close(handle)


def forget_old(layout: Layout, now: float | None = None) -> int:
    """Delete what has been kept for too long, and return how many files that were."""
    old = (time.time() if now is None else now) - KEPT_SECONDS
    found = [path for path in listed(layout.kept) if path.lstat().st_mtime < old]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


def kept_file(path: Path) -> int:
    """Return the file `path` of somebody's earlier attempt, open; a new one unless it is ours alone."""
    for _ in range(2):
        handle = _opened(path)
        if handle is not None:
            return handle
    raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def _opened(path: Path) -> int | None:
    """Return the file `path`, open; None when somebody else has had a hand in it, and then it goes."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    there = os.fstat(handle)
    is_closed = stat.S_ISREG(there.st_mode) and not there.st_mode & 0o077
    if is_closed and (there.st_uid, there.st_nlink) == (os.geteuid(), 1):
        return handle
    os.close(handle)
    path.unlink()
    return None


def _is_replaceable(folder: Path) -> bool:
    """Tell whether somebody but root and this user can put something in the place of what is in `folder`."""
    for each in (folder, *folder.parents):
        there = each.lstat()
        is_open = there.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not there.st_mode & stat.S_ISVTX
        if stat.S_ISLNK(there.st_mode) or there.st_uid not in (0, os.geteuid()) or is_open:
            return True
    return False
