"""Packs made in memory, honest and hostile: the adversary of every test that reads a pack.

`PackBuilder` collects members and writes them as conda-pack would, or changes
one thing at a time. Headers are written here byte by byte, because libraries
refuse to write what an attacker writes.

>>> pack = PackBuilder.honest().file("share/note.txt", b"hello").write(folder, "tar.gz")
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import shutil
import struct
import subprocess
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import zstandard

BUILD_PREFIX = "/home/builder/envs/datasci"
PLACEHOLDER = ("/opt/anaconda1anaconda2anaconda3" + "_placehold" * 23)[:255]
"""As long as conda's, whose length is the room for a prefix."""
SITE_PACKAGES = "lib/python3.11/site-packages"
TAR_FORMATS = ("tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst")
FORMATS = (*TAR_FORMATS, "zip", "squashfs")
ELF_X86_64 = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 3, 62, 1) + bytes(40)
ELF_AARCH64 = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 3, 183, 1) + bytes(40)
END = bytes(1024)
ZIP_LOCAL = struct.Struct("<4sHHHHHIIIHH")
ZIP_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
ZIP_END = struct.Struct("<4sHHHHIIH")


@dataclass(frozen=True)
class Item:
    """One member as it will be written; every field may lie."""

    name: bytes
    kind: bytes = b"0"
    content: bytes = b""
    mode: int = 0o644
    target: bytes = b""
    mtime: int = 1_700_000_000
    pax: tuple[tuple[str, str], ...] = ()
    overrides: dict[str, Any] = field(default_factory=dict)


class PackBuilder:
    """Members in order, and the ways to write them."""

    def __init__(self, *items: Item) -> None:
        self.items = list(items)
        self.prefixes: list[tuple[str, str, str]] = []
        self.has_script = True

    @classmethod
    def honest(cls) -> Self:
        """Return a small environment of two conda packages, as conda-pack orders it."""
        elf = ELF_X86_64 + PLACEHOLDER.encode() + b"/lib" + bytes(60)
        pack = cls()
        pack.file("bin/python3.11", elf, mode=0o755)
        pack.symlink("bin/python", "python3.11")
        pack.file(f"{SITE_PACKAGES}/encodings.py", b"# encodings\n")
        pack.file("lib/libssl.so.3", elf, mode=0o755)
        pack.symlink("lib/libssl.so", "libssl.so.3")
        owned = ("bin/python3.11", "bin/python", f"{SITE_PACKAGES}/encodings.py", "lib/libssl.so")
        ssl = ("lib/libssl.so.3", PLACEHOLDER, "binary")
        pack.record("python", "3.11.7", "h1_0", files=owned, paths=[ssl])
        pack.prefixes.append(ssl)
        pack.file(f"{SITE_PACKAGES}/ipykernel/__init__.py", b"__version__ = '7.4.0'\n")
        spec = ("share/jupyter/kernels/python3/kernel.json", PLACEHOLDER, "text")
        kernel = {
            "argv": [f"{PLACEHOLDER}/bin/python", "-m", "ipykernel_launcher"],
            "display_name": "Python 3",
        }
        pack.file(spec[0], json.dumps(kernel).encode())
        pack.prefixes.append(spec)
        pack.record(
            "ipykernel",
            "7.4.0",
            "pyh0_0",
            subdir="noarch",
            files=(f"{SITE_PACKAGES}/ipykernel/__init__.py",),
            paths=[spec],
            depends=["python >=3.10"],
            requested_spec="ipykernel",
        )
        pack.file(
            "conda-meta/history", b"==> 2026-01-01 00:00:00 <==\n# cmd: conda create -n datasci ipykernel\n"
        )
        return pack

    def add(self, item: Item) -> Self:
        """Add a member exactly as it is."""
        self.items.append(item)
        return self

    def file(self, path: str, content: bytes = b"", mode: int = 0o644, **more: Any) -> Self:
        """Add a regular file."""
        return self.add(Item(path.encode(), b"0", content, mode, **more))

    def directory(self, path: str, mode: int = 0o755) -> Self:
        """Add a folder."""
        return self.add(Item(path.encode() + b"/", b"5", mode=mode))

    def symlink(self, path: str, target: str) -> Self:
        """Add a symbolic link."""
        return self.add(Item(path.encode(), b"2", mode=0o777, target=target.encode()))

    def hardlink(self, path: str, target: str) -> Self:
        """Add a hard link to an earlier member."""
        return self.add(Item(path.encode(), b"1", target=target.encode()))

    def record(
        self,
        name: str,
        version: str = "1.0",
        build: str = "0",
        *,
        subdir: str = "linux-64",
        files: tuple[str, ...] = (),
        paths: list[tuple[str, str, str]] | None = None,
        **more: Any,
    ) -> Self:
        """Add the conda record of a package that owns `files`, and `paths` with placeholder and mode."""
        filename = f"{name}-{version}-{build}"
        channel = "https://conda.example.org/conda-forge"
        detailed = [{"_path": path, "path_type": "hardlink", "size_in_bytes": 1} for path in files]
        detailed += [
            {"_path": path, "path_type": "hardlink", "prefix_placeholder": placeholder, "file_mode": mode}
            for path, placeholder, mode in paths or ()
        ]
        document = {
            "name": name,
            "version": version,
            "build": build,
            "build_number": 0,
            "channel": f"{channel}/{subdir}",
            "subdir": subdir,
            "fn": f"{filename}.conda",
            "url": f"{channel}/{subdir}/{filename}.conda",
            "sha256": hashlib.sha256(filename.encode()).hexdigest(),
            "md5": hashlib.md5(filename.encode()).hexdigest(),
            "license": "BSD-3-Clause",
            "size": 1234,
            "timestamp": 1_700_000_000_000,
            "depends": [],
            "files": [item["_path"] for item in detailed],
            "paths_data": {"paths": detailed, "paths_version": 1},
        }
        return self.file(f"conda-meta/{filename}.json", json.dumps(document | more).encode())

    def dist_info(self, name: str, version: str = "1.0", installer: str = "pip", **files: str) -> Self:
        """Add the metadata of a Python distribution; `files` are further files, `.` written as `_dot_`."""
        folder = f"{SITE_PACKAGES}/{name}-{version}.dist-info"
        self.file(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode())
        self.file(f"{folder}/INSTALLER", f"{installer}\n".encode())
        for filename, content in files.items():
            self.file(f"{folder}/{filename.replace('_dot_', '.')}", content.encode())
        return self

    def without(self, path: str) -> Self:
        """Leave out the member called `path`."""
        self.items = [item for item in self.items if item.name != path.encode()]
        return self

    def finished(self) -> list[Item]:
        """Return the members, conda-pack's own script last."""
        if not self.has_script:
            return self.items
        script = unpack_script(self.prefixes)
        return [*self.items, Item(b"bin/conda-unpack", b"0", script, 0o755)]

    def write(self, folder: Path, suffix: str = "tar.gz", name: str = "pack") -> Path:
        """Write the pack into `folder` and return its path."""
        path = folder / f"{name}.{suffix}"
        if suffix == "squashfs":
            squashfs(self.finished(), folder / f"{name}.tree", path)
        else:
            path.write_bytes(self.archive(suffix))
        return path

    def archive(self, suffix: str = "tar.gz") -> bytes:
        """Return the pack as the bytes of an archive."""
        if suffix == "zip":
            return zip_archive(self.finished())
        return compress(tar_archive(self.finished()), suffix)


def unpack_script(prefixes: list[tuple[str, str, str]]) -> bytes:
    """Return what matters of conda-pack's script."""
    listed = ",\n".join(repr(item) for item in prefixes)
    script = f"#!/usr/bin/env python\nimport os\n\n_prefix_records = [\n{listed}\n]\n\nraise SystemExit(9)\n"
    return script.encode()


def compress(archive: bytes, suffix: str) -> bytes:
    """Return a tar compressed as `suffix` says."""
    match suffix:
        case "tar.gz":
            return gzip.compress(archive, 1, mtime=0)
        case "tar.bz2":
            return bz2.compress(archive, 1)
        case "tar.xz":
            return lzma.compress(archive, preset=0)
        case "tar.zst":
            return zstandard.ZstdCompressor(1, write_checksum=True).compress(archive)
        case _:
            return archive


def bomb(suffix: str, head: bytes, mebibytes: int) -> bytes:
    """Return a tar that starts with `head` and goes on with zeros, made of one small stream repeated."""
    zeros = compress(bytes(16 << 20), suffix)
    return compress(head, suffix) + zeros * (mebibytes // 16)


def tar_archive(items: list[Item], end: bytes = END) -> bytes:
    """Return a tar of `items`."""
    return b"".join(tar_member(item) for item in items) + end


def tar_member(item: Item) -> bytes:
    """Return header and content of one member, with pax records where they are needed."""
    pax = dict(item.pax)
    if len(item.name) > 100:
        pax["path"] = item.name.decode()
    if len(item.target) > 100:
        pax["linkpath"] = item.target.decode()
    extended = tar_member(Item(b"PaxHeader", b"x", pax_records(pax))) if pax else b""
    header = tar_header(item.name, item.kind, len(item.content), item.mode, item.target, item.mtime)
    for offset, value in item.overrides.items():
        header = patched(header, int(offset), value)
    return extended + header + padded(item.content)


def tar_header(
    name: bytes,
    kind: bytes = b"0",
    size: int = 0,
    mode: int = 0o644,
    target: bytes = b"",
    mtime: int = 0,
    magic: bytes = b"ustar\x0000",
) -> bytes:
    """Return one header block with a good checksum."""
    block = struct.pack(
        "100s8s8s8s12s12s8s1s100s8s32s32s8s8s155s12s",
        name[:100],
        b"%07o\0" % mode,
        b"0000000\0",
        b"0000000\0",
        b"%011o\0" % size,
        b"%011o\0" % mtime,
        b" " * 8,
        kind,
        target[:100],
        magic,
        b"root",
        b"root",
        b"0000000\0",
        b"0000000\0",
        b"",
        b"",
    )
    return signed(block)


def signed(block: bytes) -> bytes:
    """Return a header block with the right checksum in its place."""
    block = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def patched(header: bytes, offset: int, value: bytes) -> bytes:
    """Return a header with `value` at `offset` and a right checksum again."""
    return signed(header[:offset] + value + header[offset + len(value) :])


def padded(content: bytes) -> bytes:
    """Return `content` filled up to whole blocks."""
    return content + bytes(-len(content) % 512)


def pax_records(records: dict[str, str]) -> bytes:
    """Return the body of a pax header."""
    body = b""
    for key, value in records.items():
        line = f" {key}={value}\n".encode()
        size = len(line) + 1
        while len(str(size)) + len(line) != size:
            size = len(str(size)) + len(line)
        body += str(size).encode() + line
    return body


ZIP_TYPES = {b"0": 0o100000, b"5": 0o040000, b"2": 0o120000, b"3": 0o020000, b"4": 0o060000, b"6": 0o010000}
ZIP_TYPES |= {b"s": 0o140000, b"?": 0}
"""Unix type bits by tar's letters; `s` is a socket, `?` no type at all."""


def zip_archive(items: list[Item], comment: bytes = b"") -> bytes:
    """Return a zip of `items`; `overrides` name header fields, `local_` and `central_` for one of both."""
    out, central = io.BytesIO(), b""
    for item in items:
        local, entry = zip_member(item, out.tell())
        out.write(local)
        central += entry
    start = out.tell()
    end = ZIP_END.pack(b"PK\5\6", 0, 0, len(items), len(items), len(central), start, len(comment))
    return out.getvalue() + central + end + comment


def zip_member(item: Item, offset: int) -> tuple[bytes, bytes]:
    """Return a member with its local header, and its central header."""
    content = item.target if item.kind == b"2" else item.content
    compressor = zlib.compressobj(1, zlib.DEFLATED, -15)
    data = compressor.compress(content) + compressor.flush()
    method = 8 if item.kind == b"0" else 0
    stored = data if method else content
    plain = item.name.isascii()
    fields = {
        "name": item.name,
        "flags": 0 if plain else 0x800,
        "method": method,
        "crc": zlib.crc32(content),
        "packed": len(stored),
        "size": len(content),
        "extra": b"",
        "comment": b"",
        "system": 3,
        "needed": 20,
        "mode": ZIP_TYPES.get(item.kind, 0o100000) | item.mode,
        "offset": offset,
        "data": stored,
    }
    both = fields | {k: v for k, v in item.overrides.items() if k in fields}
    local = both | {k[6:]: v for k, v in item.overrides.items() if k.startswith("local_")}
    central = both | {k[8:]: v for k, v in item.overrides.items() if k.startswith("central_")}
    return _zip_local(local) + both["data"], _zip_central(central)


def _zip_local(f: dict[str, Any]) -> bytes:
    sizes = f["crc"], f["packed"], f["size"], len(f["name"]), len(f["extra"])
    return (
        ZIP_LOCAL.pack(b"PK\3\4", f["needed"], f["flags"], f["method"], 0, 0x21, *sizes)
        + f["name"]
        + f["extra"]
    )


def _zip_central(f: dict[str, Any]) -> bytes:
    sizes = f["crc"], f["packed"], f["size"], len(f["name"]), len(f["extra"]), len(f["comment"])
    version = f["system"] << 8 | 20
    head = ZIP_CENTRAL.pack(
        b"PK\1\2",
        version,
        f["needed"],
        f["flags"],
        f["method"],
        0,
        0x21,
        *sizes,
        0,
        0,
        f["mode"] << 16,
        f["offset"],
    )
    return head + f["name"] + f["extra"] + f["comment"]


def squashfs(items: list[Item], tree: Path, path: Path, *options: str) -> None:
    """Lay `items` out under `tree` and pack it with the real mksquashfs."""
    for item in items:
        place = tree / os.fsdecode(item.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        _lay_out(item, place, tree)
    command = ["mksquashfs", tree, path, "-noappend", "-quiet", "-no-progress", "-all-root", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)


def _lay_out(item: Item, place: Path, tree: Path) -> None:
    match item.kind:
        case b"5":
            place.mkdir(exist_ok=True)
        case b"2":
            place.symlink_to(os.fsdecode(item.target))
            return
        case b"1":
            place.hardlink_to(tree / os.fsdecode(item.target))
            return
        case b"6":
            os.mkfifo(place)
        case _:
            place.write_bytes(item.content)
    place.chmod(item.mode)
    os.utime(place, (item.mtime, item.mtime))


def with_overrides(item: Item, **overrides: Any) -> Item:
    """Return `item` with header fields that lie."""
    return replace(item, overrides=item.overrides | overrides)


def links(*pairs: tuple[str, str]) -> list[Item]:
    """Return symbolic links, each from its first to its second."""
    return [Item(name.encode(), b"2", mode=0o777, target=target.encode()) for name, target in pairs]


def _files(*names: bytes) -> list[Item]:
    return [Item(name, content=b"x") for name in names]


HOSTILE: dict[str, tuple[str, list[Item]]] = {
    "climbs out": ("pack-name-dotdot", _files(b"../evil")),
    "climbs out later": ("pack-name-dotdot", _files(b"a/../../evil")),
    "climbs and comes back": ("pack-name-dotdot", _files(b"a/../b")),
    "absolute name": ("pack-name-absolute", _files(b"/etc/evil")),
    "two slashes first": ("pack-name-absolute", _files(b"//etc/evil")),
    "dot in the middle": ("pack-name-not-normal", _files(b"a/./b")),
    "dot first": ("pack-name-not-normal", _files(b"./a")),
    "empty part": ("pack-name-not-normal", _files(b"a//b")),
    "only a dot": ("pack-name-not-normal", _files(b".")),
    "no name": ("pack-name-not-normal", _files(b"")),
    "newline in a name": ("pack-name-control", _files(b"a\nb")),
    "terminal escape in a name": ("pack-name-control", _files(b"a\x1b[2Jb")),
    "bidi override in a name": ("pack-name-control", _files("a\u202egnp.py".encode())),
    "zero width space in a name": ("pack-name-control", _files("a\u200bb".encode())),
    "line separator in a name": ("pack-name-control", _files("a\u2028b".encode())),
    "name not UTF-8": ("pack-name-not-utf8", _files(b"a\xffb")),
    "name not composed": ("pack-name-not-nfc", _files("e\u0301".encode())),
    "name too long": ("pack-name-too-long", _files(b"n" * 256)),
    "name too long in bytes": ("pack-name-too-long", _files("\u00e9".encode() * 128)),
    "path too long": ("pack-path-too-long", _files(b"/".join([b"p" * 200] * 6))),
    "path too deep": ("pack-too-deep", _files(b"/".join([b"d"] * 65))),
    "same file twice": ("pack-duplicate", _files(b"a", b"a")),
    "same folder twice": ("pack-duplicate", [Item(b"a/", b"5"), Item(b"a/", b"5")]),
    "folder, then a file": ("pack-duplicate", [Item(b"a/", b"5"), *_files(b"a")]),
    "file used as a folder": ("pack-conflict", _files(b"a", b"a/b")),
    "folder replaced by a file": ("pack-conflict", _files(b"a/b", b"a")),
    "folder replaced by a link": ("pack-conflict", [*_files(b"a/b"), *links(("a", "c"))]),
    "link to an absolute path": ("pack-link-absolute", links(("a", "/etc/passwd"))),
    "link out": ("pack-link-escape", links(("a", "../etc"))),
    "link out of a folder": ("pack-link-escape", links(("a/b", "../../etc"))),
    "link out through a link": ("pack-link-escape", links(("root", "."), ("a", "root/.."))),
    "link out through a later link": ("pack-link-escape", links(("a", "deep/.."), ("deep", "x/.."))),
    "link through a link below": ("pack-link-escape", links(("d/e/up", "../.."), ("a", "d/e/up/../b"))),
    "link to itself": ("pack-link-loop", links(("a", "a"))),
    "links in a circle": ("pack-link-loop", links(("a", "b"), ("b", "c"), ("c", "a"))),
    "link below itself": ("pack-link-loop", links(("a", "a/b"))),
    "forty-two links in a row": ("pack-link-loop", links(*((f"l{n}", f"l{n + 1}") for n in range(42)))),
    "forty-two links backwards": (
        "pack-link-loop",
        links(*((f"l{n}", f"l{n - 1}") for n in range(42, 0, -1))),
    ),
    "link with a control character": ("pack-name-control", links(("a", "b\x07"))),
    "link too deep": ("pack-too-deep", links(("a", "d/" * 70))),
    "link too long": ("pack-link-too-long", links(("a", "d/" * 2050))),
    "link to nowhere": ("pack-link-empty", links(("a", ""))),
    "link not UTF-8": ("pack-name-not-utf8", [Item(b"a", b"2", target=b"\xff")]),
    "written through a link": ("pack-through-symlink", [*links(("a", "b")), *_files(b"a/evil")]),
    "written through a link that leads out": ("pack-through-symlink", [*links(("a", "..")), *_files(b"a/x")]),
    "written far below a link": ("pack-through-symlink", [*links(("a", "b")), *_files(b"a/c/d/evil")]),
    "character device": ("pack-special-file", [Item(b"a", b"3")]),
    "block device": ("pack-special-file", [Item(b"a", b"4")]),
    "fifo": ("pack-special-file", [Item(b"a", b"6")]),
    "setuid": ("pack-setuid", [Item(b"a", mode=0o4755)]),
    "setgid": ("pack-setuid", [Item(b"a", mode=0o2755)]),
    "sticky folder": ("pack-setuid", [Item(b"a/", b"5", mode=0o1777)]),
    "linked record": ("pack-linked-record", [*_files(b"x"), *links(("conda-meta/y-1-0.json", "../x"))]),
    "linked start-up file": (
        "pack-linked-record",
        [*_files(b"x"), *links((f"{SITE_PACKAGES}/evil.pth", "../../../x"))],
    ),
    "linked folder of start-up files": (
        "pack-linked-record",
        [*_files(b"x/evil.pth"), *links(("lib/python3.12/site-packages", "../../x"))],
    ),
}
"""What no container may hold: the code that refuses it, and members to put into an honest pack."""
