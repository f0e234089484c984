"""Zips are read only when their two descriptions agree and nothing hides between members."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import Kind, Member
from jupyter_envguard.pack.limits import Limits
from jupyter_envguard.pack.streams import PIECE, Source
from jupyter_envguard.pack.zipped import ZipContainer
from tests.containers import ZIP_END, Item, with_overrides, zip_archive, zip_member
from tests.packs import PackBuilder

Read = Callable[..., list[tuple[Member, bytes]]]
Code = Callable[..., str]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reader(data: bytes, limits: Limits | None = None) -> list[tuple[Member, bytes]]:
        (tmp_path / "a.zip").write_bytes(data)
        source = Source(tmp_path / "a.zip")
        try:
            container = ZipContainer(source, limits or Limits())
            return [(member, b"".join(content)) for member, content in container.entries()]
        finally:
            source.close()

    return reader


@pytest.fixture
def code_of(read: Read) -> Code:
    def reader(data: bytes, limits: Limits | None = None) -> str:
        with pytest.raises(PackRefused) as caught:
            read(data, limits)
        return caught.value.code

    return reader


def zipped(*items: Item) -> bytes:
    return zip_archive(list(items))


A = Item(b"a", content=b"hello" * 10)


class TestHonest:
    def test_reads_every_kind(self, read: Read) -> None:
        items = [Item(b"d/", b"5", mode=0o755), A, Item(b"l", b"2", mode=0o777, target=b"a"), Item(b"e")]
        assert read(zipped(*items)) == [
            (Member("d", Kind.DIRECTORY, 0o755), b""),
            (Member("a", Kind.FILE, 0o644, 50), b"hello" * 10),
            (Member("l", Kind.SYMLINK, 0o777, target="a"), b""),
            (Member("e", Kind.FILE, 0o644), b""),
        ]

    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_reads_what_zipfile_writes(self, method: int, read: Read) -> None:
        content = {f"d/{n}é": os.urandom(n) + bytes(n) for n in (0, 1, 1000, PIECE, 2 * PIECE + 5)}
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        assert {member.path: data for member, data in read(out.getvalue())} == content

    @pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, PIECE + 258, 4 * PIECE])
    def test_reads_long_runs(self, size: int, read: Read) -> None:
        assert read(zipped(Item(b"a", content=bytes(size))))[0][1] == bytes(size)

    def test_reads_sizes_in_zip64(self, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("a", b"a" * 100)
            archive.writestr("b", b"b" * 100)
        assert b"PK\6\6" in out.getvalue()
        assert [data for _, data in read(out.getvalue())] == [b"a" * 100, b"b" * 100]

    def test_reads_members_in_the_order_of_their_data(self, read: Read) -> None:
        one, entry_one = zip_member(Item(b"one"), 0)
        two, entry_two = zip_member(Item(b"two"), len(one))
        data = one + two
        end = ZIP_END.pack(b"PK\5\6", 0, 0, 2, 2, len(entry_one + entry_two), len(data), 0)
        assert [m.path for m, _ in read(data + entry_two + entry_one + end)] == ["one", "two"]

    def test_says_how_much_was_read(self, tmp_path: Path) -> None:
        source = Source(PackBuilder.honest().write(tmp_path, "zip"))
        container = ZipContainer(source, Limits())
        for _ in container.entries():
            pass
        assert 0 < container.consumed < source.size
        source.close()


ODD: dict[str, tuple[str, dict[str, Any]]] = {
    "two names": ("pack-zip-mismatch", {"local_name": b"b"}),
    "two checksums": ("pack-zip-mismatch", {"local_crc": 1}),
    "two sizes": ("pack-zip-mismatch", {"local_size": 1}),
    "two packed sizes": ("pack-zip-mismatch", {"local_packed": 1}),
    "two methods": ("pack-zip-mismatch", {"local_method": 0}),
    "two sets of flags": ("pack-zip-mismatch", {"local_flags": 0x800}),
    "encryption": ("pack-encrypted", {"flags": 1}),
    "strong encryption": ("pack-encrypted", {"flags": 0x40}),
    "an encrypted directory": ("pack-encrypted", {"flags": 0x2000}),
    "a size that follows": ("pack-zip-header", {"flags": 8}),
    "an unknown flag": ("pack-zip-header", {"flags": 0x10}),
    "an unknown method": ("pack-compression-unsupported", {"method": 12}),
    "a wrong checksum": ("pack-corrupt", {"crc": 1}),
    "a size too small": ("pack-corrupt", {"size": 49}),
    "a size too large": ("pack-corrupt", {"size": 51}),
    "a packed size too small": ("pack-corrupt", {"packed": 3}),
    "a packed size too large": ("pack-zip-overlap", {"packed": 1000}),
    "an offset too small": ("pack-zip-overlap", {"offset": -1}),
    "an offset too large": ("pack-zip-overlap", {"offset": 1}),
    "a newer zip": ("pack-zip-header", {"needed": 46}),
    "a newer zip before the data": ("pack-zip-header", {"local_needed": 46}),
    "no Unix permissions": ("pack-zip-header", {"system": 0}),
    "a socket": ("pack-special-file", {"mode": 0o140644}),
    "a file that is named like a folder": ("pack-zip-header", {"name": b"a/"}),
    "a folder that is named like a file": ("pack-zip-header", {"mode": 0o040755}),
    "a folder with content": ("pack-zip-header", {"mode": 0o040755, "name": b"a/"}),
    "a name in an unknown encoding": ("pack-name-not-utf8", {"name": b"\xc3\xa9", "flags": 0}),
    "another name in an extra field": (
        "pack-zip-header",
        {"extra": struct.pack("<HHBI", 0x7075, 6, 1, 0) + b"b"},
    ),
    "an extra field twice": ("pack-zip-header", {"extra": struct.pack("<HHHH", 9, 0, 9, 0)}),
    "half an extra field": ("pack-zip-header", {"extra": b"\1\0"}),
    "an extra field that is too long": ("pack-zip-header", {"extra": struct.pack("<HH", 9, 1)}),
    "a zip64 size without field": ("pack-zip-header", {"size": 0xFFFFFFFF}),
    "a zip64 field without need": ("pack-zip-header", {"extra": struct.pack("<HHQ", 1, 8, 5)}),
    "two zip64 sizes": (
        "pack-zip-mismatch",
        {
            "size": 0xFFFFFFFF,
            "local_extra": struct.pack("<HHQ", 1, 8, 50),
            "central_extra": struct.pack("<HHQ", 1, 8, 51),
        },
    ),
}


class TestOdd:
    @pytest.mark.parametrize("name", ODD)
    @pytest.mark.parametrize("neighbours", [False, True])
    def test_refuses(self, name: str, neighbours: bool, code_of: Code) -> None:
        code, overrides = ODD[name]
        before = [Item(b"before", content=b"x" * 100)] if neighbours else []
        if "offset" in overrides:
            start = len(zip_member(before[0], 0)[0]) if neighbours else 0
            overrides = {"central_offset": max(start + overrides["offset"], 0) if neighbours else 7}
        after = [Item(b"later", content=b"y")] if neighbours else []
        assert code_of(zipped(*before, with_overrides(A, **overrides), *after)) == code

    def test_refuses_data_that_do_not_decode(self, code_of: Code) -> None:
        assert code_of(zipped(with_overrides(A, data=b"\xff" * 9, packed=9))) == "pack-corrupt"

    def test_refuses_data_that_go_on_after_their_end(self, code_of: Code) -> None:
        data = zlib.compress(A.content, wbits=-15) + b"x"
        assert code_of(zipped(with_overrides(A, data=data, packed=len(data)))) == "pack-corrupt"

    def test_refuses_data_that_stop_before_their_end(self, code_of: Code) -> None:
        data = zlib.compress(A.content, wbits=-15)[:-1]
        assert code_of(zipped(with_overrides(A, data=data, packed=len(data)))) == "pack-corrupt"

    def test_refuses_a_member_where_there_is_none(self, code_of: Code) -> None:
        data = bytearray(zipped(A))
        data[0] = 0
        assert code_of(bytes(data)) == "pack-zip-header"

    def test_refuses_a_long_link_before_reading_it(self, code_of: Code) -> None:
        assert code_of(zipped(Item(b"l", b"2", target=b"t" * 5000))) == "pack-link-too-long"

    def test_refuses_two_entries_for_one_member(self, code_of: Code) -> None:
        data, entry = zip_member(A, 0)
        other = entry.replace(b"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xa4", b"", 0)
        end = ZIP_END.pack(b"PK\5\6", 0, 0, 2, 2, len(entry) * 2, len(data), 0)
        assert code_of(data + entry + other + end) == "pack-zip-overlap"

    def test_refuses_something_before_the_first_member(self, code_of: Code) -> None:
        data = zipped(A)
        assert code_of(b"#!/bin/sh\n" + data) == "pack-zip-header"

    def test_refuses_something_between_data_and_directory(self, code_of: Code) -> None:
        data, entry = zip_member(A, 0)
        end = ZIP_END.pack(b"PK\5\6", 0, 0, 1, 1, len(entry), len(data) + 4, 0)
        assert code_of(data + b"hide" + entry + end) == "pack-zip-overlap"


def with_end(data: bytes, entry: bytes, **changes: int) -> bytes:
    fields = {
        "disk": 0,
        "first": 0,
        "here": 1,
        "count": 1,
        "size": len(entry),
        "start": len(data),
        "comment": 0,
    } | changes
    return data + entry + ZIP_END.pack(b"PK\5\6", *fields.values())


class TestEnd:
    @pytest.mark.parametrize(
        "changes",
        [
            {"disk": 1},
            {"first": 1},
            {"here": 2},
            {"count": 2, "here": 2},
            {"count": 0, "here": 0},
            {"size": 45, "start": 82},
            {"size": 1},
            {"start": 1},
            {"comment": 1},
        ],
    )
    def test_refuses_one_that_lies(self, changes: dict[str, int], code_of: Code) -> None:
        assert code_of(with_end(*zip_member(A, 0), **changes)) == "pack-zip-header"

    def test_refuses_a_directory_that_is_none(self, code_of: Code) -> None:
        data, entry = zip_member(A, 0)
        assert code_of(with_end(data, b"XX" + entry[2:])) == "pack-zip-header"
        assert code_of(with_end(data, entry[:28] + b"\xff\xff" + entry[30:])) == "pack-zip-header"
        assert code_of(with_end(data, entry[:34] + b"\1\0" + entry[36:])) == "pack-zip-header"

    @pytest.mark.parametrize("extra", [b"x", b"comment", zipped(Item(b"b"))])
    def test_refuses_what_follows(self, extra: bytes, code_of: Code) -> None:
        assert code_of(zipped(A) + extra) in ("pack-trailing-data", "pack-zip-header")

    def test_refuses_a_comment(self, code_of: Code) -> None:
        assert code_of(zip_archive([A], comment=b"comment")) == "pack-trailing-data"

    def test_refuses_truncation_anywhere(self, code_of: Code) -> None:
        data = zipped(A, Item(b"b"))
        for size in range(2, len(data)):
            assert code_of(data[:size]) == "pack-truncated"

    def test_bounds_members_and_directory(self, code_of: Code) -> None:
        assert code_of(zipped(A, Item(b"b")), Limits(entries=1)) == "pack-too-many-entries"
        assert code_of(zipped(A), Limits(directory_bytes=10)) == "pack-header-too-large"


def zip64(data: bytes, entry: bytes, **changes: int) -> bytes:
    at = len(data) + len(entry)
    fields = {
        "length": 44,
        "made": 45,
        "needed": 45,
        "disk": 0,
        "first": 0,
        "here": 1,
        "count": 1,
        "size": len(entry),
        "start": len(data),
    }
    locator = {"ldisk": 0, "at": at, "disks": 1}
    end = {"ecount": 0xFFFF, "esize": 0xFFFFFFFF, "estart": 0xFFFFFFFF}
    fields, locator, end = ({k: changes.get(k, v) for k, v in d.items()} for d in (fields, locator, end))
    return b"".join(
        [
            data + entry,
            struct.pack("<4sQHHIIQQQQ", b"PK\6\6", *fields.values()),
            struct.pack("<4sIQI", b"PK\6\7", *locator.values()),
            ZIP_END.pack(b"PK\5\6", 0, 0, end["ecount"], *end.values(), 0),
        ]
    )


class TestEnd64:
    def test_reads_an_honest_one(self, read: Read) -> None:
        assert len(read(zip64(*zip_member(A, 0)))) == 1
        assert len(read(zip64(*zip_member(A, 0), ecount=1))) == 1

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"length": 45}, "pack-zip-header"),
            ({"disk": 1}, "pack-zip-header"),
            ({"first": 1}, "pack-zip-header"),
            ({"here": 2}, "pack-zip-header"),
            ({"size": 1}, "pack-zip-header"),
            ({"start": 1 << 60}, "pack-zip-header"),
            ({"ldisk": 1}, "pack-zip-header"),
            ({"at": 0}, "pack-zip-header"),
            ({"at": 1 << 63}, "pack-zip-header"),
            ({"disks": 2}, "pack-zip-header"),
            ({"ecount": 7}, "pack-zip-mismatch"),
            ({"esize": 7}, "pack-zip-mismatch"),
            ({"estart": 7}, "pack-zip-mismatch"),
            ({"count": 1 << 40, "here": 1 << 40}, "pack-too-many-entries"),
            ({"size": 1 << 40, "start": (1 << 64) - (1 << 40)}, "pack-zip-header"),
        ],
    )
    def test_refuses_one_that_lies(self, changes: dict[str, int], code: str, code_of: Code) -> None:
        assert code_of(zip64(*zip_member(A, 0), **changes)) == code

    def test_refuses_one_that_cannot_be_there(self, code_of: Code) -> None:
        locator = struct.pack("<4sIQI", b"PK\6\7", 0, 0, 1)
        assert code_of(locator + ZIP_END.pack(b"PK\5\6", 0, 0, 0, 0, 0, 0, 0)) == "pack-zip-header"
