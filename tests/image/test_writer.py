from __future__ import annotations

import io
import json
import os
import runpy
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard.image import writer
from jupyter_envguard.image.writer import FILE, FOLDER, FRAME, HARDLINK, SEAL, SYMLINK, Tree, main, serve

TIME = 315_619_200


def frame(what: bytes, path: str = "", content: bytes = b"", executable: bool = False) -> bytes:
    raw = path.encode()
    return FRAME.pack(what, executable, len(raw), len(content)) + raw + content


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    """A tree that grows in `tmp_path / "root"`."""
    (tmp_path / "root").mkdir()
    root = os.open(tmp_path / "root", os.O_RDONLY)
    before = os.umask(0)
    made = Tree(root, TIME)
    yield made
    made.close()
    os.close(root)
    os.umask(before)


@pytest.fixture
def root(tree: Tree, tmp_path: Path) -> Path:
    """Where the tree grows."""
    return tmp_path / "root"


class TestTree:
    def test_makes_files_with_their_mode_time_and_folders(self, tree: Tree, root: Path) -> None:
        tree.file("bin/deep/run", True, iter([b"a", b"b"]))
        tree.file("data", False, iter([]))
        assert (root / "bin/deep/run").read_bytes() == b"ab"
        modes = [stat.S_IMODE((root / path).stat().st_mode) for path in ("bin/deep/run", "data", "bin")]
        assert modes == [0o555, 0o444, 0o700]
        assert (root / "data").stat().st_mtime == TIME

    def test_makes_symbolic_links_that_may_dangle(self, tree: Tree, root: Path) -> None:
        tree.symlink("lib/libz.so", "libz.so.1")
        assert os.readlink(root / "lib/libz.so") == "libz.so.1"
        assert (root / "lib/libz.so").lstat().st_mtime == TIME

    def test_makes_hard_links(self, tree: Tree, root: Path) -> None:
        tree.file("a/one", False, iter([b"x"]))
        tree.hardlink("b/two", "a/one")
        assert (root / "b/two").samefile(root / "a/one")

    def test_a_folder_may_be_named_before_and_after_its_files(self, tree: Tree, root: Path) -> None:
        tree.folder("a/b")
        tree.file("a/b/c", False, iter([]))
        tree.folder("a")
        assert (root / "a/b/c").exists()

    def test_sealing_makes_folders_read_only_and_old_but_not_the_root(self, tree: Tree, root: Path) -> None:
        tree.file("a/b/c", False, iter([]))
        tree.seal()
        modes = [stat.S_IMODE((root / path).stat().st_mode) for path in ("a", "a/b")]
        assert modes == [0o555, 0o555]
        assert {(root / path).stat().st_mtime for path in (".", "a", "a/b")} == {TIME}
        assert stat.S_IMODE(root.stat().st_mode) == 0o755

    def test_more_folders_than_it_keeps_open(self, tree: Tree, root: Path) -> None:
        for number in range(writer.OPEN_FOLDERS + 20):
            tree.file(f"d{number}/f", False, iter([]))
        tree.file("d0/again", False, iter([]))
        tree.seal()
        assert len(list(root.glob("*/f"))) == writer.OPEN_FOLDERS + 20

    def test_goes_on_after_a_short_write(
        self, tree: Tree, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write = os.write
        monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data)[:3]))
        tree.file("f", False, iter([b"0123456789"]))
        assert (root / "f").read_bytes() == b"0123456789"


class TestHostileStaging:
    """Somebody else writes where the tree grows; or the scan of packs has a hole."""

    @pytest.fixture(autouse=True)
    def outside(self, tmp_path: Path) -> Path:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside/file").write_text("precious")
        return tmp_path / "outside"

    def untouched(self, outside: Path) -> bool:
        return [path.read_text() for path in outside.iterdir()] == ["precious"]

    def test_never_writes_through_a_link_planted_as_file(self, tree: Tree, root: Path, outside: Path) -> None:
        (root / "f").symlink_to(outside / "file")
        with pytest.raises(FileExistsError):
            tree.file("f", False, iter([b"x"]))
        assert self.untouched(outside)

    def test_never_writes_through_a_link_planted_as_folder(
        self, tree: Tree, root: Path, outside: Path
    ) -> None:
        (root / "d").symlink_to(outside)
        for write in (lambda: tree.file("d/f", False, iter([b"x"])), lambda: tree.folder("d")):
            with pytest.raises(FileExistsError):
                write()
        assert self.untouched(outside)

    def test_never_enters_a_folder_swapped_for_a_link(self, tree: Tree, root: Path, outside: Path) -> None:
        tree.file("d/e/f", False, iter([]))
        tree.close()
        (root / "d/e").rename(root / "gone")
        (root / "d/e").symlink_to(outside)
        with pytest.raises(NotADirectoryError):
            tree.file("d/e/g", False, iter([b"x"]))
        assert self.untouched(outside)

    def test_stays_in_an_open_folder_that_is_moved_away(self, tree: Tree, root: Path, outside: Path) -> None:
        tree.file("d/f", False, iter([]))
        (root / "d").rename(root / "gone")
        (root / "d").symlink_to(outside)
        tree.file("d/g", False, iter([b"x"]))
        assert (root / "gone/g").exists()
        assert self.untouched(outside)

    def test_never_takes_a_folder_that_it_did_not_make(self, tree: Tree, root: Path) -> None:
        (root / "d").mkdir()
        with pytest.raises(FileExistsError):
            tree.file("d/f", False, iter([]))

    def test_a_member_named_twice_is_refused(self, tree: Tree) -> None:
        tree.file("f", False, iter([b"first"]))
        for again in (
            lambda: tree.file("f", False, iter([])),
            lambda: tree.symlink("f", "x"),
            lambda: tree.hardlink("f", "f"),
            lambda: tree.folder("f"),
        ):
            with pytest.raises(FileExistsError):
                again()

    def test_a_symlink_of_the_pack_is_never_followed(self, tree: Tree, outside: Path) -> None:
        tree.symlink("d", str(outside))
        for write in (
            lambda: tree.file("d/f", False, iter([])),
            lambda: tree.symlink("d/f", "x"),
            lambda: tree.hardlink("g", "d/file"),
        ):
            with pytest.raises(FileExistsError):
                write()
        assert self.untouched(outside)

    def test_a_hard_link_to_a_symlink_is_a_link_to_the_symlink(
        self, tree: Tree, root: Path, outside: Path
    ) -> None:
        tree.symlink("s", str(outside / "file"))
        tree.hardlink("h", "s")
        assert (root / "h").is_symlink()


class TestServe:
    def test_carries_out_every_kind_of_frame(self, tree: Tree, root: Path) -> None:
        frames = [
            frame(FOLDER, "empty"),
            frame(FILE, "bin/run", b"#!", executable=True),
            frame(SYMLINK, "bin/go", b"run"),
            frame(HARDLINK, "bin/same", b"bin/run"),
            frame(FILE, "big", b"x" * (writer.CHUNK + 1)),
            frame(SEAL),
        ]
        assert serve(io.BytesIO(b"".join(frames)), tree) == {}
        assert sorted(path.name for path in root.rglob("*")) == ["big", "bin", "empty", "go", "run", "same"]
        assert (root / "big").stat().st_size == writer.CHUNK + 1

    def test_answers_with_path_and_reason(self, tree: Tree) -> None:
        frames = io.BytesIO(frame(FILE, "a") + frame(FILE, "a/b"))
        answer = serve(frames, tree)
        assert (answer["path"], answer["strerror"]) == ("a/b", "File exists")

    @pytest.mark.parametrize("kept", [0, 5, FRAME.size, FRAME.size + 3])
    def test_gives_up_when_the_parent_goes_away(self, tree: Tree, kept: int) -> None:
        with pytest.raises(EOFError):
            serve(io.BytesIO(frame(FILE, "a", b"content")[:kept]), tree)


class TestMain:
    def run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: bytes) -> tuple[int, Path]:
        (tmp_path / "frames").write_bytes(frames)
        (tmp_path / "root").mkdir()
        with open(tmp_path / "frames") as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            return main([str(tmp_path / "root"), str(TIME)]), tmp_path / "root"

    def test_is_what_the_script_does(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.argv", ["writer.py", str(tmp_path), str(TIME)])
        with open("/dev/null") as stdin, pytest.raises(SystemExit) as caught:
            monkeypatch.setattr("sys.stdin", stdin)
            runpy.run_path(writer.__file__, run_name="__main__")
        assert caught.value.code == 1

    def test_writes_and_answers(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, root = self.run(tmp_path, monkeypatch, frame(FILE, "a", b"b") + frame(SEAL))
        assert (code, json.loads(capsys.readouterr().out)) == (0, {})
        assert (root / "a").read_bytes() == b"b"

    def test_says_nothing_when_the_parent_is_gone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(tmp_path, monkeypatch, frame(FILE, "a", b"b"))[0] == 1
        assert capsys.readouterr().out == ""


def test_a_frame_has_no_room_for_padding() -> None:
    assert FRAME.size == struct.calcsize("!c") + 1 + 4 + 8
