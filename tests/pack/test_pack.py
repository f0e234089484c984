"""A pack is read twice, and the second time must find what the first time found."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from jupyter_envguard.errors import InvalidInput, NotFound, PackRefused
from jupyter_envguard.inventory import Kind
from jupyter_envguard.pack import Pack, open_pack
from jupyter_envguard.pack.streams import Source
from tests.containers import FORMATS, compress
from tests.packs import PackBuilder

CHANGED = ("pack-changed", "pack-truncated", "pack-trailing-data")


def changed(how: str) -> PackBuilder:
    pack = PackBuilder.honest()
    match how:
        case "content":
            return pack.file("a", b"b" * 100)
        case "another name":
            return pack.file("b", b"a" * 100)
        case "one more":
            return pack.file("a", b"a" * 100).file("z")
        case "another mode":
            return pack.file("a", b"a" * 100, mode=0o755)
        case _:
            return pack


def read_a_little(pack: Pack) -> None:
    for _, stream in pack.files():
        stream.read(3)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("envguard")]


class TestOpening:
    @pytest.mark.parametrize("suffix", FORMATS)
    def test_tells_the_format_by_content(self, suffix: str, tmp_path: Path) -> None:
        path = PackBuilder.honest().write(tmp_path, suffix).rename(tmp_path / "name-without-meaning.doc")
        with open_pack(path) as pack:
            assert (pack.format, pack.path, pack.size) == (suffix, path, path.stat().st_size)

    @pytest.mark.parametrize("content", [b"MZ", b"#!/bin/sh\nrm -rf /\n", b"\0" * 1024, b"x"])
    def test_refuses_formats_that_conda_pack_does_not_make(self, content: bytes, tmp_path: Path) -> None:
        (tmp_path / "a.tar.gz").write_bytes(content)
        with pytest.raises(PackRefused) as caught:
            open_pack(tmp_path / "a.tar.gz")
        assert caught.value.code == "pack-format-unknown"
        assert "a.tar.gz" in caught.value.message

    def test_refuses_an_empty_file(self, tmp_path: Path) -> None:
        (tmp_path / "a").touch()
        with pytest.raises(PackRefused) as caught:
            open_pack(tmp_path / "a")
        assert caught.value.code == "pack-empty"

    def test_names_what_is_missing_or_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(NotFound):
            open_pack(tmp_path / "nothing")
        with pytest.raises(InvalidInput) as caught:
            open_pack(tmp_path)
        assert caught.value.code == "pack-not-a-file"

    def test_something_compressed_that_is_no_tar_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(compress(b"hello" * 1000, "tar.gz"))
        with pytest.raises(PackRefused) as caught, open_pack(tmp_path / "a") as pack:
            pack.inventory()
        assert caught.value.code == "pack-tar-header"

    def test_leaves_no_file_open(self, tmp_path: Path) -> None:
        before = os.listdir("/proc/self/fd")
        path = PackBuilder.honest().write(tmp_path)
        with open_pack(path) as pack:
            pack.inventory()
        pack.close()
        (tmp_path / "b").write_bytes(b"x")
        with pytest.raises(PackRefused):
            open_pack(tmp_path / "b")
        assert os.listdir("/proc/self/fd") == before


class TestInventory:
    def test_is_made_once(self, tmp_path: Path) -> None:
        with open_pack(PackBuilder.honest().write(tmp_path)) as pack:
            assert pack.inventory() is pack.inventory()

    def test_cannot_be_changed(self, tmp_path: Path) -> None:
        with open_pack(PackBuilder.honest().write(tmp_path)) as pack:
            found = pack.inventory()
        for mapping in (found.members, found.sha256, found.texts, found.machines, found.leaks):
            with pytest.raises(TypeError):
                mapping["x"] = "y"  # type: ignore[index]

    def test_leaves_no_thread_after_a_refusal(self, tmp_path: Path) -> None:
        pack = PackBuilder.honest().file("../evil")
        for n in range(20):
            pack.file(f"large{n}", os.urandom(1 << 20))
        with pytest.raises(PackRefused), open_pack(pack.write(tmp_path)) as opened:
            opened.inventory()
        assert threads() == []


@pytest.mark.parametrize("suffix", FORMATS)
class TestFiles:
    def test_hands_out_every_member_with_its_content(self, suffix: str, tmp_path: Path) -> None:
        builder = PackBuilder.honest().file("large", os.urandom(3 << 20)).directory("folder")
        content = {item.name.decode(): item.content for item in builder.finished()}
        with open_pack(builder.write(tmp_path, suffix)) as pack:
            inventory = pack.inventory()
            found = [(member, stream.read()) for member, stream in pack.files()]
        assert [member for member, _ in found] == list(inventory.members.values())
        for member, data in found:
            assert data == (content[member.path] if member.kind is Kind.FILE else b"")

    @pytest.mark.parametrize("size", [1, 7, 8192, 1 << 20, 1 << 24])
    def test_streams_can_be_read_in_any_way(self, size: int, suffix: str, tmp_path: Path) -> None:
        large = os.urandom((1 << 20) + 99) if size > 7 else os.urandom(99)
        with open_pack(PackBuilder.honest().file("large", large).write(tmp_path, suffix)) as pack:
            for member, stream in pack.files():
                if member.path == "large":
                    pieces = list(iter(lambda s=stream: s.read(size), b""))
                    assert b"".join(pieces) == large
                    assert max(map(len, pieces)) <= size
                    assert stream.read() == b""
                elif size == 7:
                    stream.read(1)

    def test_can_be_left_early_and_taken_again(self, suffix: str, tmp_path: Path) -> None:
        with open_pack(PackBuilder.honest().write(tmp_path, suffix)) as pack:
            first = next(pack.files())[0]
            again = [member for member, _ in pack.files()]
            assert again[0] == first
            assert again == list(pack.inventory().members.values())
        assert threads() == []

    @pytest.mark.parametrize("hidden", [False, True])
    @pytest.mark.parametrize("change", ["content", "another name", "one more", "one less", "another mode"])
    def test_notices_another_pack_in_its_place(
        self, change: str, hidden: bool, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = PackBuilder.honest().file("a", b"a" * 100).write(tmp_path, suffix, "before")
        other = changed(change).write(tmp_path, suffix, "after")
        with open_pack(path) as pack:
            pack.inventory()
            path.write_bytes(other.read_bytes())
            if hidden:  # as when the file system does not tell
                monkeypatch.setattr(Source, "check_unchanged", lambda self: None)
            with pytest.raises(PackRefused) as caught:
                read_a_little(pack)
        assert caught.value.code in (CHANGED if hidden else CHANGED[:1])


def test_notices_a_touch(tmp_path: Path) -> None:
    path = PackBuilder.honest().write(tmp_path)
    with open_pack(path) as pack:
        pack.inventory()
        path.touch()
        with pytest.raises(PackRefused) as caught:
            list(pack.files())
    assert caught.value.code == "pack-changed"


def test_notices_a_change_during_the_first_pass(tmp_path: Path) -> None:
    path = PackBuilder.honest().file("noise", os.urandom(5 << 20)).write(tmp_path)
    with open_pack(path) as pack, pytest.raises(PackRefused) as caught:
        pack.inventory(lambda done, total: path.touch())
    assert caught.value.code == "pack-changed"
