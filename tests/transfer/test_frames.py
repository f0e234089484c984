from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import Untrusted
from jupyter_envguard.transfer.frames import FRAME_BYTES, grouped, read_frame, write_frame
from jupyter_envguard.transfer.index import Frame, Piece


def piece(content: bytes) -> Piece:
    return Piece(hashlib.sha256(content).hexdigest(), len(content))


def frame_of(contents: list[bytes]) -> tuple[Frame, bytes]:
    pieces = tuple(map(piece, contents))
    known = {piece(content): content for content in contents}
    sink = io.BytesIO()
    length = write_frame(pieces, lambda one: (chunk for chunk in (known[one],)), sink)
    assert length == len(sink.getvalue())
    return Frame("a" * 64, 0, length, pieces), sink.getvalue()


def chopped(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def contents_of(frame: Frame, compressed: Iterator[bytes]) -> list[bytes]:
    return [b"".join(chunks) for _, chunks in read_frame(frame, compressed)]


class TestReadFrame:
    @given(st.lists(st.binary(max_size=300), max_size=8), st.integers(1, 50))
    def test_yields_what_was_written(self, contents: list[bytes], size: int):
        frame, compressed = frame_of(contents)
        assert contents_of(frame, chopped(compressed, size)) == contents

    def test_says_how_much_it_holds(self):
        frame, compressed = frame_of([b"one", b"three" * 1000])
        assert zstandard.frame_content_size(compressed) == sum(piece.size for piece in frame.pieces)

    def test_needs_no_size_in_its_head(self):
        frame, _ = frame_of([b"one", b"two"])
        older = zstandard.ZstdCompressor(write_content_size=False).compress(b"onetwo")
        assert contents_of(replace(frame, length=len(older)), iter((older,))) == [b"one", b"two"]

    def test_yields_large_contents_in_parts(self):
        large = bytes(range(256)) * 40_000
        frame, compressed = frame_of([large, b"after"])
        reading = read_frame(frame, chopped(compressed, 70_000))
        first, chunks = next(reading)
        assert first.size == len(large)
        assert max(map(len, chunks)) <= 1024 * 1024

    def test_takes_chunks_of_any_size(self):
        content = random.Random(1).randbytes(600_000)
        frame, compressed = frame_of([content])
        assert contents_of(frame, iter((compressed,))) == [content]

    def test_skips_what_nobody_took(self):
        frame, compressed = frame_of([b"one", b"two", b"three"])
        assert [next(chunks) for one, chunks in read_frame(frame, iter((compressed,))) if one.size == 5] == [
            b"three"
        ]

    def test_refuses_a_frame_that_ends_early(self):
        frame, compressed = frame_of([b"one", b"two"])
        with pytest.raises(Untrusted, match="ends too early"):
            contents_of(frame, iter((compressed[:8],)))

    def test_refuses_a_frame_that_holds_more(self):
        frame, compressed = frame_of([b"one", b"two"])
        short = Frame(frame.blob, 0, frame.length, frame.pieces[:1])
        with pytest.raises(Untrusted, match="more than it should"):
            contents_of(short, iter((compressed,)))

    def test_refuses_what_is_no_frame(self):
        with pytest.raises(Untrusted, match="does not decode"):
            contents_of(Frame("a" * 64, 0, 9, (Piece("b" * 64, 5),)), iter((b"something",)))

    def test_takes_no_more_from_a_bomb_than_was_promised(self):
        bomb = zstandard.ZstdCompressor().compress(b"\0" * 10**8)
        taken = []
        with pytest.raises(Untrusted):
            for _, chunks in read_frame(Frame("a" * 64, 0, len(bomb), (Piece("b" * 64, 10),)), iter((bomb,))):
                taken += map(len, chunks)
        assert sum(taken) <= 10


class TestGrouped:
    @given(st.lists(st.integers(0, 2 * FRAME_BYTES)))
    def test_keeps_every_piece_in_its_order(self, sizes: list[int]):
        pieces = [Piece(f"{number:064x}", size) for number, size in enumerate(sizes)]
        groups = list(grouped(pieces))
        assert [one for group in groups for one in group] == pieces
        assert all(group for group in groups)
        assert all(len(group) == 1 or sum(one.size for one in group) <= FRAME_BYTES for group in groups)
