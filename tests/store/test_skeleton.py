"""The file of names, read by the kernel of this machine, which is the only judge of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_envguard.image import Line, Manifest, verify
from jupyter_envguard.spec import sha256_digest
from jupyter_envguard.store import mounts, skeleton
from jupyter_envguard.store.skeleton import BLOCK, Content, Elsewhere, write_skeleton
from jupyter_envguard.store.tiers import TIERS
from tests.images import plain, sealed

needs_erofs = pytest.mark.skipif(bool(TIERS["overlay"].obstacle()), reason=TIERS["overlay"].obstacle())
MANY = 700
"""Names of which a folder has several blocks."""


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "at"
    folder.mkdir()
    yield folder
    while mounts.mount_at(folder):
        mounts.unmount(folder)


def file_line(path: str, content: bytes) -> Line:
    return Line(path, "f", "r", len(content), sha256_digest(content)[7:])


def manifest_of(tmp_path: Path, *lines: Line) -> Manifest:
    """Return a manifest of these lines, and of the folders that they need."""
    folders = {str(parent) for line in lines for parent in Path(line.path).parents} - {"."}
    all_lines = [*lines, *(Line(folder, "d", "x", 0, "") for folder in folders)]
    header = sealed(plain(), tmp_path / "pack")[1].header
    return Manifest(header, tuple(sorted(all_lines, key=lambda line: line.path)))


def shown(
    manifest: Manifest, contents: dict[str, bytes], tmp_path: Path, at: Path, owner: tuple[int, int] = (0, 0)
) -> None:
    """Write the file and mount it."""
    target = tmp_path / "names"
    target.unlink(missing_ok=True)
    write_skeleton(manifest, owner, lambda line: contents[line.path], target)
    mounts.mount(str(target), at, "erofs")


@needs_erofs
class TestTheKernelReads:
    @pytest.mark.parametrize("size", [0, 1, 31, 4000, 4031, 4032, 4033, 4064, 4096, 4097, 8192, 12345])
    def test_contents_of_every_size(self, tmp_path: Path, at: Path, size: int) -> None:
        content = os.urandom(size)
        contents = {"a/one": content, "a/two": content[:-1], "b": content}
        manifest = manifest_of(tmp_path, *(file_line(path, inside) for path, inside in contents.items()))
        shown(manifest, contents, tmp_path, at)
        assert verify(at, manifest, owner=0) == ()

    def test_folders_with_many_names(self, tmp_path: Path, at: Path) -> None:
        contents = {f"{folder}/{'n' * (i % 200)}{i}": b"%d" % i for folder in "ab" for i in range(MANY)}
        contents |= {f"{name}first": b"!" for name in ("!", "+", "-", "~")}
        manifest = manifest_of(tmp_path, *(file_line(path, inside) for path, inside in contents.items()))
        shown(manifest, contents, tmp_path, at)
        assert verify(at, manifest, owner=0) == ()

    @pytest.mark.parametrize("target", ["x", "x" * 300, "x/" * 2000])
    def test_links(self, tmp_path: Path, at: Path, target: str) -> None:
        manifest = manifest_of(tmp_path, Line("deep/link", "l", "r", 0, target))
        shown(manifest, {}, tmp_path, at)
        assert verify(at, manifest, owner=0) == ()

    def test_owners_with_large_numbers(self, tmp_path: Path, at: Path) -> None:
        contents = {"a": b"x" * 5000, "b/c": b"y"}
        manifest = manifest_of(tmp_path, *(file_line(path, inside) for path, inside in contents.items()))
        shown(manifest, contents, tmp_path, at, (100_000, 200_000))
        assert verify(at, manifest, owner=100_000) == ()
        assert (at / "b/c").stat().st_gid == 200_000

    def test_times_and_links_of_folders(self, tmp_path: Path, at: Path) -> None:
        manifest = manifest_of(tmp_path, file_line("a/b/c", b"1"), file_line("a/d/e", b"2"))
        for owner in ((0, 0), (100_000, 0)):
            shown(manifest, {"a/b/c": b"1", "a/d/e": b"2"}, tmp_path, at, owner)
            assert (at / "a").stat().st_mtime == manifest.header.seal.mtime
            assert (at / "a").stat().st_nlink == 4
            mounts.unmount(at)

    def test_a_hole_of_any_size(self, tmp_path: Path, at: Path) -> None:
        sizes = (1024, 4096, 4097, 10**9, 5 * 2**30)
        lines = [Line(f"f{size}", "f", "x", size, "0" * 64) for size in sizes]
        manifest = manifest_of(tmp_path, *lines)
        target = tmp_path / "names"
        write_skeleton(manifest, (0, 0), lambda line: Elsewhere(f"/00/{line.content}"), target)
        mounts.mount(str(target), at, "erofs")
        for size in sizes:
            file = at / f"f{size}"
            assert file.stat().st_size == size
            assert os.getxattr(file, "trusted.overlay.metacopy") == b""
            assert os.getxattr(file, "trusted.overlay.redirect") == b"/00/" + b"0" * 64
            with file.open("rb") as opened:
                assert opened.read(1024) == bytes(1024)
        assert target.stat().st_size < 3 * BLOCK

    @settings(max_examples=25)
    @given(
        contents=st.dictionaries(
            st.lists(st.text("abñ.-_+ ", min_size=1, max_size=40), min_size=1, max_size=3)
            .map("/".join)
            .filter(lambda path: not {".", ".."} & set(path.split("/"))),
            st.binary(max_size=200).map(lambda content: content * 30),
            max_size=12,
        )
    )
    def test_any_tree(self, tmp_path_factory: pytest.TempPathFactory, contents: dict[str, bytes]) -> None:
        tmp_path = tmp_path_factory.mktemp("any")
        at = tmp_path / "at"
        at.mkdir()
        folders = {str(parent) for path in contents for parent in Path(path).parents}
        files = {path: inside for path, inside in contents.items() if path not in folders}
        manifest = manifest_of(tmp_path, *(file_line(path, inside) for path, inside in files.items()))
        shown(manifest, files, tmp_path, at)
        try:
            assert verify(at, manifest, owner=0) == ()
        finally:
            mounts.unmount(at)


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, file_line("a", b"1"), Line("b", "l", "r", 0, "a"))
    for name in ("one", "two"):
        write_skeleton(manifest, (0, 0), lambda _: b"1", tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_existing_file_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "names").touch()
    with pytest.raises(FileExistsError):
        write_skeleton(manifest_of(tmp_path), (0, 0), _no_content, tmp_path / "names")


def _no_content(line: Line) -> Content:
    raise AssertionError(line)


def test_inodes_lie_where_the_format_wants_them() -> None:
    assert (skeleton._SUPER.size, skeleton._COMPACT.size, skeleton._EXTENDED.size) == (128, 32, 64)
