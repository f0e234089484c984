"""Zstandard frames, decoded block by block so that memory stays bounded.

The `zstandard` package decodes all the input it is given before it returns, and
one MiB of input may become 30 GiB. So the frames are taken apart here (RFC 8878
section 3.1.1: a header, blocks of at most 128 KiB, a checksum) and the blocks
are handed over a few at a time. The package still decodes and checks the sums.
"""

from __future__ import annotations

from collections.abc import Iterator

import zstandard

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.pack.limits import KIB, Limits
from jupyter_envguard.pack.reader import Reader
from jupyter_envguard.pack.refusals import HOSTILE, damaged, trailing

MAGIC = b"\x28\xb5\x2f\xfd"
BLOCK_MAX = 128 * KIB
"""Most bytes that a block may hold or decode to (RFC 8878 section 3.1.1.2.4)."""
BATCH = 8
"""Blocks decoded at a time: 1 MiB."""
RLE = 1
"""The type of block whose body is one byte, to be repeated."""


def decode(blocks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    """Yield what the frames in `blocks` decode to, at most `BATCH` blocks at a time.

    Several frames may follow each other. Raises `pack-truncated`,
    `pack-trailing-data` or `pack-corrupt`.
    """
    reader, frames = Reader(blocks), 0
    while frames == 0 or not reader.at_end():
        frames += 1
        if frames > limits.streams:
            raise PackRefused(
                "pack-corrupt", f"The pack has more than {limits.streams} compressed frames.", HOSTILE
            )
        try:
            yield from _frame(reader, frames, limits)
        except zstandard.ZstdError as error:
            raise damaged(f"its compressed data do not decode ({error})") from error


def _frame(reader: Reader, number: int, limits: Limits) -> Iterator[bytes]:
    decoder = zstandard.ZstdDecompressor(max_window_size=limits.decoder_bytes).decompressobj()
    header, has_checksum = _header(reader, number)
    batch, count = [header], 0
    last = False
    while not last:
        block, last = _block(reader)
        batch.append(block)
        count += 1
        if last and has_checksum:
            batch.append(reader.take(4, "a zstd checksum"))
        if last or count == BATCH:
            if piece := decoder.decompress(b"".join(batch)):
                yield piece
            batch, count = [], 0


def _header(reader: Reader, number: int) -> tuple[bytes, bool]:
    """Return the header of a frame and whether a checksum follows its last block."""
    start = reader.take(5, "a zstd header")
    if start[:4] != MAGIC:
        raise trailing("something that is not compressed data") if number > 1 else damaged("no zstd header")
    flags = start[4]
    single_segment = bool(flags & 0x20)
    size = (0, 1, 2, 4)[flags & 3] + (int(single_segment), 2, 4, 8)[flags >> 6] + (not single_segment)
    return start + reader.take(size, "a zstd header"), bool(flags & 4)


def _block(reader: Reader) -> tuple[bytes, bool]:
    """Return one block with its header, and whether it is the last one of its frame."""
    header = reader.take(3, "a zstd block")
    number = int.from_bytes(header, "little")
    size = number >> 3
    if size > BLOCK_MAX:
        raise damaged("a zstd block is larger than zstd allows")
    body = reader.take(1 if number >> 1 & 3 == RLE else size, "a zstd block")
    return header + body, bool(number & 1)
