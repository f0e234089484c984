"""Tars are read strictly: what GNU tar and conda-pack write, and nothing that can be read in two ways."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import Kind, Member
from jupyter_envguard.pack.limits import Limits
from jupyter_envguard.pack.streams import Source
from jupyter_envguard.pack.tar import TarContainer
from tests.containers import END, Item, patched, pax_records, signed, tar_archive, tar_header, tar_member
from tests.packs import PackBuilder


def read(path: Path, limits: Limits | None = None) -> list[tuple[Member, bytes]]:
    source = Source(path)
    try:
        container = TarContainer(source, "", limits or Limits())
        return [(member, b"".join(content)) for member, content in container.entries()]
    finally:
        source.close()


@pytest.fixture
def read_bytes(tmp_path: Path) -> Callable[..., list[tuple[Member, bytes]]]:
    def reader(*parts: bytes, limits: Limits | None = None) -> list[tuple[Member, bytes]]:
        (tmp_path / "a.tar").write_bytes(b"".join(parts))
        return read(tmp_path / "a.tar", limits)

    return reader


@pytest.fixture
def code_of(read_bytes: Callable[..., object]) -> Callable[..., str]:
    def reader(*parts: bytes, limits: Limits | None = None) -> str:
        with pytest.raises(PackRefused) as caught:
            read_bytes(*parts, limits=limits)
        return caught.value.code

    return reader


Read = Callable[..., list[tuple[Member, bytes]]]
Code = Callable[..., str]


class TestHonest:
    def test_reads_every_kind(self, read_bytes: Read) -> None:
        items = [
            Item(b"d/", b"5", mode=0o755, mtime=1),
            Item(b"d/f", content=b"hello", mode=0o644, mtime=2),
            Item(b"d/l", b"2", mode=0o777, target=b"f", mtime=3),
            Item(b"d/h", b"1", target=b"d/f", mtime=4),
        ]
        assert read_bytes(tar_archive(items)) == [
            (Member("d", Kind.DIRECTORY, 0o755, mtime=1), b""),
            (Member("d/f", Kind.FILE, 0o644, 5, mtime=2), b"hello"),
            (Member("d/l", Kind.SYMLINK, 0o777, target="f", mtime=3), b""),
            (Member("d/h", Kind.HARDLINK, 0o644, target="d/f", mtime=4), b""),
        ]

    @pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
    @pytest.mark.parametrize("length", [5, 99, 100, 101, 150, 255])
    def test_reads_what_tarfile_writes(self, form: int, length: int, tmp_path: Path) -> None:
        name = "d" * (length - 3) + "/f" if length <= 103 else "d" * 100 + "/" + "f" * (length - 101)
        with tarfile.open(tmp_path / "a.tar", "w", format=form) as archive:
            for kind, target in ((tarfile.REGTYPE, ""), (tarfile.SYMTYPE, "t" * min(length, 100))):
                info = tarfile.TarInfo(name + target[:1])
                info.type, info.linkname, info.mtime = kind, target, 1_700_000_000
                info.size = 3 if kind == tarfile.REGTYPE else 0
                if form == tarfile.USTAR_FORMAT and length == 255:
                    return
                archive.addfile(info, io.BytesIO(b"abc"))
        found = read(tmp_path / "a.tar")
        assert [(m.path, m.target, m.mtime, c) for m, c in found] == [
            (name, "", 1_700_000_000, b"abc"),
            (name + "t", "t" * min(length, 100), 1_700_000_000, b""),
        ]

    @pytest.mark.parametrize("form", ["gnu", "pax", "ustar"])
    def test_reads_what_gnu_tar_writes(self, form: str, tmp_path: Path) -> None:
        tree = tmp_path / "tree"
        deep = tree / ("d" * 60) / ("e" * (20 if form == "ustar" else 90))
        deep.mkdir(parents=True)
        (deep / "file").write_bytes(b"x" * 1000)
        (deep / "link").symlink_to("file")
        (deep / "hard").hardlink_to(deep / "file")
        subprocess.run(
            ["tar", f"--format={form}", "-C", tree, "-cf", tmp_path / "a.tar", "d" * 60], check=True
        )
        kinds = {member.path.rpartition("/")[2]: member.kind for member, _ in read(tmp_path / "a.tar")}
        assert kinds.pop("d" * 60) is Kind.DIRECTORY
        assert kinds.pop(deep.name) is Kind.DIRECTORY
        assert kinds.pop("link") is Kind.SYMLINK
        assert sorted(kinds.values()) == [Kind.FILE, Kind.HARDLINK]

    def test_reads_fractions_of_seconds(self, read_bytes: Read) -> None:
        (found,) = read_bytes(tar_archive([Item(b"a", pax=(("mtime", "1700000001.123456789"),))]))
        assert found[0].mtime == 1_700_000_001

    def test_reads_sizes_in_base_256(self, read_bytes: Read) -> None:
        header = patched(tar_header(b"a"), 124, b"\x80" + bytes(10) + b"\x03")
        assert read_bytes(header, b"abc".ljust(512, b"\0"), END)[0][1] == b"abc"

    def test_reads_owners_in_base_256(self, read_bytes: Read) -> None:
        header = patched(tar_header(b"a"), 108, b"\x80" + bytes(3) + b"\x49\x96\x02\xd2")
        assert len(read_bytes(header, END)) == 1

    def test_reads_sizes_in_pax(self, read_bytes: Read) -> None:
        extended = tar_member(Item(b"x", b"x", pax_records({"size": "3"})))
        assert read_bytes(extended, tar_header(b"a"), b"abc".ljust(512, b"\0"), END)[0][1] == b"abc"

    def test_ignores_owners_and_attributes(self, read_bytes: Read) -> None:
        pax = tuple(
            (key, "1")
            for key in (
                *("uid", "gid", "uname", "gname", "atime", "ctime", "comment", "SCHILY.dev"),
                *("SCHILY.xattr.user.note", "LIBARCHIVE.creationtime", "RHT.security.selinux"),
            )
        )
        pax += (("hdrcharset", "ISO-IR 10646 2000 UTF-8"),)
        assert len(read_bytes(tar_archive([Item(b"a", pax=pax)]))) == 1

    def test_reads_a_global_header_with_a_comment(self, read_bytes: Read) -> None:
        header = tar_member(Item(b"pax_global_header", b"g", pax_records({"comment": "x"})))
        assert len(read_bytes(header, tar_archive([Item(b"a")]))) == 1

    def test_says_how_much_was_read(self, tmp_path: Path) -> None:
        path = PackBuilder.honest().write(tmp_path, "tar")
        source = Source(path)
        container = TarContainer(source, "", Limits())
        for _ in container.entries():
            pass
        assert container.consumed == source.size
        source.close()


class TestOdd:
    @pytest.mark.parametrize(
        ("offset", "value"),
        [
            (257, b"\0" * 8),
            (257, b"ustar\x0099"),
            (124, b"\xff" * 12),
            (124, b"0x000000011\0"),
            (124, b"-0000000001\0"),
            (124, b"00000_00001\0"),
            (124, b"\0" * 12),
            (136, b"yesterday000"),
            (100, b"9999999\0"),
            (100, b"\x80" + bytes(6) + b"\x01"),
            (108, b"\x80" + b"\xff" * 7),
            (124, b"\x80" + b"\xff" * 11),
            (136, b"\x80" + b"\xff" * 11),
            (108, b"nobody\0\0"),
            (116, b"\x01000000\0"),
            (156, b"\0"),
            (156, b"7"),
            (156, b"D"),
            (156, b"V"),
            (156, b"\xc3"),
        ],
    )
    def test_refuses_odd_fields(self, offset: int, value: bytes, code_of: Code) -> None:
        assert code_of(patched(tar_header(b"a"), offset, value), END) == "pack-tar-header"

    def test_refuses_gnu_headers_with_something_where_posix_has_a_prefix(self, code_of: Code) -> None:
        assert code_of(patched(tar_header(b"a", magic=b"ustar  \0"), 345, b"p"), END) == "pack-tar-header"

    def test_refuses_a_wrong_checksum(self, code_of: Code) -> None:
        header = bytearray(tar_header(b"a"))
        header[0] ^= 1
        assert code_of(bytes(header), END) == "pack-checksum"

    @pytest.mark.parametrize("kind", [b"1", b"2", b"5"])
    def test_refuses_content_where_none_belongs(self, kind: bytes, code_of: Code) -> None:
        header = tar_header(b"a/" if kind == b"5" else b"a", kind, 512, target=b"b")
        assert code_of(header, bytes(512), END) == "pack-tar-header"

    @pytest.mark.parametrize(
        ("pax", "code"),
        [
            ({"GNU.sparse.map": "0,1"}, "pack-sparse"),
            ({"SCHILY.xattr.security.capability": "x"}, "pack-setuid"),
            ({"LIBARCHIVE.xattr.security.capability": "x"}, "pack-setuid"),
            ({"hdrcharset": "BINARY"}, "pack-tar-header"),
            ({"VENDOR.mood": "good"}, "pack-tar-header"),
            ({"size": "x"}, "pack-tar-header"),
            ({"size": "-1"}, "pack-tar-header"),
            ({"mtime": "now"}, "pack-tar-header"),
            ({"mtime": "9" * 18}, "pack-tar-header"),
        ],
    )
    def test_refuses_pax_records_that_change_a_member(
        self, pax: dict[str, str], code: str, code_of: Code
    ) -> None:
        assert code_of(tar_archive([Item(b"a", pax=tuple(pax.items()))])) == code

    def test_refuses_two_different_sizes(self, code_of: Code) -> None:
        extended = tar_member(Item(b"x", b"x", pax_records({"size": "3"})))
        assert code_of(extended, tar_header(b"a", size=4), bytes(512), END) == "pack-tar-header"

    @pytest.mark.parametrize(
        "body",
        [
            b"no length\n",
            b"05 a=b\n",
            b"99 path=b\n",
            b"8 path=b\n",
            b"3 \n",
            b"7 path\n",
            b"9 path=ab",
            b"10 path=b\n11 path=cd\n",
            b"0 \n",
            b"1 \n",
        ],
    )
    def test_refuses_malformed_pax_records(self, body: bytes, code_of: Code) -> None:
        assert code_of(tar_member(Item(b"x", b"x", body)), tar_archive([Item(b"a")])) == "pack-tar-header"

    def test_refuses_pax_records_that_are_not_utf8(self, code_of: Code) -> None:
        assert code_of(tar_member(Item(b"x", b"x", b"10 path=\xff\n"))) == "pack-name-not-utf8"

    def test_refuses_too_many_pax_records(self, code_of: Code) -> None:
        pax = pax_records({f"SCHILY.xattr.user.{n}": "" for n in range(300)})
        assert code_of(tar_member(Item(b"x", b"x", pax)), tar_archive([Item(b"a")])) == "pack-tar-header"

    def test_refuses_a_global_header_that_names_members(self, code_of: Code) -> None:
        header = tar_member(Item(b"g", b"g", pax_records({"path": "evil"})))
        assert code_of(header, tar_archive([Item(b"a")])) == "pack-tar-header"

    def test_refuses_sparse_files(self, code_of: Code) -> None:
        assert code_of(tar_header(b"a", b"S"), END) == "pack-sparse"


def gnu(kind: bytes, body: bytes) -> bytes:
    return tar_member(Item(b"././@LongLink", kind, body))


class TestExtended:
    def test_reads_gnu_long_names(self, read_bytes: Read) -> None:
        parts = gnu(b"L", b"n" * 150 + b"\0"), gnu(b"K", b"t" * 150 + b"\0"), tar_header(b"a", b"2")
        assert read_bytes(*parts, END)[0][0] == Member("n" * 150, Kind.SYMLINK, target="t" * 150)

    @pytest.mark.parametrize("body", [b"", b"no end", b"inner\0nul\0"])
    def test_refuses_gnu_names_that_do_not_end_where_they_should(self, body: bytes, code_of: Code) -> None:
        assert code_of(gnu(b"L", body), tar_archive([Item(b"a")])) == "pack-tar-header"

    def test_refuses_a_name_that_is_not_utf8(self, code_of: Code) -> None:
        assert code_of(gnu(b"L", b"\xff\0"), tar_archive([Item(b"a")])) == "pack-name-not-utf8"

    @pytest.mark.parametrize("kind", [b"L", b"K", b"x"])
    def test_refuses_the_same_twice(self, kind: bytes, code_of: Code) -> None:
        body = pax_records({"path": "b"}) if kind == b"x" else b"b\0"
        header = tar_member(Item(b"x", kind, body))
        assert code_of(header, header, tar_archive([Item(b"a")])) == "pack-tar-header"

    def test_refuses_a_gnu_and_a_pax_name(self, code_of: Code) -> None:
        pax = tar_member(Item(b"x", b"x", pax_records({"path": "b"})))
        assert code_of(gnu(b"L", b"c\0"), pax, tar_archive([Item(b"a")])) == "pack-tar-header"

    @pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
    def test_refuses_huge_ones_before_reading_them(self, kind: bytes, code_of: Code) -> None:
        assert code_of(tar_header(b"x", kind, size=64 << 20)) == "pack-header-too-large"

    def test_refuses_too_much_of_them(self, code_of: Code) -> None:
        items = [Item(b"f%d" % n, pax=(("comment", "c" * 100),)) for n in range(10)]
        assert code_of(tar_archive(items), limits=Limits(headers_bytes=500)) == "pack-header-too-large"

    def test_refuses_one_that_describes_nothing(self, code_of: Code) -> None:
        assert code_of(gnu(b"L", b"a\0"), END) == "pack-truncated"


class TestEnd:
    def test_accepts_padding(self, read_bytes: Read) -> None:
        assert len(read_bytes(tar_archive([Item(b"a")]), bytes(10240))) == 1

    @pytest.mark.parametrize("extra", [b"x", bytes(512) + b"x", tar_archive([Item(b"b")])])
    def test_refuses_anything_else(self, extra: bytes, code_of: Code) -> None:
        assert code_of(tar_archive([Item(b"a")]), extra) == "pack-trailing-data"

    def test_refuses_a_second_archive_after_one_block(self, code_of: Code) -> None:
        assert code_of(tar_member(Item(b"a")), bytes(512), tar_archive([Item(b"b")])) == "pack-trailing-data"

    def test_refuses_padding_without_end(self, code_of: Code) -> None:
        assert code_of(tar_archive([Item(b"a")]), bytes(2 << 20)) == "pack-trailing-data"

    def test_refuses_truncation_at_every_block(self, code_of: Code) -> None:
        archive = tar_archive(PackBuilder.honest().finished())
        for size in range(512, len(archive), 512):
            assert code_of(archive[:size]) == "pack-truncated"

    def test_refuses_truncation_anywhere(self, code_of: Code) -> None:
        archive = tar_archive([Item(b"a", content=b"x" * 600, pax=(("comment", "x"),))])
        for size in range(1, len(archive)):
            assert code_of(archive[:size]) == "pack-truncated"


def test_signed_headers_have_the_checksum_that_tarfile_expects() -> None:
    assert tarfile.TarInfo.frombuf(signed(tar_header(b"a")), "utf-8", "strict").name == "a"
