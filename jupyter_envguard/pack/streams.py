"""From the bytes of an archive file to a stream of decompressed bytes, bounded and in the background.

Decompression, the slowest part of reading a pack, runs in a thread of its own
while the caller parses and hashes: zlib, lzma, bz2, zstd and sha256 all let go
of the interpreter lock. No step holds more than a few pieces in memory,
whatever the archive claims.
"""

from __future__ import annotations

import bz2
import hashlib
import lzma
import os
import queue
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from jupyter_envguard.errors import InvalidInput, PackRefused, Unavailable
from jupyter_envguard.files import explained
from jupyter_envguard.pack import deflate, zstd
from jupyter_envguard.pack.limits import KIB, MIB, Limits
from jupyter_envguard.pack.refusals import HOSTILE, changed, damaged, trailing, truncated

BLOCK = 512 * KIB
"""Bytes read from the file at a time."""
PIECE = MIB
"""Most bytes that a decoder hands over at a time."""
AHEAD = 8
"""Pieces that the background may be ahead."""
BEGIN_SECONDS = 60.0
"""Seconds in which a thread must have begun its work."""
GZIP = 31
"""zlib's window bits for: a gzip header and trailer, both checked."""
UNREADABLE: tuple[type[Exception], ...] = (*deflate.ERRORS, lzma.LZMAError, OSError)
"""What decoders raise."""


class Source:
    """An archive file, opened once and read at any offset; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with explained(f"open the pack {path}"):
            self._handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        status = os.fstat(self._handle)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise InvalidInput(
                "pack-not-a-file", f"{path} is not a regular file.", "Name the packed archive."
            )
        self.size = status.st_size
        self._signature = _signature(status)

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes at `offset`, fewer only at the end of the file."""
        with explained(f"read the pack {self.path}"):
            return os.pread(self._handle, size, offset)

    def exactly(self, offset: int, size: int) -> bytes:
        """Return just `size` bytes at `offset`; raise `pack-truncated` when there are fewer."""
        content = self.read_at(offset, size)
        if len(content) < size:
            raise truncated("what it says it holds")
        return content

    def blocks(self, end: int | None = None) -> Iterator[bytes]:
        """Yield the whole file in order, or what lies before `end`."""
        offset, end = 0, self.size if end is None else end
        while block := self.read_at(offset, min(BLOCK, end - offset)):
            yield block
            offset += len(block)

    def check_unchanged(self) -> None:
        """Raise `pack-changed` when somebody wrote to the file since it was opened."""
        if _signature(os.fstat(self._handle)) != self._signature:
            raise changed(f"{self.path} was written to while it was read")


def _signature(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def check_volume(unpacked: int, packed: int, limits: Limits) -> None:
    """Refuse `unpacked` bytes of content that come, or are said to come, from `packed` bytes."""
    if unpacked > limits.unpacked_bytes:
        raise PackRefused(
            "pack-too-large",
            f"The pack holds more than {limits.unpacked_bytes} bytes.",
            "Make a smaller one.",
        )
    if unpacked > limits.ratio_free_bytes and unpacked > packed * limits.ratio:
        raise PackRefused(
            "pack-bomb", f"The pack unpacks to more than {limits.ratio} times its own size.", HOSTILE
        )


class Decoder(Protocol):
    """What `zlib`, `bz2` and `lzma` decoders have in common."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def unused_data(self) -> bytes:
        """Bytes after the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most `max_length` bytes."""


def decompressed(compression: str, blocks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    """Yield what `blocks` decompress to, in pieces of at most `PIECE` bytes or so."""
    match compression:
        case "gz":
            return _decode(blocks, lambda: deflate.inflater(GZIP), limits)
        case "bz2":
            return _decode(blocks, bz2.BZ2Decompressor, limits)
        case "xz":
            return _decode(
                blocks, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, limits.decoder_bytes), limits
            )
        case "zst":
            return zstd.decode(blocks, limits)
        case _:
            return blocks


def _decode(blocks: Iterator[bytes], new: Callable[[], Decoder], limits: Limits) -> Iterator[bytes]:
    """Yield the pieces of one or more streams in a row, each complete, with nothing else behind."""
    decoder, started, streams = new(), False, 1
    for block in blocks:
        rest, piece = block, b""
        while rest or _holds_more(decoder, piece):
            if decoder.eof:
                decoder, started, streams = new(), False, streams + 1
                if streams > limits.streams:
                    raise PackRefused(
                        "pack-corrupt",
                        f"The pack has more than {limits.streams} compressed streams.",
                        HOSTILE,
                    )
            try:
                piece = decoder.decompress(rest, PIECE)
            except UNREADABLE as error:
                if streams > 1 and not started:
                    raise trailing("something that is not compressed data") from error
                raise damaged(f"its compressed data do not decode ({error})") from error
            started = started or bool(piece)
            rest = decoder.unused_data if decoder.eof else getattr(decoder, "unconsumed_tail", b"")
            if piece:
                yield piece
    if not decoder.eof:
        raise truncated("its compressed data")


def _holds_more(decoder: Decoder, piece: bytes) -> bool:
    """Tell whether there may be more after `piece` without further input.

    bz2 and lzma keep input to themselves and say so; zlib hands it back as
    `unconsumed_tail`, but can still owe the end of a long match.
    """
    return not decoder.eof and (len(piece) == PIECE or not getattr(decoder, "needs_input", True))


def gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in fewer pieces, so that many small ones cost no more than one."""
    small: list[bytes] = []
    size = 0
    for piece in pieces:
        small.append(piece)
        size += len(piece)
        if size >= BLOCK:
            yield b"".join(small)
            small, size = [], 0
    if size:
        yield b"".join(small)


class Background(threading.Thread):
    """A thread that has begun its work when `start` returns.

    A thread can die between the two, of which nobody is told: whoever waits for its
    words would wait for ever, and a hash would be one of nothing.
    """

    def __init__(self, work: Callable[[], None], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._begun = threading.Event()

    def start(self) -> None:
        """Start the thread; raises `internal-error` when it does not begin within `BEGIN_SECONDS`."""
        super().start()
        if not self._begun.wait(BEGIN_SECONDS):
            raise Unavailable(
                "internal-error", f"The thread {self.name} did not begin its work.", "Try again."
            )

    def run(self) -> None:
        """Say that the work begins, and do it."""
        self._begun.set()
        self._work()


class Ahead:
    """The pieces of an iterator, made by a background thread a little before they are wanted.

    An error in the background is raised where the piece would have come. Use it
    as a context manager: leaving stops the thread, whatever was not read.
    """

    def __init__(self, pieces: Iterator[bytes], ahead: int = AHEAD) -> None:
        self._pieces = pieces
        self._queue: queue.Queue[bytes | BaseException | None] = queue.Queue(ahead)
        self._stopped = threading.Event()
        self._thread = Background(self._run, "envguard-unpack")

    def __enter__(self) -> Iterator[bytes]:
        self._thread.start()
        return self._take()

    def __exit__(self, *exception: object) -> None:
        self._stopped.set()
        while self._thread.is_alive():
            while not self._queue.empty():
                self._queue.get()
            self._thread.join(0.01)

    def _run(self) -> None:
        try:
            for piece in self._pieces:
                self._queue.put(piece)
                if self._stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - carried to the thread that reads, which raises it
            self._queue.put(error)
        else:
            self._queue.put(None)

    def _take(self) -> Iterator[bytes]:
        while (piece := self._queue.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece


class Fingerprint:
    """The SHA-256 of a whole file, taken in the background while the file is parsed.

    Use it as a context manager: leaving stops the thread, finished or not.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._digest = hashlib.sha256()
        self._error: BaseException | None = None
        self._stopped = threading.Event()
        self._thread = Background(self._run, "envguard-hash")

    def __enter__(self) -> Fingerprint:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopped.set()
        self._thread.join()

    def result(self) -> str:
        """Return the bare hex hash, waiting for it; raise what went wrong while reading."""
        self._thread.join()
        if self._error:
            raise self._error
        return self._digest.hexdigest()

    def _run(self) -> None:
        try:
            for block in self._source.blocks():
                self._digest.update(block)
                if self._stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - carried to the thread that asks, which raises it
            self._error = error
