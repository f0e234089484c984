from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.store.landing import Ground, Seat, WrongContentError
from tests.stores import NOBODY, root_only

CONTENT = b"content" * 100
TIME = 1_700_000_000


def seat(path: str = "file", content: bytes = CONTENT, permissions: int = 0o444) -> Seat:
    return Seat(path, permissions, len(content), hashlib.sha256(content).hexdigest())


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    tree = tmp_path / "tree"
    tree.mkdir()
    made = Ground(str(tree), TIME)
    yield made
    made.close()


class TestWrite:
    @pytest.mark.parametrize("permissions", [0o444, 0o555])
    def test_makes_a_sealed_file(self, ground: Ground, tmp_path: Path, permissions: int) -> None:
        before = os.umask(0o077)
        try:
            ground.write(seat(permissions=permissions), (CONTENT[:10], memoryview(CONTENT)[10:]))
        finally:
            os.umask(before)
        there = (tmp_path / "tree/file").stat()
        assert (tmp_path / "tree/file").read_bytes() == CONTENT
        assert (there.st_mode & 0o7777, there.st_mtime_ns) == (permissions, TIME * 10**9)

    @pytest.mark.parametrize("permissions", [0o444, 0o555])
    def test_makes_it_with_its_mode_where_there_is_no_umask(self, tmp_path: Path, permissions: int) -> None:
        before = os.umask(0)
        ground = Ground(str(tmp_path), TIME, has_umask=False)
        try:
            for content in (CONTENT[1:], CONTENT):  # what stands there is replaced
                ground.write(seat(content=content, permissions=permissions), (content,))
        finally:
            os.umask(before)
            ground.close()
        assert (tmp_path / "file").read_bytes() == CONTENT
        assert (tmp_path / "file").stat().st_mode & 0o7777 == permissions

    @pytest.mark.parametrize("wrong", [b"", CONTENT[:-1], CONTENT[:-1] + b"x", CONTENT + b"x"])
    def test_refuses_what_is_something_else(self, ground: Ground, wrong: bytes) -> None:
        with pytest.raises(WrongContentError) as caught:
            ground.write(seat(), (wrong,))
        assert (caught.value.sha256, caught.value.came) == (seat().sha256, len(wrong))

    def test_reads_no_more_than_a_chunk_beyond_the_size(self, ground: Ground) -> None:
        def endless() -> Iterator[bytes]:
            while True:
                yield CONTENT

        with pytest.raises(WrongContentError) as caught:
            ground.write(seat(), endless())
        assert caught.value.came == 2 * len(CONTENT)

    def test_replaces_what_stands_there(self, ground: Ground, tmp_path: Path) -> None:
        with pytest.raises(WrongContentError):
            ground.write(seat(), (b"x",))
        ground.write(seat(), (CONTENT,))
        assert (tmp_path / "tree/file").read_bytes() == CONTENT

    def test_follows_no_link_to_a_file_elsewhere(self, ground: Ground, tmp_path: Path) -> None:
        (tmp_path / "outside").write_bytes(b"theirs")
        (tmp_path / "tree/file").symlink_to(tmp_path / "outside")
        ground.write(seat(), (CONTENT,))
        assert (tmp_path / "outside").read_bytes() == b"theirs"
        assert not (tmp_path / "tree/file").is_symlink()

    def test_goes_on_after_a_part_was_written(
        self, ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = os.write
        monkeypatch.setattr(os, "write", lambda handle, chunk: real(handle, bytes(chunk)[:100]))
        ground.write(seat(), (CONTENT,))
        assert (tmp_path / "tree/file").read_bytes() == CONTENT


def test_makes_folders_and_links_and_seals_them(ground: Ground, tmp_path: Path) -> None:
    ground.folder("one")
    ground.write(seat("one/file"), (CONTENT,))
    ground.symlink("one/link", "file")
    ground.seal("one")
    folder = tmp_path / "tree/one"
    assert (folder.stat().st_mode & 0o7777, folder.stat().st_mtime) == (0o555, TIME)
    assert (folder / "link").lstat().st_mtime == TIME
    assert (folder / "link").read_bytes() == CONTENT


class TestLinkOrCopy:
    def test_links(self, ground: Ground, tmp_path: Path) -> None:
        ground.write(seat(), (CONTENT,))
        ground.link_or_copy("file", seat("other"))
        assert (tmp_path / "tree/other").samefile(tmp_path / "tree/file")

    def test_copies_where_there_is_no_room_for_links(
        self, ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ground.write(seat(), (CONTENT,))

        def full(*_: Any, **__: Any) -> None:
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))

        monkeypatch.setattr(os, "link", full)
        ground.link_or_copy("file", seat("other", permissions=0o555))
        assert not (tmp_path / "tree/other").samefile(tmp_path / "tree/file")
        assert (tmp_path / "tree/other").read_bytes() == CONTENT

    def test_copies_nothing_that_was_changed(self, ground: Ground, tmp_path: Path) -> None:
        (tmp_path / "tree/file").write_bytes(b"evil")
        with pytest.raises(WrongContentError):
            ground.copy("file", seat("other"))

    def test_reports_other_failures(self, ground: Ground) -> None:
        with pytest.raises(FileNotFoundError):
            ground.link_or_copy("none", seat())


@root_only
def test_everything_belongs_to_the_owner(tmp_path: Path) -> None:
    ground = Ground(str(tmp_path), TIME, (NOBODY, NOBODY))
    ground.folder("one")
    ground.write(seat("one/file"), (CONTENT,))
    ground.symlink("one/link", "file")
    ground.close()
    assert {(there.st_uid, there.st_gid) for there in map(os.lstat, tmp_path.rglob("*"))} == {
        (NOBODY, NOBODY)
    }


def test_a_seat_is_made_again_from_its_row() -> None:
    assert Seat(*seat().as_row()).as_row() == seat().as_row()
