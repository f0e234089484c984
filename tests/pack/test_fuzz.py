"""Random packs: what is accepted is extracted by others to the very same tree, and nothing crashes.

`ENVGUARD_FUZZ=10000 pytest tests/pack/test_fuzz.py` looks harder.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import stat
import subprocess
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import Inventory, Kind
from jupyter_envguard.pack import open_pack
from tests.containers import (
    FORMATS,
    Item,
    compress,
    pax_records,
    tar_archive,
    tar_header,
    tar_member,
    zip_archive,
)
from tests.packs import PackBuilder

CASES = int(os.environ.get("ENVGUARD_FUZZ", "200"))
THOROUGH = settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
RECORD = Item(b"conda-meta/x-1-0.json", content=b'{"name": "x", "version": "1"}')
PARTS = st.sampled_from(
    [
        "a",
        "b",
        "c",
        "lib",
        "é",
        "a b",
        "-x",
        "--to-command=id",
        "*",
        "~",
        "\\101",
        "a\\nb",
        "x" * 99,
        "y" * 120,
    ]
)
HOSTILE_PARTS = st.sampled_from(["..", ".", "", "\n", "\u202e", "e\u0301"])
NAMES = st.lists(st.one_of(PARTS, PARTS, PARTS, HOSTILE_PARTS), min_size=1, max_size=4).map("/".join)
CALM_NAMES = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
TARGETS = st.lists(st.one_of(PARTS, st.sampled_from(["..", ".", ""])), min_size=1, max_size=5).map("/".join)
MODES = st.sampled_from([0o644, 0o755, 0o600, 0o444, 0o777, 0o000, 0o4755])
CONTENT = st.one_of(
    st.binary(max_size=20), st.sampled_from([b"x" * 511, b"x" * 512, b"x" * 513, bytes(2000)])
)


def items(name: str, mode: int, content: bytes, target: str, kind: str) -> Item:
    raw, pointed = name.encode(), target.encode()
    match kind:
        case "file":
            return Item(raw, b"0", content, mode)
        case "folder":
            return Item(raw + b"/", b"5", mode=mode | 0o700)
        case "symlink":
            return Item(raw, b"2", mode=0o777, target=pointed)
        case "hardlink":
            return Item(raw, b"1", target=pointed)
        case _:
            return Item(raw, b"6")


KINDS = st.sampled_from(["file"] * 8 + ["folder"] * 3 + ["symlink"] * 4 + ["hardlink"] * 2 + ["fifo"])
MEMBERS = st.lists(
    st.one_of(
        st.builds(items, CALM_NAMES, MODES, CONTENT, st.one_of(TARGETS, CALM_NAMES), KINDS),
        st.builds(items, CALM_NAMES, MODES, CONTENT, st.one_of(TARGETS, CALM_NAMES), KINDS),
        st.builds(items, NAMES, MODES, CONTENT, TARGETS, KINDS),
    ),
    max_size=6,
)


def accepted(path: Path) -> Inventory | None:
    try:
        with open_pack(path) as pack:
            inventory = pack.inventory()
            for _, stream in pack.files():
                stream.read()
            return inventory
    except PackRefused:
        return None


def check_tree(root: Path, inventory: Inventory) -> None:
    """Compare everything that lies below `root` with what the inventory promises."""
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*")}
    implied = {parent for path in inventory.members for parent in _parents(path)}
    assert found.keys() == inventory.members.keys() | implied
    for name, member in inventory.members.items():
        path, status = found[name], found[name].lstat()
        match member.kind:
            case Kind.SYMLINK:
                assert os.readlink(path) == member.target
                assert os.path.realpath(path).startswith(os.path.realpath(root))
            case Kind.DIRECTORY:
                assert stat.S_ISDIR(status.st_mode)
                assert status.st_mode & 0o777 == member.mode
            case Kind.HARDLINK:
                assert path.samefile(found[member.target])
            case Kind.FILE:
                assert stat.S_ISREG(status.st_mode)
                assert status.st_mode & 0o7777 == member.mode
                assert hashlib.sha256(path.read_bytes()).hexdigest() == inventory.sha256[name]


def check_zip(path: Path, inventory: Inventory) -> None:
    """Compare what the standard library reads from a zip with what the inventory promises."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for info, member in zip(archive.infolist(), inventory.members.values(), strict=True):
            assert info.filename.removesuffix("/") == member.path
            assert info.is_dir() == (member.kind is Kind.DIRECTORY)
            content = archive.read(info)
            if member.kind is Kind.SYMLINK:
                assert content.decode() == member.target
            elif member.kind is Kind.FILE:
                assert hashlib.sha256(content).hexdigest() == inventory.sha256[member.path]


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]


@pytest.mark.skipif(os.geteuid() != 0, reason="files without permissions can only be read by root")
class TestDifferential:
    @THOROUGH
    @given(MEMBERS)
    def test_gnu_tar_extracts_what_is_accepted_to_the_same_tree(self, members: list[Item]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path, root = Path(folder, "a.tar"), Path(folder, "above", "root")
            path.write_bytes(tar_archive([RECORD, *members]))
            inventory = accepted(path)
            if inventory is None:
                return
            root.mkdir(parents=True)
            command = ["tar", "--no-same-owner", "-C", root, "-xf", path]
            done = subprocess.run(command, capture_output=True, check=True)
            assert done.stderr == b""
            check_tree(root, inventory)
            assert os.listdir(root.parent) == ["root"]

    @THOROUGH
    @given(MEMBERS)
    def test_zipfile_reads_what_is_accepted_in_the_same_way(self, members: list[Item]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "a.zip")
            path.write_bytes(zip_archive([RECORD, *(m for m in members if m.kind != b"1")]))
            inventory = accepted(path)
            if inventory is None:
                return
            check_zip(path, inventory)


HEADER = tar_header(b"name", size=3)
EDITS = st.lists(st.tuples(st.integers(0, 511), st.integers(0, 255)), min_size=1, max_size=4)


@THOROUGH
@given(EDITS, st.sampled_from([b"0", b"1", b"2", b"5", b"x", b"g", b"L", b"K"]))
def test_gnu_tar_agrees_about_edited_headers(edits: list[tuple[int, int]], kind: bytes) -> None:
    block = bytearray(
        tar_header(b"name", kind, size=3 if kind == b"0" else 0, target=b"conda-meta/x-1-0.json")
    )
    for at, value in edits:
        block[at] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    body = b"abc".ljust(512, b"\0") if kind == b"0" else b""
    with tempfile.TemporaryDirectory() as folder:
        path, root = Path(folder, "a.tar"), Path(folder, "root")
        path.write_bytes(tar_member(RECORD) + bytes(block) + body + tar_archive([Item(b"last")]))
        inventory = accepted(path)
        if inventory is None:
            return
        root.mkdir()
        subprocess.run(["tar", "--no-same-owner", "-C", root, "-xf", path], check=True, capture_output=True)
        check_tree(root, inventory)


PAX_KEYS = ["path", "linkpath", "size", "mtime", "uid", "gid", "uname", "atime", "comment", "hdrcharset"]
PAX_KEYS += ["SCHILY.xattr.user.x", "SCHILY.realsize", "GNU.sparse.size", "GNU.sparse.name", "LIBARCHIVE.x"]
PAX_VALUES = st.one_of(
    st.sampled_from(["", "0", "3", "4", "1.5", "-1", "1700000000.25", "9" * 18, "9" * 30, "a", "d/b"]),
    st.text(max_size=5),
)


@THOROUGH
@given(
    st.lists(st.dictionaries(st.sampled_from(PAX_KEYS), PAX_VALUES, max_size=3), max_size=2),
    st.sampled_from([b"0", b"2", b"5"]),
    st.sampled_from([b"x", b"x", b"x", b"g"]),
)
def test_gnu_tar_agrees_about_pax_records(records: list[dict[str, str]], kind: bytes, how: bytes) -> None:
    item = Item(b"name/" if kind == b"5" else b"name", kind, b"abc" if kind == b"0" else b"", 0o755, b"last")
    headers = b"".join(tar_member(Item(b"x", how, pax_records(r))) for r in records)
    with tempfile.TemporaryDirectory() as folder:
        path, root = Path(folder, "a.tar"), Path(folder, "root")
        path.write_bytes(tar_member(RECORD) + headers + tar_archive([item, Item(b"last")]))
        inventory = accepted(path)
        if inventory is None:
            return
        root.mkdir()
        subprocess.run(["tar", "--no-same-owner", "-C", root, "-xf", path], check=True, capture_output=True)
        check_tree(root, inventory)


def test_zipfile_agrees_about_edited_zips(tmp_path: Path) -> None:
    items = [RECORD, Item(b"d/", b"5"), Item(b"d/f", content=b"hello" * 30), Item(b"l", b"2", target=b"d/f")]
    archive, path, chance = zip_archive(items), tmp_path / "a.zip", random.Random(5)
    for _ in range(CASES):
        data = bytearray(archive)
        for _ in range(chance.choice([1, 1, 2])):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        inventory = accepted(path)
        if inventory is not None:
            check_zip(path, inventory)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("honest")
    pack = PackBuilder.honest().dist_info("x").file("noise", os.urandom(3000)).file("zeros", bytes(9000))
    return {suffix: pack.write(folder, suffix).read_bytes() for suffix in FORMATS}


@pytest.mark.parametrize("suffix", FORMATS)
def test_damage_anywhere_is_refused_or_harmless(
    suffix: str, honest: dict[str, bytes], tmp_path: Path
) -> None:
    chance = random.Random(suffix)
    path = tmp_path / "damaged"
    for _ in range(CASES):
        data = bytearray(honest[suffix])
        for _ in range(chance.choice([1, 1, 1, 2, 5, 50])):
            at = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    data[at] ^= 1 << chance.randrange(8)
                case 2:
                    data[at : at + chance.randrange(20)] = b""
                case 3:
                    data[at:at] = chance.choice([b"\0", b"\xff" * 4, bytes(512), data[:700]])
            data = data or bytearray(b"\0")
        path.write_bytes(data)
        accepted(path)


@pytest.mark.parametrize("suffix", ["tar.gz", "tar.zst", "tar.xz", "tar.bz2"])
def test_damage_before_compression_is_refused_or_harmless(suffix: str, tmp_path: Path) -> None:
    chance = random.Random(suffix)
    archive = tar_archive(PackBuilder.honest().finished())
    for _ in range(CASES // 4):
        data = bytearray(archive)
        data[chance.randrange(len(data))] = chance.randrange(256)
        (tmp_path / "damaged").write_bytes(compress(bytes(data), suffix))
        accepted(tmp_path / "damaged")


@pytest.mark.skipif(not shutil.which("unsquashfs"), reason="needs squashfs-tools")
def test_unsquashfs_extracts_what_is_accepted_to_the_same_tree(
    honest: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "a.squashfs"
    path.write_bytes(honest["squashfs"])
    inventory = accepted(path)
    assert inventory is not None
    command = ["unsquashfs", "-no-progress", "-quiet", "-dest", tmp_path / "root", path]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    check_tree(tmp_path / "root", inventory)
