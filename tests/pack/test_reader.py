"""The reader gives exactly what was asked for, however the stream is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.pack.reader import Reader


@given(st.lists(st.binary(min_size=1, max_size=20)), st.lists(st.integers(0, 25)))
def test_takes_exact_sizes_however_the_pieces_are_cut(pieces: list[bytes], sizes: list[int]) -> None:
    whole, reader, at = b"".join(pieces), Reader(iter(pieces)), 0
    for size in sizes:
        if at + size > len(whole):
            with pytest.raises(PackRefused, match="middle of a thing") as caught:
                reader.take(size, "a thing")
            assert caught.value.code == "pack-truncated"
            return
        assert reader.take(size, "a thing") == whole[at : at + size]
        at += size
    assert reader.at_end() == (at == len(whole))
    assert b"".join(reader.rest()) == whole[at:]


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1), st.integers(0, 100))
def test_streams_exact_sizes(pieces: list[bytes], size: int) -> None:
    whole, reader = b"".join(pieces), Reader(iter(pieces))
    size = min(size, len(whole))
    assert b"".join(reader.stream(size, "a thing")) == whole[:size]
    assert b"".join(reader.rest()) == whole[size:]


def test_an_empty_stream_is_at_its_end() -> None:
    assert Reader(iter([])).at_end()
    assert Reader(iter([])).take(0, "nothing") == b""
