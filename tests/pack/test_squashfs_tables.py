"""What an image says about itself is believed only as far as it can be checked."""

from __future__ import annotations

import contextlib
import io
import lzma
import random
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.pack.limits import MIB, Limits
from jupyter_envguard.pack.squashfs import SquashfsContainer
from jupyter_envguard.pack.squashfs_tables import FOLDER, NONE, SUPER, Inode, Tables, read_super, unpacker
from jupyter_envguard.pack.streams import Source

pytestmark = pytest.mark.skipif(not shutil.which("mksquashfs"), reason="needs squashfs-tools")

FIELDS = {
    name: index
    for index, name in enumerate(
        [
            *("magic", "inodes", "mtime", "block", "fragments", "compression", "log", "flags", "ids"),
            *("major", "minor", "root", "end", "id_table", "xattrs", "inode_table", "folder_table"),
            *("fragment_table", "exports"),
        ]
    )
}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    place = tmp_path_factory.mktemp("squash") / "tree"
    (place / "folder").mkdir(parents=True)
    (place / "folder" / "file").write_bytes(b"x" * 5000)
    (place / "link").symlink_to("folder")
    (place / "small").write_bytes(b"content of a fragment")
    command = ["mksquashfs", place, place.with_suffix(".s"), "-quiet", "-no-progress", "-b", "4K"]
    subprocess.run([*command, "-noI", "-noD", "-noF"], check=True, stdout=subprocess.DEVNULL)
    return place.with_suffix(".s").read_bytes()


@pytest.fixture
def code_of(image: bytes, tmp_path: Path) -> Callable[..., str]:
    def change(**fields: int) -> str:
        values = list(SUPER.unpack_from(image))
        for name, value in fields.items():
            values[FIELDS[name]] = value
        return refusal(SUPER.pack(*values) + image[SUPER.size :], tmp_path)

    return change


def read_all(data: bytes, folder: Path) -> None:
    (folder / "changed").write_bytes(data)
    source = Source(folder / "changed")
    try:
        for _, content in SquashfsContainer(source, Limits()).entries():
            for _ in content:
                pass
    finally:
        source.close()


def refusal(data: bytes, folder: Path) -> str:
    with pytest.raises(PackRefused) as caught:
        read_all(data, folder)
    return caught.value.code


Code = Callable[..., str]


class TestSuper:
    def test_reads_it(self, image: bytes, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(image)
        source = Source(tmp_path / "a")
        found = read_super(source, Limits())
        assert (found.block_size, found.compression, found.fragments) == (4096, 1, 1)
        source.close()

    @pytest.mark.parametrize(
        "fields",
        [
            {"major": 3},
            {"minor": 1},
            {"block": 5000},
            {"block": 2048, "log": 11},
            {"block": 2 << 20, "log": 21},
            {"block": 8192},
            {"inode_table": 1},
            {"inode_table": 1 << 60},
            {"folder_table": 1 << 60},
            {"folder_table": 96},
            {"root": 1 << 40},
            {"root": 0xFFFF},
            {"root": 1 << 16},
            {"fragment_table": 1 << 60},
            {"fragments": 0},
            {"fragments": 1 << 31},
            {"ids": 0},
        ],
    )
    def test_refuses_one_that_lies(self, fields: dict[str, int], code_of: Code) -> None:
        assert code_of(**fields) == "pack-squashfs-invalid"

    def test_refuses_too_many_inodes(self, code_of: Code) -> None:
        assert code_of(inodes=1 << 30) == "pack-too-many-entries"

    def test_refuses_an_image_that_is_longer_than_its_file(self, code_of: Code) -> None:
        assert code_of(end=1 << 30) == "pack-truncated"

    def test_refuses_a_file_that_is_longer_than_its_image(
        self, image: bytes, code_of: Code, tmp_path: Path
    ) -> None:
        assert refusal(image + b"x", tmp_path) == "pack-trailing-data"
        assert refusal(image + bytes(2 << 20), tmp_path) == "pack-trailing-data"

    def test_refuses_half_a_super_block(self, image: bytes, tmp_path: Path) -> None:
        assert refusal(image[:50], tmp_path) == "pack-truncated"

    def test_refuses_unknown_compressions(self, code_of: Code) -> None:
        assert code_of(compression=99) == "pack-compression-unsupported"


class TestUnpacker:
    @pytest.mark.parametrize("number", [1, 4, 6])
    def test_unpacks_no_more_than_it_may(self, number: int) -> None:
        pack = {1: zlib.compress, 4: lzma.compress, 6: zstandard.ZstdCompressor().compress}[number]
        unpack = unpacker(number, Limits())
        assert unpack(pack(b"x" * 100), 100) == b"x" * 100
        for data in (pack(b"x" * 101), pack(bytes(100 * MIB)), pack(b"x" * 100)[:-3], b"noise" * 5, b""):
            with pytest.raises(PackRefused) as caught:
                unpack(data, 100)
            assert caught.value.code == "pack-corrupt"

    def test_zstd_without_a_stated_size(self) -> None:
        out = io.BytesIO()
        with zstandard.ZstdCompressor(write_content_size=False).stream_writer(out, closefd=False) as writer:
            writer.write(b"x" * 100)
        unpack = unpacker(6, Limits())
        assert unpack(out.getvalue(), 100) == b"x" * 100
        with pytest.raises(PackRefused):
            unpack(out.getvalue(), 99)

    def test_zstd_that_states_a_huge_size_allocates_nothing(self) -> None:
        huge = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 1 << 60) + b"\x01\x00\x00"
        with pytest.raises(PackRefused, match="larger than the image allows"):
            unpacker(6, Limits())(huge, 100)


def tables(image: bytes, folder: Path) -> Tables:
    (folder / "image").write_bytes(image)
    return Tables(Source(folder / "image"), Limits())


class TestListings:
    """Folders that point at the wrong inodes: the listings of the image can be edited too."""

    def entry(self, image: bytes, name: bytes) -> int:
        """Return where the entry called `name` lies in a listing."""
        return image.index(struct.pack("<H", len(name) - 1) + name) - 6

    def changed(self, image: bytes, name: bytes, offset: int, higher: int, kind: int) -> bytes:
        """Return the image with another inode behind `name`, whose number is so much higher."""
        at = self.entry(image, name)
        difference = int.from_bytes(image[at + 2 : at + 4], "little", signed=True) + higher
        return image[:at] + struct.pack("<HhH", offset, difference, kind) + image[at + 6 :]

    def test_refuses_a_folder_in_itself(self, image: bytes, tmp_path: Path) -> None:
        found = tables(image, tmp_path)
        root = found.inode(found.super.root)
        folder = next(inode for name, _, inode in found.listing(root) if name == b"folder")
        higher = root.number - folder.number
        changed = self.changed(image, b"folder", found.super.root & 0xFFFF, higher, FOLDER)
        with pytest.raises(PackRefused, match="found twice"):
            read_all(changed, tmp_path)

    def test_refuses_a_root_that_is_no_folder(self, image: bytes, code_of: Code, tmp_path: Path) -> None:
        found = tables(image, tmp_path)
        root = found.inode(found.super.root)
        files = [reference for name, reference, _ in found.listing(root) if name == b"small"]
        assert code_of(root=files[0]) == "pack-squashfs-invalid"

    def test_refuses_two_files_with_one_number(self, image: bytes, tmp_path: Path) -> None:
        found = tables(image, tmp_path)
        root = found.inode(found.super.root)
        inodes = {name: (reference, inode) for name, reference, inode in found.listing(root)}
        inner = next(inode for _, _, inode in found.listing(inodes[b"folder"][1]))
        offset = inodes[b"small"][0] & 0xFFFF
        at = SUPER.unpack_from(image)[FIELDS["inode_table"]] + 2 + offset
        changed = image[: at + 12] + struct.pack("<I", inner.number) + image[at + 16 :]
        changed = self.changed(changed, b"small", offset, inner.number - inodes[b"small"][1].number, 2)
        with pytest.raises(PackRefused, match="one number and two inodes"):
            read_all(changed, tmp_path)


def test_refuses_metadata_of_impossible_sizes(image: bytes, tmp_path: Path) -> None:
    at = SUPER.unpack_from(image)[FIELDS["inode_table"]]
    for header in (0x8000, 0xFFFF, 0x0000, 0x2001):
        changed = image[:at] + header.to_bytes(2, "little") + image[at + 2 :]
        assert refusal(changed, tmp_path) == "pack-squashfs-invalid"


def test_refuses_a_listing_that_is_longer_than_stated(image: bytes, tmp_path: Path) -> None:
    found = tables(image, tmp_path)
    root = found.inode(found.super.root)
    short = Inode(FOLDER, root.mode, root.mtime, root.number, root.size - 1, root.start)
    with pytest.raises(PackRefused, match="longer than stated"):
        list(found.listing(short))
    assert list(found.listing(Inode(FOLDER, 0, 0, 0, 3, root.start))) == []
    assert list(found.listing(Inode(FOLDER, 0, 0, 0, 0, root.start))) == []


def test_refuses_a_fragment_that_does_not_exist(image: bytes, tmp_path: Path) -> None:
    found = tables(image, tmp_path)
    assert found.fragment(0)[1] & 0xFFFFFF == len(b"content of a fragment")
    for index in (1, NONE):
        with pytest.raises(PackRefused, match="does not exist"):
            found.fragment(index)


class TestInodes:
    """Inodes that lie: the inode table of the image is not compressed, so it can be edited."""

    def change(self, image: bytes, old: bytes, new: bytes, folder: Path) -> str:
        start = SUPER.unpack_from(image)[FIELDS["inode_table"]]
        at = image.index(old, start)
        return refusal(image[:at] + new + image[at + len(old) :], folder)

    def test_refuses_unknown_types(self, image: bytes, tmp_path: Path) -> None:
        symlink = struct.pack("<HH", 3, 0o777)
        for kind in (0, 15, 999):
            assert (
                self.change(image, symlink, struct.pack("<HH", kind, 0o777), tmp_path)
                == "pack-squashfs-invalid"
            )

    def test_refuses_another_type_than_the_folder_says(self, image: bytes, tmp_path: Path) -> None:
        assert (
            self.change(image, struct.pack("<HH", 3, 0o777), struct.pack("<HH", 6, 0o777), tmp_path)
            == "pack-squashfs-invalid"
        )

    def test_refuses_a_file_of_impossible_size(self, image: bytes, tmp_path: Path) -> None:
        assert (
            self.change(image, struct.pack("<I", 5000), struct.pack("<I", 0xFFFFFFFF), tmp_path)
            == "pack-bomb"
        )


def test_noise_is_refused_and_nothing_worse(image: bytes, tmp_path: Path) -> None:
    chance = random.Random(1)
    for _ in range(300):
        data = bytearray(image)
        for _ in range(chance.randint(1, 5)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with contextlib.suppress(PackRefused):
            read_all(bytes(data), tmp_path)
