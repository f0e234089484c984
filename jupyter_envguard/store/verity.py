"""Files that Linux itself compares with their hash at every read: fs-verity.

A file for which it was turned on cannot be written to any more, by nobody, and bytes
that were changed beneath the file system are an error for whoever reads them. Few
machines have it (the option of the kernel, and ext4 with `-O verity`, f2fs or btrfs);
elsewhere nothing here does anything, and `obstacle` says why.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import tempfile
from pathlib import Path

SHA256, BLOCK_BYTES, DIGEST_BYTES = 1, 4096, 64
"""The algorithm by its number, how much is hashed at a time, and the most that a digest takes."""

_ENABLE, _MEASURE = 0x40806685, 0xC0046686
_ARGUMENT = struct.Struct("=IIIIQIIQ88x")
_DIGEST = struct.Struct("=HH")
_WITHOUT = frozenset({errno.ENOTTY, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.EROFS, errno.EACCES})
"""What systems say that do not have it, here or for this file."""


def enable(path: Path) -> str:
    """Let Linux guard the file `path`, and return why it does not; empty when it does.

    The file stays as it is in any case. Raises `OSError` for failures of the disk.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.ioctl(handle, _ENABLE, _ARGUMENT.pack(1, SHA256, BLOCK_BYTES, 0, 0, 0, 0, 0))
    except OSError as error:
        if error.errno == errno.EEXIST:  # it does already
            return ""
        if error.errno not in _WITHOUT | {errno.ETXTBSY, errno.EPERM}:
            raise
        return os.strerror(error.errno)
    finally:
        os.close(handle)
    return ""


def measure(path: Path) -> str:
    """Return the digest with which Linux guards the file `path`, in hexadecimal; empty when it does not."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        room = bytearray(_DIGEST.pack(0, DIGEST_BYTES) + bytes(DIGEST_BYTES))
        fcntl.ioctl(handle, _MEASURE, room)
    except OSError as error:
        if error.errno not in _WITHOUT | {errno.ENODATA}:
            raise
        return ""
    finally:
        os.close(handle)
    algorithm, size = _DIGEST.unpack_from(room)
    return f"{algorithm}:{room[_DIGEST.size : _DIGEST.size + size].hex()}"


def obstacle(folder: Path) -> str:
    """Return why files in `folder` cannot be guarded, empty when they can; needs the right to write there."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".verity.", delete=False) as file:
            file.write(b"?")
        spare = Path(file.name)
    except OSError as error:
        return f"nobody can tell: {error.strerror}"
    try:
        return enable(spare)
    except OSError as error:
        return str(error.strerror)
    finally:
        with contextlib.suppress(OSError):
            spare.unlink()
