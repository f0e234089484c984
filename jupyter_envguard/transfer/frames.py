"""Contents in compressed frames: written one after the other, read each by itself.

A frame is a zstd frame (RFC 8878) of about 4 MiB of contents, in the order of their
paths, so that what is used together is fetched together; a larger content has a
frame of its own. No frame needs another one, so any of them can be fetched alone,
several at a time, and decoded in memory that does not depend on their size.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Protocol

import zstandard

from jupyter_envguard.errors import Untrusted
from jupyter_envguard.store import SHARED_BYTES
from jupyter_envguard.transfer.index import Frame, Piece
from jupyter_envguard.transfer.limits import LIMITS, MIB, Limits
from jupyter_envguard.transfer.unpacker import BrokenFrameError, Decoder

FRAME_BYTES = 4 * MIB
"""Bytes of contents after which a frame is closed."""
CHUNK = MIB
"""Bytes decoded at a time."""
LEVEL = 9
"""Compression level: publishing happens once, fetching on every node."""
WINDOW_LOG = 22
"""Binary logarithm of the memory a decoder needs: 4 MiB."""

Contents = Generator[bytes, None, None]
"""The bytes of a content, in chunks."""


class Sink(Protocol):
    """Something to write bytes to."""

    def write(self, content: bytes, /) -> object:
        """Take the next bytes."""


def grouped(pieces: Iterable[Piece]) -> Iterator[tuple[Piece, ...]]:
    """Yield the pieces of one frame after the other; tiny ones, which stores do not share, get their own."""
    group: list[Piece] = []
    size = 0
    for piece in pieces:
        if group and (size + piece.size > FRAME_BYTES or _is_tiny(piece) != _is_tiny(group[-1])):
            yield tuple(group)
            group, size = [], 0
        group.append(piece)
        size += piece.size
    if group:
        yield tuple(group)


def _is_tiny(piece: Piece) -> bool:
    return piece.size < SHARED_BYTES


def write_frame(pieces: Sequence[Piece], open_piece: Callable[[Piece], Contents], sink: Sink) -> int:
    """Write the frame of `pieces`, whose contents `open_piece` yields, and return its length."""
    parameters = zstandard.ZstdCompressionParameters.from_level(
        LEVEL, window_log=WINDOW_LOG, write_checksum=True
    )
    # with the size in its head, a frame is decoded right to where its contents are wanted
    size = sum(piece.size for piece in pieces)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj(size=size)
    length = 0
    for piece in pieces:
        with closing(open_piece(piece)) as chunks:
            for chunk in chunks:
                compressed = compressor.compress(chunk)
                sink.write(compressed)
                length += len(compressed)
    rest = compressor.flush()
    sink.write(rest)
    return length + len(rest)


def read_frame(
    frame: Frame, compressed: Iterator[bytes | memoryview], limits: Limits = LIMITS
) -> Iterator[tuple[Piece, Iterator[bytes | memoryview]]]:
    """Yield every piece of `frame` with an iterator of its bytes, from its `compressed` bytes.

    See `Decoder.contents`; raises `share-invalid` when the frame does not decode to its pieces.
    """
    sizes = [piece.size for piece in frame.pieces]
    decoder = Decoder(zstandard, limits.window_bytes)
    with refusing(frame):
        for piece, chunks in zip(
            frame.pieces, decoder.contents(sizes, frame.length, compressed), strict=True
        ):
            yield piece, _explained(frame, chunks)


def _explained(frame: Frame, chunks: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    with refusing(frame):
        yield from chunks


@contextmanager
def refusing(frame: Frame) -> Iterator[None]:
    """Raise `share-invalid` where something is wrong with the `frame` that a block reads."""
    try:
        yield
    except BrokenFrameError as error:
        raise broken_frame(frame, str(error)) from error


def broken_frame(frame: Frame, what: str) -> Untrusted:
    """Return the error for a frame about which `what` is wrong."""
    return Untrusted(
        "share-invalid",
        f"The frame at {frame.offset} of the blob {frame.blob} {what}.",
        "Publish the release again, or fetch it from another share.",
    )
