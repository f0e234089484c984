"""Every hostile member is refused with its own code, in every container, and nothing is written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.pack import Limits, open_pack
from tests.containers import Item
from tests.hostile import HOSTILE
from tests.packs import SITE_PACKAGES, PackBuilder

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
EFFECTS = ("os.", "subprocess.", "shutil.", "tempfile.")
HARMLESS = frozenset({"os.listdir", "os.scandir", "os.walk", "os.fwalk"})


class Watch:
    """What the interpreter does to the machine while it is on."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[tuple[str, object]] = []
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.on:
            return
        if event == "open" and len(arguments) > 2 and isinstance(arguments[2], int) and arguments[2] & WRITES:
            self.seen.append((event, arguments[0]))
        elif event in ("exec", "compile") or (event.startswith(EFFECTS) and event not in HARMLESS):
            self.seen.append((event, arguments))


@pytest.fixture(scope="session")
def the_watch() -> Watch:
    return Watch()


@pytest.fixture
def watch(the_watch: Watch) -> Iterator[Watch]:
    the_watch.seen = []
    yield the_watch
    the_watch.on = False


def refused(path: Path, watch: Watch, limits: Limits | None = None) -> PackRefused:
    """Return the refusal of the pack at `path`, having made sure that it had no effect."""
    before = {p: p.lstat().st_mtime_ns for p in path.parent.rglob("*")}
    watch.on = True
    with pytest.raises(PackRefused) as caught, open_pack(path, limits or Limits()) as pack:
        pack.inventory()
    watch.on = False
    assert watch.seen == []
    assert {p: p.lstat().st_mtime_ns for p in path.parent.rglob("*")} == before
    return caught.value


def spoiled(items: list[Item]) -> PackBuilder:
    pack = PackBuilder.honest()
    pack.items += items
    return pack


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "zip"])
@pytest.mark.parametrize("name", HOSTILE)
def test_refuses_hostile_members(name: str, suffix: str, tmp_path: Path, watch: Watch) -> None:
    code, items = HOSTILE[name]
    error = refused(spoiled(items).write(tmp_path, suffix), watch)
    assert error.code == code
    assert error.hint
    assert error.message.isprintable()
    assert len(error.message) < 500


@pytest.mark.parametrize("suffix", ["tar", "zip"])
def test_there_are_enough_kinds_of_them(suffix: str) -> None:
    assert len(HOSTILE) >= 24
    assert len({code for code, _ in HOSTILE.values()}) >= 18


HARDLINKS = {
    "out of the tree": ("pack-name-dotdot", "../../etc/passwd"),
    "to an absolute path": ("pack-name-absolute", "/etc/passwd"),
    "to nothing": ("pack-hardlink-target", "nothing"),
    "to itself": ("pack-hardlink-target", "a"),
    "to a folder": ("pack-hardlink-target", "folder"),
    "to a symbolic link": ("pack-hardlink-target", "bin/python"),
    "to a later file": ("pack-hardlink-target", "later"),
    "through a symbolic link": ("pack-hardlink-target", "to-lib/libssl.so.3"),
}


@pytest.mark.parametrize("name", HARDLINKS)
def test_refuses_hard_links(name: str, tmp_path: Path, watch: Watch) -> None:
    code, target = HARDLINKS[name]
    pack = PackBuilder.honest().directory("folder").symlink("to-lib", "lib").hardlink("a", target)
    assert refused(pack.file("later").write(tmp_path, "tar"), watch).code == code


LIMITS = {
    "members": ("pack-too-many-entries", Limits(entries=5)),
    "bytes": ("pack-too-large", Limits(unpacked_bytes=100)),
    "ratio": ("pack-bomb", Limits(ratio=0, ratio_free_bytes=100)),
    "bytes of a name": ("pack-name-too-long", Limits(name_bytes=8)),
    "bytes of a path": ("pack-path-too-long", Limits(path_bytes=8)),
    "depth": ("pack-too-deep", Limits(depth=2)),
    "bytes of a link": ("pack-link-too-long", Limits(link_bytes=4)),
    "bytes of links": ("pack-link-too-long", Limits(links_bytes=12)),
    "records": ("pack-too-many-records", Limits(records=1)),
    "bytes of a record": ("pack-record-too-large", Limits(record_bytes=10)),
    "values of a record": ("pack-record-too-large", Limits(record_values=10)),
    "bytes of records": ("pack-record-too-large", Limits(records_bytes=10)),
    "bytes of a text": ("pack-text-too-large", Limits(text_bytes=10)),
    "bytes of texts": ("pack-text-too-large", Limits(texts_bytes=10)),
    "bytes of the script": ("pack-record-too-large", Limits(unpack_script_bytes=10)),
    "nesting": ("pack-record-invalid", Limits(json_depth=2)),
}


@pytest.mark.parametrize("suffix", ["tar.zst", "zip", "squashfs"])
@pytest.mark.parametrize("name", LIMITS)
def test_keeps_every_limit(name: str, suffix: str, tmp_path: Path, watch: Watch) -> None:
    code, limits = LIMITS[name]
    assert refused(PackBuilder.honest().write(tmp_path, suffix), watch, limits).code == code


RECORDS: dict[str, tuple[str, bytes]] = {
    "not JSON": ("pack-record-invalid", b"{"),
    "not an object": ("pack-record-invalid", b"[]"),
    "not UTF-8": ("pack-record-invalid", b'{"name": "\xff"}'),
    "a key twice": ("pack-record-invalid", b'{"name": "x", "version": "1", "name": "y"}'),
    "a float": ("pack-record-invalid", b'{"name": "x", "version": "1", "size": 1.5}'),
    "not a number": ("pack-record-invalid", b'{"name": "x", "version": "1", "size": NaN}'),
    "a huge number": ("pack-record-invalid", b'{"name": "x", "version": "1", "size": ' + b"9" * 5000 + b"}"),
    "a negative size": ("pack-record-invalid", b'{"name": "x", "version": "1", "size": -1}'),
    "nesting without end": ("pack-record-invalid", b"[" * 100_000),
    "nesting with an end": ("pack-record-invalid", b'{"a": ' * 100_000 + b"1" + b"}" * 100_000),
    "a million values": ("pack-record-too-large", b"[" + b"0," * 1_000_000 + b"0]"),
    "no name": ("pack-record-invalid", b'{"version": "1"}'),
    "no version": ("pack-record-invalid", b'{"name": "x"}'),
    "a name of another type": ("pack-record-invalid", b'{"name": ["x"], "version": "1"}'),
    "files of another type": ("pack-record-invalid", b'{"name": "x", "version": "1", "files": [1]}'),
    "paths of another type": ("pack-record-invalid", b'{"name": "x", "version": "1", "paths_data": []}'),
    "a file that climbs": ("pack-record-invalid", b'{"name": "x", "version": "1", "files": ["../../x"]}'),
    "a hash that is none": ("pack-record-invalid", b'{"name": "x", "version": "1", "sha256": "abc"}'),
    "a relative prefix": (
        "pack-record-invalid",
        b'{"name": "x", "version": "1", "paths_data": {"paths": '
        b'[{"_path": "a", "prefix_placeholder": "b", "file_mode": "text"}]}}',
    ),
}


@pytest.mark.parametrize("suffix", ["tar.gz", "zip"])
@pytest.mark.parametrize("name", RECORDS)
def test_refuses_records(name: str, suffix: str, tmp_path: Path, watch: Watch) -> None:
    code, content = RECORDS[name]
    pack = PackBuilder.honest().file("conda-meta/x-1-0.json", content)
    assert refused(pack.write(tmp_path, suffix), watch).code == code


METADATA = {
    "not UTF-8": ("pack-metadata-invalid", "METADATA", b"Name: \xff"),
    "no name": ("pack-metadata-invalid", "METADATA", b"Version: 1\n\nName: x"),
    "no version": ("pack-metadata-invalid", "METADATA", b"Name: x\n"),
    "an address that is not JSON": ("pack-record-invalid", "direct_url.json", b"{"),
}


@pytest.mark.parametrize("name", METADATA)
def test_refuses_metadata_of_distributions(name: str, tmp_path: Path, watch: Watch) -> None:
    code, filename, content = METADATA[name]
    path = f"{SITE_PACKAGES}/x-1.dist-info/{filename}"
    pack = PackBuilder.honest().dist_info("x", "1").without(path).file(path, content)
    assert refused(pack.write(tmp_path), watch).code == code


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "zip", "squashfs"])
class TestWhole:
    def test_refuses_a_pack_without_records(self, suffix: str, tmp_path: Path, watch: Watch) -> None:
        error = refused(PackBuilder(Item(b"a")).write(tmp_path, suffix), watch)
        assert error.code == "pack-no-conda-meta"
        assert "conda-pack" in error.hint

    def test_says_how_to_pack_when_all_lies_in_one_folder(
        self, suffix: str, tmp_path: Path, watch: Watch
    ) -> None:
        pack = PackBuilder(Item(b"env/conda-meta/x-1-0.json", content=b"{}"), Item(b"env/a"))
        pack.has_script = False
        error = refused(pack.write(tmp_path, suffix), watch)
        assert error.code == "pack-no-conda-meta"
        assert "--arcroot" in error.hint


@pytest.mark.parametrize("suffix", ["tar.gz", "zip", "squashfs"])
def test_refuses_an_empty_pack(suffix: str, tmp_path: Path, watch: Watch) -> None:
    pack = PackBuilder()
    pack.has_script = False
    (tmp_path / "pack.tree").mkdir()
    assert refused(pack.write(tmp_path, suffix), watch).code == "pack-empty"
