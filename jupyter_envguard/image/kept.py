"""Byte code that an import which was killed has left for the next attempt at the same pack.

Compiling is half the work of an import. What has been compiled is appended to a
file, each piece with a hash over all that it says, so what a kill or a lost disk
has torn is noticed and made again. The hash says nothing about who wrote the
file: that only its owner could is what the caller has seen to.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import struct
from pathlib import Path

from jupyter_envguard.image import compiler

HEADER = struct.Struct("!16s32s")
"""What the file is, and the hash over what compiles."""

PIECE = struct.Struct("!32s32sI")
"""Hash of the rest of the piece, hash of path and source, bytes of the byte code that follows."""

KEPT_BYTES = 2 * 1024**3
"""Bytes of the file beyond which nothing more is kept."""

_NAME = b"envguard kept 1\n"


def maker() -> bytes:
    """Return the hash over what decides which bytes come of a source: Python and the program that asks it."""
    source = Path(compiler.__file__).read_bytes()
    return hashlib.sha256(platform.python_version().encode() + b"\0" + source).digest()


class Kept:
    """The byte code in the open file `handle`, which must allow reading, writing and truncating.

    What another Python has made, and all from the first torn piece on, is dropped.
    Failures to read or write are no reason to fail: nothing is kept then.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._known: dict[bytes, tuple[int, int]] = {}
        self._end = 0
        self._is_writable = True
        with contextlib.suppress(OSError):
            self._read()
        self._begin()

    def __len__(self) -> int:
        """Return of how many sources there is byte code."""
        return len(self._known)

    def byte_code(self, path: str, sha256: str) -> bytes | None:
        """Return the byte code of the source `path` whose content has the hash `sha256`, or None."""
        at, size = self._known.get(_key(path, sha256), (0, 0))
        with contextlib.suppress(OSError):
            content = os.pread(self._handle, size, at)
            return content if size and len(content) == size else None
        return None

    def keep(self, path: str, sha256: str, content: bytes) -> None:
        """Keep `content`, the byte code of the source `path` whose content has the hash `sha256`."""
        key = _key(path, sha256)
        said = key + len(content).to_bytes(4, "big") + content
        piece = hashlib.sha256(said).digest() + said
        if key in self._known or self._end + len(piece) > KEPT_BYTES or not self._write(piece):
            return
        self._known[key] = (self._end - len(content), len(content))

    def _read(self) -> None:
        size = os.fstat(self._handle).st_size
        if os.pread(self._handle, HEADER.size, 0) != _header():
            return
        at = HEADER.size
        while len(head := os.pread(self._handle, PIECE.size, at)) == PIECE.size:
            expected, key, length = PIECE.unpack(head)
            if at + PIECE.size + length > size:
                break
            content = os.pread(self._handle, length, at + PIECE.size)
            if hashlib.sha256(head[32:] + content).digest() != expected:
                break
            self._known[key] = (at + PIECE.size, length)
            at += PIECE.size + length
        self._end = at

    def _begin(self) -> None:
        try:
            os.ftruncate(self._handle, self._end)
        except OSError:
            self._is_writable = False
        if not self._end:
            self._write(_header())

    def _write(self, data: bytes) -> bool:
        """Append `data`; once that has failed, on a full disk say, nothing more is written."""
        if self._is_writable:
            with contextlib.suppress(OSError):
                if os.pwrite(self._handle, data, self._end) == len(data):
                    self._end += len(data)
                    return True
        self._is_writable = False
        return False


def _header() -> bytes:
    return HEADER.pack(_NAME, maker())


def _key(path: str, sha256: str) -> bytes:
    return hashlib.sha256(f"{path}\0{sha256}".encode()).digest()
