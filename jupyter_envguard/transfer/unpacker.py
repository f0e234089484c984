"""Contents out of compressed frames, right into a tree: in this process, or as one of several.

As a script (`python -I -S unpacker.py TREE MTIME WINDOW FOLDER…`) it has the standard
library and what is in the folders, writes nowhere but into the tree where the machine
can see to that, and imports nothing else of ours. A request is `REQUEST`, the seats of
the pieces as JSON (a number of bytes for a piece that nobody wants), and a frame. An
answer is a line of JSON: `null`, or what went wrong, after which the process ends.
"""

from __future__ import annotations

import importlib
import json
import os
import struct
import sys

TYPE_CHECKING = False  # `typing` is not needed where this runs
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, BinaryIO

    Chunk = bytes | memoryview

REQUEST = struct.Struct("!IQ")
"""Bytes of the seats, and of the frame."""

CHUNK = 1024 * 1024
"""Bytes decoded at a time."""

AT_ONCE = 8 * CHUNK
"""Frames of so many bytes, compressed and not, are decoded in one go."""


class BrokenFrameError(Exception):
    """A frame is not what it should be; the text completes "The frame …"."""


class Decoder:
    """Decodes frames with `zstandard`, which is the module of that name."""

    def __init__(self, zstandard: Any, window: int) -> None:
        self._zstandard = zstandard
        self._decoder = zstandard.ZstdDecompressor(max_window_size=window)
        self._room = bytearray()

    def contents(
        self, sizes: Sequence[int], length: int, compressed: Iterator[Chunk]
    ) -> Iterator[Iterator[Chunk]]:
        """Yield an iterator of the bytes of each piece, of `sizes`, from a frame of `length` bytes.

        What is left of an iterator is skipped, and its bytes are good until the next
        iterator is asked for. Yields no more bytes than a piece has, whatever the frame
        decodes to. Raises `BrokenFrameError` when the frame does not decode to its
        pieces; whether those are right is for the reader to find out.
        """
        if max(sum(sizes), length) <= AT_ONCE:
            yield from self._at_once(sizes, b"".join(compressed))
        else:
            yield from self._by_and_by(sizes, compressed)

    def _at_once(self, sizes: Sequence[int], frame: bytes) -> Iterator[Iterator[Chunk]]:
        total, found = sum(sizes), 0
        if len(self._room) <= total:
            self._room = bytearray(total + 1)
        # one byte more than there should be, to find out whether there is more
        rest = memoryview(self._room)[: total + 1]
        with self._decoder.stream_reader(frame) as reader:
            while found <= total and (count := self._read_into(reader, rest[found:])):
                found += count
        if found < total:
            raise BrokenFrameError("ends too early")
        if found > total:
            raise BrokenFrameError("decodes to more than it should")
        for size in sizes:
            yield iter((rest[:size],) if size else ())
            rest = rest[size:]

    def _by_and_by(self, sizes: Sequence[int], compressed: Iterator[Chunk]) -> Iterator[Iterator[Chunk]]:
        source = _Stream(compressed)
        with self._decoder.stream_reader(source, read_size=128 * 1024) as reader:
            for size in sizes:
                content = self._parts(reader, size)
                yield content
                for _ in content:
                    pass
            if self._read(reader, 1):
                raise BrokenFrameError("decodes to more than it should")

    def _parts(self, reader: BinaryIO, left: int) -> Iterator[bytes]:
        while left:
            chunk = self._read(reader, min(left, CHUNK))
            if not chunk:
                raise BrokenFrameError("ends too early")
            left -= len(chunk)
            yield chunk

    def _read_into(self, reader: Any, room: memoryview) -> int:
        try:
            return int(reader.readinto(room))
        except self._zstandard.ZstdError as error:
            raise BrokenFrameError(f"does not decode ({error})") from error

    def _read(self, reader: BinaryIO, size: int) -> bytes:
        try:
            return reader.read(size)
        except self._zstandard.ZstdError as error:
            raise BrokenFrameError(f"does not decode ({error})") from error


class _Stream:
    """What zstandard reads from."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self._rest: Chunk = b""

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, none at the end."""
        if not self._rest:
            self._rest = next(self._chunks, b"")
        content, self._rest = self._rest[:size], self._rest[size:]
        return bytes(content)


def parts(stream: BinaryIO, length: int) -> Iterator[bytes]:
    """Yield the next `length` bytes of `stream`, in one piece if they are decoded in one go."""
    size = length if length <= AT_ONCE else CHUNK
    while length and (chunk := stream.read(min(length, size))):
        length -= len(chunk)
        yield chunk


def serve(
    requests: BinaryIO,
    answers: BinaryIO,
    decoder: Decoder,
    write: Callable[[list[Any], Iterator[Chunk]], None],
) -> None:
    """Answer each request, letting `write` have a seat and its bytes, until there are no more."""
    while header := requests.read(REQUEST.size):
        seats_bytes, length = REQUEST.unpack(header)
        seats = json.loads(requests.read(seats_bytes))
        sizes = [seat if isinstance(seat, int) else seat[2] for seat in seats]
        pieces = decoder.contents(sizes, length, parts(requests, length))
        for seat, chunks in zip(seats, pieces, strict=True):
            if not isinstance(seat, int):
                write(seat, chunks)
        answers.write(b"null\n")
        answers.flush()


def main() -> None:
    """Serve standard input and output."""
    tree, mtime, window, *folders = sys.argv[1:]
    sys.path += folders
    landing = importlib.import_module("landing")
    umask = os.umask(0)
    ground = landing.Ground(tree, int(mtime), has_umask=False)
    decoder = Decoder(importlib.import_module("zstandard"), int(window))
    answers = sys.stdout.buffer
    try:
        serve(
            sys.stdin.buffer,
            answers,
            decoder,
            lambda seat, chunks: ground.write(landing.Seat(*seat), chunks),
        )
    except BrokenFrameError as error:
        failure: dict[str, Any] = {"broken": str(error)}
    except landing.WrongContentError as error:
        failure = {"wrong": [error.sha256, error.came]}
    except OSError as error:
        failure = {"errno": error.errno, "path": os.fsdecode(error.filename or tree)}
    else:
        return
    finally:
        os.umask(umask)
    answers.write(json.dumps(failure).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
