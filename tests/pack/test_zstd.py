"""Zstandard frames are decoded block by block, and only sound ones."""

from __future__ import annotations

import os

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.pack.limits import MIB, Limits
from jupyter_envguard.pack.zstd import MAGIC, decode


def unpack(data: bytes, limits: Limits | None = None) -> bytes:
    return b"".join(decode(iter([data]), limits or Limits()))


def code_of(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(PackRefused) as caught:
        unpack(data, limits)
    return caught.value.code


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=2000), st.integers(1, 19), st.booleans(), st.booleans())
def test_reads_every_way_of_writing_a_frame(content: bytes, level: int, sum_: bool, size: bool) -> None:
    compressor = zstandard.ZstdCompressor(level, write_checksum=sum_, write_content_size=size)
    assert unpack(compressor.compress(content)) == content


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65_791, 65_792, MIB, 5 * MIB])
def test_reads_every_size_of_a_frame(size: int) -> None:
    for content in (bytes(size), os.urandom(size)):
        compressor = zstandard.ZstdCompressor(3)
        assert unpack(compressor.compress(content)) == content
        stream = compressor.compressobj()
        assert unpack(stream.compress(content) + stream.flush()) == content


def test_one_piece_is_at_most_a_batch_of_blocks() -> None:
    data = zstandard.ZstdCompressor(1).compress(bytes(64 * MIB))
    assert len(data) < 10_000
    assert max(map(len, decode(iter([data]), Limits()))) <= MIB


def test_refuses_a_window_beyond_the_limit() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, compression_level=1)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = stream.compress(b"x" * 1000) + stream.flush()
    assert code_of(data, Limits(decoder_bytes=MIB)) == "pack-corrupt"


def test_refuses_a_wrong_checksum() -> None:
    data = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(b"x" * 100))
    data[-1] ^= 1
    assert code_of(bytes(data)) == "pack-corrupt"


def test_refuses_a_block_beyond_what_zstd_allows() -> None:
    header = MAGIC + b"\x00\x58"
    assert code_of(header + (1 << 20 << 3 | 1).to_bytes(3, "little")) == "pack-corrupt"


def test_refuses_a_frame_that_is_none() -> None:
    assert code_of(b"not a frame") == "pack-corrupt"


def test_refuses_a_skippable_frame() -> None:
    data = zstandard.ZstdCompressor().compress(b"x")
    assert code_of(data + b"\x50\x2a\x4d\x18" + bytes(4)) == "pack-trailing-data"
