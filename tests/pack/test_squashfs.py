"""Squashfs images are read as unsquashfs reads them, and only when they are sound."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import Kind, Member
from jupyter_envguard.pack.limits import Limits
from jupyter_envguard.pack.squashfs import SquashfsContainer
from jupyter_envguard.pack.streams import Source

pytestmark = pytest.mark.skipif(not shutil.which("mksquashfs"), reason="needs squashfs-tools")

UNCOMPRESSED = ("-noI", "-noId", "-noD", "-noF", "-noX")
COMPRESSIONS = {
    "gzip": ("-comp", "gzip"),
    "xz": ("-comp", "xz"),
    "zstd": ("-comp", "zstd", "-b", "256K"),
    "none": UNCOMPRESSED,
    "small blocks": ("-b", "4K"),
    "large blocks": ("-b", "1M"),
    "no fragments": ("-no-fragments",),
    "fragments for all": ("-always-use-fragments",),
    "no duplicates": ("-no-duplicates",),
    "no padding": ("-nopad",),
}


def squash(tree: Path, *options: str) -> Path:
    path = tree.with_suffix(".squashfs")
    path.unlink(missing_ok=True)
    command = ["mksquashfs", tree, path, "-noappend", "-quiet", "-no-progress", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def read(path: Path, limits: Limits | None = None) -> list[tuple[Member, bytes]]:
    source = Source(path)
    try:
        container = SquashfsContainer(source, limits or Limits())
        return [(member, b"".join(content)) for member, content in container.entries()]
    finally:
        source.close()


def code_of(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(PackRefused) as caught:
        read(path, limits)
    return caught.value.code


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    place = tmp_path / "tree"
    (place / "folder" / "deep").mkdir(parents=True)
    (place / "empty-folder").mkdir(mode=0o700)
    sizes = (0, 1, 511, 4096, 4097, 128 << 10, (128 << 10) + 1, 300_000, (1 << 20) + 5)
    for size in sizes:
        (place / "folder" / f"noise-{size}").write_bytes(hashlib.shake_256(b"%d" % size).digest(size))
        (place / "folder" / f"zeros-{size}").write_bytes(bytes(size))
    (place / "folder" / "same").write_bytes((place / "folder" / "noise-300000").read_bytes())
    (place / "folder" / "deep" / "é").write_text("composed")
    (place / "folder" / "program").write_bytes(b"#!/bin/sh\n")
    (place / "folder" / "program").chmod(0o755)
    (place / "a-link").symlink_to("folder/program")
    (place / "hard").hardlink_to(place / "folder" / "noise-300000")
    for n in range(600):
        (place / "folder" / "deep" / f"{n:04}").write_bytes(b"%d" % n)
    return place


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_reads_what_mksquashfs_writes(name: str, tree: Path) -> None:
    found = read(squash(tree, *COMPRESSIONS[name]))
    paths = {path.relative_to(tree).as_posix(): path for path in tree.rglob("*")}
    assert {member.path for member, _ in found} == paths.keys()
    first: dict[str, str] = {}
    for member, content in found:
        path, status = paths[member.path], paths[member.path].lstat()
        assert member.mtime == int(status.st_mtime)
        assert member.mode == status.st_mode & 0o777
        match member.kind:
            case Kind.DIRECTORY:
                assert path.is_dir()
            case Kind.SYMLINK:
                assert member.target == os.readlink(path)
            case Kind.FILE:
                assert content == path.read_bytes()
                assert member.size == len(content)
                first[member.path] = member.path
            case Kind.HARDLINK:
                assert path.samefile(tree / first[member.target])
    kinds = [member.kind for member, _ in found]
    assert kinds.count(Kind.HARDLINK) == 1


def test_says_how_much_was_read_though_nobody_wanted_it(tree: Path) -> None:
    source = Source(squash(tree))
    container = SquashfsContainer(source, Limits())
    members = [member for member, _ in container.entries()]
    assert len(members) > 600
    assert 0 < container.consumed <= source.size
    source.close()


def test_parents_come_before_what_is_in_them(tree: Path) -> None:
    seen = {""}
    for member, _ in read(squash(tree)):
        assert member.path.rpartition("/")[0] in seen
        seen.add(member.path)


def test_reads_extended_inodes(tree: Path) -> None:
    for place in (tree / "folder" / "program", tree / "folder"):
        os.setxattr(place, "user.note", b"ignored")
    found = {member.path: content for member, content in read(squash(tree))}
    assert found["folder/program"] == b"#!/bin/sh\n"


@pytest.mark.parametrize("compression", ["lzo", "lz4", "lzma"])
def test_says_which_compressions_are_not_read(compression: str, tree: Path) -> None:
    path = squash(tree, "-comp", compression)
    with pytest.raises(PackRefused, match=compression) as caught:
        read(path)
    assert caught.value.code == "pack-compression-unsupported"


class TestHostileFiles:
    def test_refuses_pipes_sockets_and_devices(self, tree: Path) -> None:
        makers: dict[str, Callable[[str], None]] = {"fifo": os.mkfifo, "socket": _socket}
        if os.geteuid() == 0:
            makers["character device"] = lambda place: os.mknod(place, 0o020644, os.makedev(1, 3))
            makers["block device"] = lambda place: os.mknod(place, 0o060644, os.makedev(7, 0))
        for name, make in makers.items():
            make(f"{tree}/special")
            with pytest.raises(PackRefused, match=name) as caught:
                read(squash(tree))
            assert caught.value.code == "pack-special-file"
            (tree / "special").unlink()

    @pytest.mark.parametrize("mode", [0o4755, 0o2755])
    def test_refuses_setuid(self, mode: int, tree: Path) -> None:
        (tree / "a").touch()
        (tree / "a").chmod(mode)
        assert code_of(squash(tree)) == "pack-setuid"

    @pytest.mark.parametrize(
        ("name", "code"),
        [
            (b"new\nline", "pack-name-control"),
            ("bidi\u202e".encode(), "pack-name-control"),
            (b"\xff", "pack-name-not-utf8"),
            ("e\u0301".encode(), "pack-name-not-nfc"),
        ],
    )
    def test_refuses_names(self, name: bytes, code: str, tree: Path) -> None:
        Path(os.fsdecode(os.fsencode(tree) + b"/" + name)).touch()
        assert code_of(squash(tree)) == code

    def test_bounds_members_while_it_walks(self, tmp_path: Path) -> None:
        place = tmp_path / "links"
        place.mkdir()
        (place / "file").touch()
        for n in range(20):
            (place / f"link{n}").hardlink_to(place / "file")
        path = squash(place)
        assert len(read(path, Limits(entries=21))) == 21
        assert code_of(path, Limits(entries=20)) == "pack-too-many-entries"

    def test_bounds_links(self, tree: Path) -> None:
        assert code_of(squash(tree), Limits(link_bytes=3)) == "pack-link-too-long"

    def test_a_block_of_zeros_is_not_stored(self, tree: Path) -> None:
        with open(tree / "sparse", "wb") as file:
            file.truncate(10 << 20)
        content = {member.path: content for member, content in read(squash(tree))}["sparse"]
        assert content == bytes(10 << 20)


def _socket(place: str) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        folder = os.open(os.path.dirname(place), os.O_RDONLY)
        server.bind(f"/proc/self/fd/{folder}/{os.path.basename(place)}")
        os.close(folder)


@pytest.fixture
def image(tmp_path: Path) -> bytearray:
    """An image without compression, so that every byte of it can be found and changed."""
    place = tmp_path / "plain"
    (place / "AAAAAA").mkdir(parents=True)
    (place / "AAAAAA" / "CCCCCC").write_bytes(b"content of a file")
    (place / "BBBBBB").write_bytes(b"x" * 5000)
    (place / "DDDDDD").symlink_to("EEEEEE")
    return bytearray(squash(place, *UNCOMPRESSED, "-b", "4K", "-nopad").read_bytes())


@pytest.fixture
def patched(image: bytearray, tmp_path: Path) -> Callable[[bytes, bytes], str]:
    def change(old: bytes, new: bytes) -> str:
        assert image.count(old) == 1
        (tmp_path / "patched").write_bytes(image.replace(old, new))
        return code_of(tmp_path / "patched")

    return change


Patched = Callable[[bytes, bytes], str]


class TestHostileImages:
    @pytest.mark.parametrize(
        ("name", "code"),
        [
            (b"../bad", "pack-squashfs-invalid"),
            (b"a/b/cc", "pack-squashfs-invalid"),
            (b"BB\0BBB", "pack-squashfs-invalid"),
            (b"\x1b[2JBB", "pack-name-control"),
        ],
    )
    def test_refuses_names_that_no_file_system_has(self, name: bytes, code: str, patched: Patched) -> None:
        assert patched(b"BBBBBB", name) == code

    @pytest.mark.parametrize(("size", "name"), [(0, b"."), (1, b"..")])
    def test_refuses_dots(self, size: int, name: bytes, image: bytearray, tmp_path: Path) -> None:
        place = tmp_path / "dots"
        place.mkdir()
        (place / ("x" * (size + 1))).touch()
        data = squash(place, *UNCOMPRESSED).read_bytes()
        old = size.to_bytes(2, "little") + b"x" * (size + 1)
        assert data.count(old) == 1
        (tmp_path / "patched").write_bytes(data.replace(old, size.to_bytes(2, "little") + name))
        assert code_of(tmp_path / "patched").startswith("pack-name-")

    def test_refuses_a_link_that_is_not_utf8(self, patched: Patched) -> None:
        assert patched(b"EEEEEE", b"EEE\xffEE") == "pack-name-not-utf8"

    def test_refuses_blocks_beyond_the_image(self, image: bytearray, tmp_path: Path) -> None:
        block = (4096 | 1 << 24).to_bytes(4, "little")
        assert image.count(block) == 1
        for value in (0x1FFFFFF, 0x0FFFFFF, 4097 | 1 << 24, 4095 | 1 << 24):
            (tmp_path / "patched").write_bytes(image.replace(block, value.to_bytes(4, "little")))
            assert code_of(tmp_path / "patched") in ("pack-squashfs-invalid", "pack-corrupt")

    def test_refuses_a_file_that_is_longer_than_its_fragment(self, patched: Patched) -> None:
        assert patched((17).to_bytes(4, "little"), (4000).to_bytes(4, "little")) == "pack-squashfs-invalid"
