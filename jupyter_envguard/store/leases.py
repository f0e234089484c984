"""Leases: who uses an image holds one, and what is held is not taken away.

A lease is a shared lock on a file beside the image's documents. Each kernel
inherits it as an open descriptor, so it ends when the last process of the kernel
does, however that comes about: nobody has to give it back. Whoever removes an
image needs the same lock for itself alone.

The locks belong to the open file (`F_OFD_SETLK`), not to the process, as those of
`flock` do. Unlike `flock` they ask for a file that is open for writing when
somebody wants it alone: users, who may only read the file, can keep an image but
can never keep others from starting it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from jupyter_envguard.errors import Conflict, NotFound
from jupyter_envguard.files import explained
from jupyter_envguard.image import Image

LEASE = "lease"
"""Name of the file, in the folder of an image's documents."""

_FLOCK = struct.Struct("@hhqqi4x")


def make_lease(meta: Path) -> Path:
    """Make the file on which the leases of the image with the documents in `meta` are held."""
    path = meta / LEASE
    path.touch(0o644)
    path.chmod(0o644)
    return path


def take_lease(image: Image) -> int:
    """Return a descriptor that keeps `image` from being removed for as long as any copy of it is open.

    Raises `image-missing` when it is being removed or is gone.
    """
    path = image.meta / LEASE
    try:
        with explained(f"use {image.path}"):
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                if _lock(handle, fcntl.F_RDLCK) and os.path.samestat(os.fstat(handle), path.stat()):
                    held, handle = handle, -1
                    return held
            finally:
                if handle >= 0:
                    os.close(handle)
    except NotFound:
        pass
    raise NotFound(
        "image-missing",
        f"The environment in {image.path} is being removed from this machine.",
        "Import its pack again.",
    )


@contextlib.contextmanager
def leased(image: Image) -> Iterator[int]:
    """Hold a lease on `image` for the duration of a `with` block; see `take_lease`."""
    handle = take_lease(image)
    try:
        yield handle
    finally:
        os.close(handle)


def is_leased(meta: Path) -> bool:
    """Tell whether somebody uses the image with the documents in `meta`; needs no right to write."""
    try:
        handle = os.open(meta / LEASE, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        answer = fcntl.fcntl(handle, fcntl.F_OFD_GETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    finally:
        os.close(handle)
    return bool(_FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)


@contextlib.contextmanager
def unleased(meta: Path, name: str) -> Iterator[None]:
    """Keep everybody from leasing the image called `name`; raise `image-in-use` when somebody has."""
    try:
        handle = os.open(meta / LEASE, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:  # what has no lease was never published whole
        yield
        return
    try:
        if not _lock(handle, fcntl.F_WRLCK):
            raise Conflict(
                "image-in-use",
                f"The image {name} is in use by a kernel.",
                "Try again when its kernels have ended.",
            )
        yield
    finally:
        os.close(handle)


def _lock(handle: int, kind: int) -> bool:
    """Try to get the lock of `kind`; return whether that went well."""
    try:
        fcntl.fcntl(handle, fcntl.F_OFD_SETLK, _FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0))
    except (BlockingIOError, PermissionError):
        return False
    return True
