"""Contents in compressed frames: written one after the other, read each by itself.

A frame is a zstd frame (RFC 8878) of about 4 MiB of contents, in the order of their
paths, so that what is used together is fetched together; a larger content has a
frame of its own. No frame needs another one, so any of them can be fetched alone,
several at a time, and decoded in memory that does not depend on their size.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import IO, Protocol, cast

import zstandard

from jupyter_envguard.errors import Untrusted
from jupyter_envguard.store import SHARED_BYTES
from jupyter_envguard.transfer.index import Frame, Piece
from jupyter_envguard.transfer.limits import LIMITS, MIB, Limits

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
    """Yield the pieces of one frame after the other; small ones, which stores do not share, get their own."""
    group: list[Piece] = []
    size = 0
    for piece in pieces:
        if group and (size + piece.size > FRAME_BYTES or _is_small(piece) != _is_small(group[-1])):
            yield tuple(group)
            group, size = [], 0
        group.append(piece)
        size += piece.size
    if group:
        yield tuple(group)


def _is_small(piece: Piece) -> bool:
    return piece.size < SHARED_BYTES


def write_frame(pieces: Iterable[Piece], open_piece: Callable[[Piece], Contents], sink: Sink) -> int:
    """Write the frame of `pieces`, whose contents `open_piece` yields, and return its length."""
    parameters = zstandard.ZstdCompressionParameters.from_level(
        LEVEL, window_log=WINDOW_LOG, write_checksum=True
    )
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
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
    frame: Frame, compressed: Iterator[bytes], limits: Limits = LIMITS
) -> Iterator[tuple[Piece, Iterator[bytes]]]:
    """Yield every piece of `frame` with an iterator of its bytes, from its `compressed` bytes.

    What is left of an iterator is skipped. Yields no more bytes than the piece has,
    whatever the frame decodes to. Raises `share-invalid` when the frame does not
    decode to its pieces; whether those are right is for the reader to find out.
    """
    decoder = zstandard.ZstdDecompressor(max_window_size=limits.window_bytes)
    source = cast("IO[bytes]", _Stream(compressed))
    with decoder.stream_reader(source, read_size=128 * 1024) as reader:
        for piece in frame.pieces:
            content = _content(reader, piece, frame)
            yield piece, content
            for _ in content:
                pass
        if _read(reader, 1, frame):
            raise _broken(frame, "decodes to more than it should")


class _Stream:
    """What zstandard reads from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, none at the end."""
        if not self._rest:
            self._rest = next(self._chunks, b"")
        content, self._rest = self._rest[:size], self._rest[size:]
        return content


def _content(reader: zstandard.ZstdDecompressionReader, piece: Piece, frame: Frame) -> Iterator[bytes]:
    left = piece.size
    while left:
        chunk = _read(reader, min(left, CHUNK), frame)
        if not chunk:
            raise _broken(frame, "ends too early")
        left -= len(chunk)
        yield chunk


def _read(reader: zstandard.ZstdDecompressionReader, size: int, frame: Frame) -> bytes:
    try:
        return reader.read(size)
    except zstandard.ZstdError as error:
        raise _broken(frame, f"does not decode ({error})") from error


def _broken(frame: Frame, what: str) -> Untrusted:
    return Untrusted(
        "share-invalid",
        f"The frame at {frame.offset} of the blob {frame.blob} {what}.",
        "Publish the release again, or fetch it from another share.",
    )
