from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import Untrusted
from jupyter_envguard.store import Wanted
from jupyter_envguard.transfer.index import Frame, Piece
from jupyter_envguard.transfer.limits import LIMITS
from jupyter_envguard.transfer.plan import runs

BLOBS = ("a" * 64, "b" * 64)
FRAMES = tuple(
    Frame(blob, 10 * number, 10, (Piece(f"{number:032x}{blob[:32]}", number),))
    for blob in BLOBS
    for number in range(8)
)
WANTED = tuple(Wanted(piece.sha256, piece.size) for frame in FRAMES for piece in frame.pieces)


@given(st.sets(st.sampled_from(WANTED)), st.integers(1, 50))
def test_reads_every_frame_that_is_needed_once_and_no_other(missing: set[Wanted], most: int):
    planned = runs(missing, FRAMES, replace(LIMITS, run_bytes=most))
    read = [frame for run in planned for frame in run.frames]
    assert sorted(read, key=FRAMES.index) == [
        frame for frame in FRAMES if Wanted(frame.pieces[0].sha256, frame.pieces[0].size) in missing
    ]
    assert all(run.length <= max(most, 10) for run in planned)
    for run in planned:
        for one, other in zip(run.frames, run.frames[1:], strict=False):
            assert (one.blob, one.offset + one.length) == (other.blob, other.offset)


def test_asks_for_neighbours_at_once():
    assert [len(run.frames) for run in runs(WANTED, FRAMES)] == [8, 8]


@pytest.mark.parametrize("wanted", [Wanted("f" * 64, 1), Wanted(WANTED[1].sha256, 2)])
def test_refuses_a_share_that_lacks_something(wanted: Wanted):
    with pytest.raises(Untrusted) as caught:
        runs((wanted,), FRAMES)
    assert caught.value.code == "share-invalid"


def test_has_nothing_to_do_when_nothing_is_missing():
    assert runs((), FRAMES) == ()
