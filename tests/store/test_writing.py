"""Writing by the page cache and past it."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jupyter_envguard.store import writing
from jupyter_envguard.store.writing import ALIGNED, ROUND, Writer, room

PIECE = 16 * ALIGNED


class Disk:
    """A file that is written, and a clock that only its writing moves."""

    def __init__(self, path: Path, patch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.handle = os.open(path, os.O_RDWR | os.O_CREAT)
        self.seconds = {"cached": 1.0, "direct": 1.0}
        self.ways: list[str] = []
        self.error: OSError | None = None
        self._now = 0.0
        self._real = os.pwrite
        patch.setattr(writing.os, "pwrite", self._pwrite)
        patch.setattr(writing.time, "monotonic", lambda: self._now)

    def _pwrite(self, handle: int, content: memoryview, offset: int) -> int:
        way = "cached" if handle == self.handle else "direct"
        if way == "direct" and self.error:
            raise self.error
        self.ways.append(way)
        self._now += self.seconds[way]
        return self._real(handle, content, offset)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(tmp_path / "file", monkeypatch)
    yield made
    os.close(made.handle)


@pytest.fixture
def writer(disk: Disk) -> Iterator[Writer]:
    made = Writer(disk.handle)
    yield made
    made.close()


def piece(byte: int = 1) -> memoryview:
    memory = room(PIECE)
    memory[:] = bytes([byte]) * PIECE
    return memory


def test_pieces_in_any_order_from_several_threads_make_the_file(tmp_path: Path) -> None:
    content = random.Random(1).randbytes(100 * PIECE + 77)
    starts = random.Random(2).sample(range(0, len(content), PIECE), 101)
    handle = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    writer = Writer(handle)

    def write(start: int) -> None:
        memory, part = room(PIECE), content[start : start + PIECE]
        memory[: len(part)] = part
        writer.write(start, memory[: len(part)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, starts))
    writer.close()
    os.close(handle)
    assert (tmp_path / "file").read_bytes() == content


@pytest.mark.parametrize(("quicker", "slower"), [("direct", "cached"), ("cached", "direct")])
def test_writes_most_of_it_by_the_quicker_way(disk: Disk, writer: Writer, quicker: str, slower: str) -> None:
    disk.seconds[slower] = 10
    for number in range(4 * ROUND):
        writer.write(number * PIECE, piece())
    assert set(disk.ways[:2]) == {"cached", "direct"}
    assert 4 <= disk.ways.count(slower) <= 5


def test_notices_when_the_other_way_has_become_the_quicker(disk: Disk, writer: Writer) -> None:
    disk.seconds["direct"] = 10
    for number in range(8):
        writer.write(number * PIECE, piece())
    disk.seconds = {"cached": 10, "direct": 1}
    disk.ways.clear()
    for number in range(2 * ROUND):
        writer.write(number * PIECE, piece())
    assert disk.ways.count("direct") > 1.5 * ROUND


@pytest.mark.parametrize(("offset", "length"), [(7, PIECE), (0, PIECE - 7), (0, 0)])
def test_what_is_not_aligned_goes_by_the_page_cache(
    disk: Disk, writer: Writer, offset: int, length: int
) -> None:
    for _ in range(4):
        writer.write(offset, piece()[:length])
    assert "direct" not in disk.ways
    assert disk.path.read_bytes() == bytes(offset if length else 0) + b"\1" * length


def test_a_disk_with_larger_blocks_is_written_by_the_page_cache(disk: Disk, writer: Writer) -> None:
    disk.error = OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    for number in range(4):
        writer.write(number * PIECE, piece(number))
    assert set(disk.ways) == {"cached"}
    assert disk.path.read_bytes() == b"".join(bytes([number]) * PIECE for number in range(4))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_failing_disk_is_no_reason_to_go_on(disk: Disk, writer: Writer, number: int) -> None:
    disk.error = OSError(number, os.strerror(number))
    with pytest.raises(OSError, match=os.strerror(number)):
        for _ in range(2):
            writer.write(0, piece())


def test_a_file_system_that_cannot_pass_it_by_is_written_by_the_page_cache(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def opened(path: str, flags: int) -> int:
        if flags & os.O_DIRECT:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return real(path, flags)

    monkeypatch.setattr(writing.os, "open", opened)
    writer = Writer(disk.handle)
    for number in range(4):
        writer.write(number * PIECE, piece())
    writer.close()
    assert set(disk.ways) == {"cached"}
    assert disk.path.read_bytes() == b"\1" * 4 * PIECE
