"""Tars, zips and images of squashfs, of members that may lie about themselves.

Headers are written here byte by byte, because libraries refuse to write what
an attacker writes.

>>> archive = compress(tar_archive([Item(b"share/note.txt", content=b"hello")]), "tar.gz")
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import struct
import subprocess
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import zstandard

TAR_FORMATS = ("tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst")
FORMATS = (*TAR_FORMATS, "zip", "squashfs")
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


def with_overrides(item: Item, **overrides: Any) -> Item:
    """Return `item` with header fields that lie."""
    return replace(item, overrides=item.overrides | overrides)


def links(*pairs: tuple[str, str]) -> list[Item]:
    """Return symbolic links, each from its first to its second."""
    return [Item(name.encode(), b"2", mode=0o777, target=target.encode()) for name, target in pairs]


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
