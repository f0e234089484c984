"""Deflate, which gzip and zip compress with: decoded by zlib-ng where that is installed, else by zlib.

Decoding is half of what reading a gzip'd pack costs, and zlib-ng does it in half
the time. Both refuse and accept the same streams and give the same bytes, so
nothing that is derived from a pack tells which of them read it. Of zlib-ng only
its fork of the module `zlib` is used (https://python-zlib-ng.readthedocs.io).
"""

from __future__ import annotations

import importlib
import zlib
from types import ModuleType
from typing import Protocol

ZLIB_NG = "zlib_ng.zlib_ng"
"""Module that is asked for first."""


class Inflater(Protocol):
    """A decoder of one stream, as `zlib.decompressobj` makes it."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def unused_data(self) -> bytes:
        """Bytes after the end of the stream."""

    @property
    def unconsumed_tail(self) -> bytes:
        """Bytes that were not looked at, because there was no room for what they decode to."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most `max_length` bytes; raise one of `ERRORS` for what is no such stream."""


def engine(name: str = ZLIB_NG) -> ModuleType:
    """Return the module `name` if this Python has it, else `zlib`, which has the same functions."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return zlib


ENGINE = engine()
ERRORS: tuple[type[Exception], ...] = (zlib.error, ENGINE.error)
"""What decoders raise."""


def inflater(window_bits: int) -> Inflater:
    """Return a decoder for the container that `window_bits` stands for, in the manner of zlib."""
    decoder: Inflater = ENGINE.decompressobj(window_bits)
    return decoder


def crc32(piece: bytes, so_far: int) -> int:
    """Return the checksum of what had `so_far` and `piece` behind it."""
    return int(ENGINE.crc32(piece, so_far))
