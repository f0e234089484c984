"""The program of a kernel, held open from its check to its start.

Between a check by path and a start by path another file can take the name: in half
of the tries it did. So the file is opened once, what is open is compared with the
approved manifest, and what is open is started. A script is not held: the system
hands its interpreter the path, so the path is looked up again whatever we do.
"""

from __future__ import annotations

import hashlib
import os
import stat
from bisect import bisect_left
from pathlib import Path

from jupyter_envguard.errors import EnvGuardError, Untrusted
from jupyter_envguard.files import explained
from jupyter_envguard.image import Image
from jupyter_envguard.image.manifest import Line, Manifest

SCRIPT = b"#!"
"""How a file begins that is started by naming it to an interpreter."""

Identity = tuple[int, int, int, int]
"""Device, inode, size and time of the last change of an open file; nobody but root can set the last."""

_known: dict[Identity, str] = {}


def pinned(image: Image, program: str) -> int | None:
    """Return a descriptor of `program`, to be closed by the caller, or None for a script.

    Raises `image-drifted` when the file is not the one that was approved.
    """
    with explained(f"open {program}"):
        descriptor = os.open(program, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            _check(image, program, descriptor)
            if os.pread(descriptor, len(SCRIPT), 0) != SCRIPT:
                held, descriptor = descriptor, -1
                return held
            return None
        finally:
            if descriptor >= 0:
                os.close(descriptor)


def _check(image: Image, program: str, descriptor: int) -> None:
    path = Path(f"/proc/self/fd/{descriptor}").readlink()
    root = image.path.resolve()
    line = _line(image.manifest, str(path.relative_to(root))) if path.is_relative_to(root) else None
    if line is None or line.kind != "f" or line.mode != "x" or _sha256(descriptor) != line.content:
        raise _drifted(program)


def _line(manifest: Manifest, path: str) -> Line | None:
    place = bisect_left(manifest.lines, path, key=lambda line: line.path)
    found = manifest.lines[place : place + 1]
    return found[0] if found and found[0].path == path else None


def _sha256(descriptor: int) -> str:
    """Return the digest of an open file, read again only after something about the file has changed."""
    status = os.fstat(descriptor)
    identity = (status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns)
    if identity not in _known:
        if not stat.S_ISREG(status.st_mode):
            return ""
        with open(descriptor, "rb", closefd=False) as file:
            _known[identity] = hashlib.file_digest(file, "sha256").hexdigest()
    return _known[identity]


def _drifted(program: str) -> EnvGuardError:
    return Untrusted(
        "image-drifted",
        f"{program} is not the program that was approved.",
        "Tell your hub's administrator; the image must be made again from its pack.",
    )
