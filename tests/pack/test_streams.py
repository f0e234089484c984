"""Archives are opened once, decompressed within bounds, and never outlive their reader."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import random
import socket
import tempfile
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_envguard.errors import EnvGuardError, InvalidInput, NotFound, PackRefused, Unavailable
from jupyter_envguard.pack import streams
from jupyter_envguard.pack.limits import Limits
from jupyter_envguard.pack.streams import (
    BLOCK,
    PIECE,
    Ahead,
    Background,
    Fingerprint,
    Source,
    check_volume,
    decompressed,
    gathered,
)
from tests.containers import compress

COMPRESSIONS = ["gz", "bz2", "xz", "zst"]


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def unpack(compression: str, data: bytes, size: int = BLOCK, limits: Limits | None = None) -> bytes:
    return b"".join(decompressed(compression, cut(data, size), limits or Limits()))


def code_of(compression: str, data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(PackRefused) as caught:
        unpack(compression, data, limits=limits)
    return caught.value.code


class TestSource:
    def test_reads_anywhere(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"0123456789")
        source = Source(tmp_path / "a")
        assert (source.size, source.read_at(3, 4), source.read_at(8, 9)) == (10, b"3456", b"89")
        assert b"".join(source.blocks()) == b"0123456789"
        source.check_unchanged()
        source.close()
        source.close()

    def test_names_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match=r"nothing\.tar") as caught:
            Source(tmp_path / "nothing.tar")
        assert caught.value.code == "file-not-found"

    @pytest.mark.parametrize("kind", ["folder", "fifo"])
    def test_refuses_what_is_not_a_file_without_waiting(self, kind: str, tmp_path: Path) -> None:
        place = tmp_path / "a"
        place.mkdir() if kind == "folder" else os.mkfifo(place)
        with pytest.raises(InvalidInput) as caught:
            Source(place)
        assert caught.value.code == "pack-not-a-file"

    def test_says_when_a_file_cannot_be_opened(self) -> None:
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
            server.bind(f"{folder}/a")
            with pytest.raises(EnvGuardError) as caught:
                Source(Path(folder, "a"))
        assert caught.value.code == "io-error"

    def test_notices_a_write(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"0123456789")
        source = Source(tmp_path / "a")
        (tmp_path / "a").write_bytes(b"0123456780")
        with pytest.raises(PackRefused) as caught:
            source.check_unchanged()
        assert caught.value.code == "pack-changed"
        source.close()

    def test_says_when_reading_fails(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"0")
        source = Source(tmp_path / "a")
        source.close()
        with pytest.raises(Unavailable) as caught:
            source.read_at(0, 1)
        assert caught.value.code == "io-error"


class TestVolume:
    def test_has_a_total_and_a_ratio(self) -> None:
        limits = Limits(unpacked_bytes=1000, ratio=10, ratio_free_bytes=100)
        check_volume(100, 1, limits)
        check_volume(1000, 100, limits)
        for unpacked, packed, code in ((1001, 1000, "pack-too-large"), (101, 10, "pack-bomb")):
            with pytest.raises(PackRefused) as caught:
                check_volume(unpacked, packed, limits)
            assert caught.value.code == code


@pytest.mark.parametrize("compression", COMPRESSIONS)
class TestDecompressed:
    @settings(max_examples=30, deadline=None)
    @given(content=st.binary(max_size=3000), size=st.integers(1, 400))
    def test_gives_back_what_was_compressed(self, compression: str, content: bytes, size: int) -> None:
        assert unpack(compression, compress(content, f"tar.{compression}"), size) == content

    @pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, PIECE + 258, 3 * PIECE + 7])
    def test_gives_back_long_runs_in_bounded_pieces(self, compression: str, size: int) -> None:
        data = compress(bytes(size), f"tar.{compression}")
        for step in (7, BLOCK):
            pieces = list(decompressed(compression, cut(data, step), Limits()))
            assert sum(map(len, pieces)) == size
            assert max(map(len, pieces), default=0) <= PIECE

    def test_reads_streams_in_a_row(self, compression: str) -> None:
        one, two = (compress(text, f"tar.{compression}") for text in (b"one", b"two"))
        assert unpack(compression, one + two) == b"onetwo"
        assert unpack(compression, one + two, 1) == b"onetwo"

    def test_bounds_the_number_of_streams(self, compression: str) -> None:
        data = compress(b"x", f"tar.{compression}") * 5
        assert code_of(compression, data, Limits(streams=4)) == "pack-corrupt"

    def test_refuses_every_truncation(self, compression: str) -> None:
        data = compress(os.urandom(200), f"tar.{compression}")
        for size in range(len(data)):
            assert code_of(compression, data[:size]) == "pack-truncated"

    @pytest.mark.parametrize("garbage", [b"garbage that is not compressed", bytes(64), b"PK\3\4" * 20])
    def test_refuses_what_follows(self, compression: str, garbage: bytes) -> None:
        assert code_of(compression, compress(b"x", f"tar.{compression}") + garbage) == "pack-trailing-data"

    def test_refuses_damage(self, compression: str) -> None:
        content = random.Random(1).randbytes(5000)  # the same each time: some damage reads as an early end
        data = bytearray(compress(content, f"tar.{compression}"))
        data[2500] ^= 0xFF
        assert code_of(compression, bytes(data)) == "pack-corrupt"


def test_a_tar_without_compression_passes_through() -> None:
    assert unpack("", b"as it is") == b"as it is"


def test_memory_that_xz_may_ask_for_is_bounded() -> None:
    data = lzma.compress(b"x" * 100, preset=6)
    assert code_of("xz", data, Limits(decoder_bytes=1000)) == "pack-corrupt"


def test_a_gzip_with_a_wrong_sum_is_damaged() -> None:
    data = bytearray(gzip.compress(b"x" * 100))
    data[-5] ^= 1
    assert code_of("gz", bytes(data)) == "pack-corrupt"


def test_a_parallel_gzip_is_one_stream() -> None:
    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    parts = [compressor.compress(b"a" * 1000), compressor.flush(zlib.Z_FULL_FLUSH), compressor.compress(b"b")]
    assert unpack("gz", b"".join([*parts, compressor.flush()])) == b"a" * 1000 + b"b"


def test_parallel_bz2_is_many_streams() -> None:
    assert unpack("bz2", b"".join(bz2.compress(bytes([n])) for n in range(100))) == bytes(range(100))


@given(st.lists(st.binary(max_size=5)))
def test_gathering_changes_no_byte(pieces: list[bytes]) -> None:
    joined = list(gathered(iter(pieces)))
    assert b"".join(joined) == b"".join(pieces)
    assert len(joined) <= 1


def test_gathering_hands_on_large_pieces() -> None:
    assert list(gathered(iter([bytes(BLOCK), b"x"]))) == [bytes(BLOCK), b"x"]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("envguard")]


class TestBackground:
    def test_has_begun_when_start_returns(self) -> None:
        done = threading.Event()
        background = Background(done.set, "x")
        background.start()
        background.join()
        assert done.is_set()

    def test_a_thread_that_dies_before_it_begins_is_not_waited_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(streams, "BEGIN_SECONDS", 0.01)
        background = Background(lambda: None, "x")
        monkeypatch.setattr(background, "run", lambda: None)
        with pytest.raises(Unavailable) as caught:
            background.start()
        assert caught.value.code == "internal-error"


class TestAhead:
    def test_gives_the_pieces_in_order(self) -> None:
        with Ahead(iter([b"a", b"b", b"c"])) as pieces:
            assert list(pieces) == [b"a", b"b", b"c"]
        assert threads() == []

    def test_stops_when_it_is_left_early(self) -> None:
        def endless() -> Iterator[bytes]:
            while True:
                yield b"x"

        with Ahead(endless()) as pieces:
            assert next(pieces) == b"x"
        assert threads() == []

    def test_raises_what_went_wrong_where_the_piece_would_have_come(self) -> None:
        def failing() -> Iterator[bytes]:
            yield b"a"
            raise PackRefused("pack-corrupt", "no")

        with Ahead(failing()) as pieces:
            assert next(pieces) == b"a"
            with pytest.raises(PackRefused, match="no"):
                next(pieces)
        assert threads() == []

    def test_is_only_a_little_ahead(self) -> None:
        made = []

        def counted() -> Iterator[bytes]:
            for _ in range(1000):
                made.append(1)
                yield b"x"

        with Ahead(counted(), ahead=3) as pieces:
            next(pieces)
            assert len(made) <= 6


class TestFingerprint:
    def test_is_the_hash_of_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(os.urandom(3 * BLOCK + 1))
        source = Source(tmp_path / "a")
        with Fingerprint(source) as fingerprint:
            assert fingerprint.result() == hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest()
        source.close()

    def test_stops_when_it_is_left_early(self, tmp_path: Path) -> None:
        with open(tmp_path / "a", "wb") as file:
            file.truncate(1 << 40)
        source = Source(tmp_path / "a")
        with Fingerprint(source):
            assert threads() == ["envguard-hash"]
        assert threads() == []
        source.close()

    def test_raises_what_went_wrong(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"x")
        source = Source(tmp_path / "a")
        source.close()
        with Fingerprint(source) as fingerprint, pytest.raises(Unavailable):
            fingerprint.result()
