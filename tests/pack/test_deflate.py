"""Which library decodes is chosen by what is installed, and nobody can tell from what comes out."""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Iterator
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.pack import deflate
from jupyter_envguard.pack.limits import Limits
from jupyter_envguard.pack.streams import BLOCK, PIECE, decompressed

GZIP, RAW = 31, -15


def packed(content: bytes, bits: int, level: int = 6) -> bytes:
    compressor = zlib.compressobj(level, zlib.DEFLATED, bits)
    return compressor.compress(content) + compressor.flush()


def text(seed: int) -> bytes:
    """Return what has runs, repetitions near and far, and noise."""
    chance = random.Random(seed)
    words = [chance.randbytes(chance.randint(1, 40)) for _ in range(30)]
    return b"".join(chance.choice(words) * chance.choice([1, 1, 1, 90]) for _ in range(300))


def answer(engine: ModuleType, data: bytes, bits: int) -> bytes | None:
    """Return what all of `data` decodes to and what follows it, None where it is refused."""
    decoder = engine.decompressobj(bits)
    out, rest = b"", data
    try:
        while rest or len(out) % 1000 == 0:
            piece = decoder.decompress(rest, 1000)
            out, rest = out + piece, decoder.unconsumed_tail
            if decoder.eof or not piece:
                break
    except engine.error:
        return None
    return out + b"|" + decoder.unused_data if decoder.eof else None


class TestEngine:
    def test_is_the_one_that_is_asked_for(self) -> None:
        assert deflate.engine("bz2").__name__ == "bz2"

    def test_is_that_of_the_standard_library_where_there_is_no_other(self) -> None:
        assert deflate.engine("no_such_package.zlib") is zlib
        assert deflate.engine("json.no_such_module") is zlib

    def test_errors_of_the_chosen_one_are_known(self) -> None:
        with pytest.raises(deflate.ERRORS):
            deflate.inflater(GZIP).decompress(b"no gzip, but long enough for one", PIECE)

    @given(st.lists(st.binary(max_size=50)))
    def test_the_checksum_is_that_of_zip(self, pieces: list[bytes]) -> None:
        crc = 0
        for piece in pieces:
            crc = deflate.crc32(piece, crc)
        assert crc == zlib.crc32(b"".join(pieces))


@pytest.fixture(scope="module")
def zlib_ng() -> ModuleType:
    return pytest.importorskip(deflate.ZLIB_NG)


class TestBothDecoders:
    @pytest.mark.parametrize("level", [0, 1, 6, 9])
    @pytest.mark.parametrize("bits", [GZIP, RAW])
    def test_give_the_same_bytes(self, zlib_ng: ModuleType, bits: int, level: int) -> None:
        for seed in range(5):
            data = packed(text(seed), bits, level) + b"behind"
            assert answer(zlib_ng, data, bits) == answer(zlib, data, bits) == text(seed) + b"|behind"

    @settings(max_examples=300, deadline=None)
    @given(st.integers(0, 20), st.sampled_from([GZIP, RAW]), st.data())
    def test_accept_and_refuse_the_same_damage(
        self, zlib_ng: ModuleType, seed: int, bits: int, draw: st.DataObject
    ) -> None:
        data = bytearray(packed(text(seed), bits))
        for _ in range(draw.draw(st.integers(1, 3))):
            data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
        assert answer(zlib_ng, bytes(data), bits) == answer(zlib, bytes(data), bits)

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=200), st.sampled_from([GZIP, RAW]))
    def test_accept_and_refuse_the_same_noise(self, zlib_ng: ModuleType, noise: bytes, bits: int) -> None:
        assert answer(zlib_ng, noise, bits) == answer(zlib, noise, bits)

    def test_refuse_the_same_ends(self, zlib_ng: ModuleType) -> None:
        data = packed(os.urandom(300), GZIP)
        for size in range(len(data)):
            assert answer(zlib_ng, data[:size], GZIP) is answer(zlib, data[:size], GZIP) is None

    def test_refuse_a_distance_beyond_the_start(self, zlib_ng: ModuleType) -> None:
        window = text(1)[-32768:]
        compressor = zlib.compressobj(9, zlib.DEFLATED, RAW, 9, 0, window)
        data = compressor.compress(window) + compressor.flush()
        assert answer(zlib_ng, data, RAW) is answer(zlib, data, RAW) is None

    def test_refuse_a_dictionary(self, zlib_ng: ModuleType) -> None:
        compressor = zlib.compressobj(6, zlib.DEFLATED, 15, 9, 0, b"words that are known")
        data = compressor.compress(b"words that are known") + compressor.flush()
        assert answer(zlib_ng, data, 15) is answer(zlib, data, 15) is None


@pytest.fixture(params=["zlib", deflate.ZLIB_NG])
def _each(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflate, "ENGINE", pytest.importorskip(request.param))


def unpack(data: bytes, step: int = BLOCK) -> Iterator[bytes]:
    return decompressed("gz", (data[at : at + step] for at in range(0, len(data), step)), Limits())


@pytest.mark.usefixtures("_each")
class TestReadingAPack:
    @pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, PIECE + 258, 3 * PIECE + 7])
    @pytest.mark.parametrize("step", [7, BLOCK])
    def test_bounds_the_pieces_of_a_bomb(self, size: int, step: int) -> None:
        pieces = list(unpack(packed(bytes(size), GZIP), step))
        assert sum(map(len, pieces)) == size
        assert max(map(len, pieces), default=0) <= PIECE

    def test_refuses_every_wrong_bit_of_the_trailer(self) -> None:
        data = packed(b"x" * 100, GZIP)
        for bit in range(64):
            at = len(data) - 1 - bit // 8
            damaged = data[:at] + bytes([data[at] ^ 1 << bit % 8]) + data[at + 1 :]
            with pytest.raises(PackRefused) as caught:
                list(unpack(damaged))
            assert caught.value.code == "pack-corrupt"

    def test_reads_streams_in_a_row_and_refuses_what_follows(self) -> None:
        data = packed(b"one", GZIP) + packed(b"two", GZIP)
        assert b"".join(unpack(data, 1)) == b"onetwo"
        with pytest.raises(PackRefused) as caught:
            list(unpack(data + b"garbage that is not compressed"))
        assert caught.value.code == "pack-trailing-data"
