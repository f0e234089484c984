"""Packs that are tar archives: `.tar`, `.tar.gz`, `.tar.bz2`, `.tar.xz` and `.tar.zst`.

The headers are parsed here and not by `tarfile`, which forgives much: it skips
damaged headers, guesses at numbers, keeps the last of two answers and reads an
extended header of any size into memory. Forgiving readers disagree, and a pack
that two programs read differently has been reviewed by nobody. What is accepted
is POSIX ustar with pax records (what conda-pack writes) and GNU's long names;
GNU tar extracts everything that is accepted to the very same tree.

Layout: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import Kind, Member
from jupyter_envguard.pack.limits import Limits
from jupyter_envguard.pack.names import decode
from jupyter_envguard.pack.reader import Reader
from jupyter_envguard.pack.refusals import COPY_AGAIN, HOSTILE, quoted, trailing, truncated
from jupyter_envguard.pack.streams import Ahead, Source, check_volume, decompressed

BLOCK = 512
ZEROS = bytes(BLOCK)
POSIX, GNU = b"ustar\x0000", b"ustar  \x00"
FIELDS = struct.Struct("100s 8s 8s 8s 12s 12s 8s c 100s 8s 80s 155s 12s")
OCTAL = re.compile(rb" *([0-7]+)[ \0]*\Z")
BASE_256 = {"owner": (1 << 32) - 2, "size": (1 << 62) - 1, "time": (1 << 40) - 1}
"""The largest numbers that may stand in GNU's base 256, which has room for more than any program takes."""
PAX_LENGTH = re.compile(rb"([1-9][0-9]{0,7}) ")
PAX_NUMBER = re.compile(r"([0-9]{1,18})(\.[0-9]*)?\Z")
PAX_NUMBERS = {"uid": "owner", "gid": "owner", "size": "size"} | dict.fromkeys(
    ("mtime", "atime", "ctime", "LIBARCHIVE.creationtime"), "time"
)
"""Records that must be numbers, and of what kind: GNU tar fails when those are none that are not used."""
PAX_USED = frozenset({"path", "linkpath", "size", "mtime"})
PAX_IGNORED = frozenset(
    {"atime", "ctime", "uid", "gid", "uname", "gname", "comment", "LIBARCHIVE.creationtime"}
    | {"SCHILY.dev", "SCHILY.ino", "SCHILY.nlink", "SCHILY.fflags", "RHT.security.selinux"}
)
PAX_IGNORED_PREFIXES = ("SCHILY.acl.", "SCHILY.xattr.", "LIBARCHIVE.xattr.")
"""Owners, times and attributes of the machine that packed: an image has none of them."""
UTF8 = "ISO-IR 10646 2000 UTF-8"
KINDS = {b"0": Kind.FILE, b"1": Kind.HARDLINK, b"2": Kind.SYMLINK, b"5": Kind.DIRECTORY}
SPECIAL = {b"3": "character device", b"4": "block device", b"6": "fifo"}
PAX, PAX_GLOBAL, LONG_NAME, LONG_LINK, GNU_SPARSE = b"x", b"g", b"L", b"K", b"S"


@dataclass(slots=True)
class _Extended:
    """What the extended headers before a header say about it."""

    pax: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    link: str | None = None


class TarContainer:
    """A tar archive, compressed or not, whose members come in the order of the archive."""

    def __init__(self, source: Source, compression: str, limits: Limits) -> None:
        self.format = f"tar.{compression}" if compression else "tar"
        self.consumed = 0
        """Bytes of the archive that were read in this pass."""
        self._headers_bytes = 0
        self._source = source
        self._compression = compression
        self._limits = limits

    def entries(self) -> Generator[tuple[Member, Iterator[bytes]]]:
        """Yield each member with its content, from the start; content must be read before going on.

        Raises `PackRefused` where the archive stops being a plain tar.
        """
        self._headers_bytes = 0
        with Ahead(self._pieces()) as pieces:
            reader = Reader(pieces)
            while header := self._next_header(reader):
                member, size = header
                content = reader.stream(size, "a member")
                yield member, content
                for _ in content:
                    pass
                reader.take(-size % BLOCK, "a member")
            self._check_end(reader)

    def _pieces(self) -> Iterator[bytes]:
        unpacked = self.consumed = 0
        blocks = map(self._count, self._source.blocks())
        for piece in decompressed(self._compression, blocks, self._limits):
            unpacked += len(piece)
            check_volume(unpacked, self.consumed, self._limits)
            yield piece

    def _count(self, block: bytes) -> bytes:
        self.consumed += len(block)
        return block

    def _next_header(self, reader: Reader) -> tuple[Member, int] | None:
        """Return the next member and its size, or None at the end-of-archive mark."""
        extended = _Extended()
        while True:
            block = reader.take(BLOCK, "a header")
            if block == ZEROS:
                if extended != _Extended():
                    raise truncated("an extended header")
                return None
            fields = _fields(block)
            if fields.type in (PAX, PAX_GLOBAL, LONG_NAME, LONG_LINK):
                self._extend(extended, fields, reader)
            else:
                return _member(fields, extended)

    def _extend(self, extended: _Extended, fields: _Fields, reader: Reader) -> None:
        size = _number(fields.size, "size")
        self._headers_bytes += size
        if size > self._limits.header_bytes or self._headers_bytes > self._limits.headers_bytes:
            raise PackRefused(
                "pack-header-too-large",
                f"An extended header has {size} bytes, or all of them too many "
                f"({self._limits.header_bytes} and {self._limits.headers_bytes} are allowed).",
                HOSTILE,
            )
        body = reader.take(size, "an extended header")
        reader.take(-size % BLOCK, "an extended header")
        if fields.type == PAX_GLOBAL:
            if PAX_USED & _pax(body, self._limits).keys():
                raise _odd("a global header names or sizes members")
        elif fields.type == PAX:
            _once(not extended.pax)
            extended.pax = _pax(body, self._limits)
        elif fields.type == LONG_NAME:
            _once(extended.name is None)
            extended.name = decode(_long(body))
        else:
            _once(extended.link is None)
            extended.link = decode(_long(body))

    def _check_end(self, reader: Reader) -> None:
        """Refuse anything but zeros after the first block of the end-of-archive mark."""
        if reader.take(BLOCK, "the end-of-archive mark") != ZEROS:
            raise trailing("another header")
        padding = 0
        for piece in reader.rest():
            padding += len(piece)
            if piece.count(0) != len(piece) or padding > self._limits.padding_bytes:
                raise trailing("something other than padding")


class _Fields(NamedTuple):
    """One header block, checked for its checksum and magic; numbers not yet parsed."""

    type: bytes
    name: bytes
    link: bytes
    mode: bytes
    uid: bytes
    gid: bytes
    size: bytes
    mtime: bytes


def _fields(block: bytes) -> _Fields:
    name, mode, uid, gid, size, mtime, checksum, kind, link, magic, _, prefix, rest = FIELDS.unpack(block)
    if _number(checksum, "checksum") != _sum(block) - sum(checksum) + 8 * 32:
        raise PackRefused("pack-checksum", f"The header of {quoted(_text(name))} is damaged.", COPY_AGAIN)
    if magic == POSIX:
        if prefix[0]:
            name = _text(prefix) + b"/" + _text(name)
    elif magic != GNU or (prefix + rest).count(0) != len(prefix) + len(rest):
        raise _odd(f"the header of {quoted(_text(name))} is neither POSIX nor plain GNU")
    return _Fields(kind, _text(name), _text(link), mode, uid, gid, size, mtime)


def _sum(block: bytes) -> int:
    """Return the sum of the bytes of a header, for ASCII from Adler-32, whose lower half it then is."""
    return (zlib.adler32(block) & 0xFFFF) - 1 if block.isascii() else sum(block)


def _text(raw: bytes) -> bytes:
    return raw.partition(b"\0")[0]


@lru_cache(4096)
def _number(raw: bytes, what: str) -> int:
    """Return the number in a field: octal digits, or GNU's base 256 when they do not suffice."""
    if match := OCTAL.match(raw):
        return int(match[1], 8)
    number = int.from_bytes(raw[1:], "big")
    if raw[0] == 0x80 and number <= BASE_256.get(what, 0):
        return number
    raise _odd(f"the {what} {quoted(raw)} is not a number")


def _member(fields: _Fields, extended: _Extended) -> tuple[Member, int]:
    """Return the member that a header and its extended headers describe, and its size."""
    name = _one_of(extended.name, extended.pax.get("path"), fields.name)
    link = _one_of(extended.link, extended.pax.get("linkpath"), fields.link)
    kind = _kind(fields.type, name)
    mode = _number(fields.mode, "mode")
    if mode & 0o7000:
        raise PackRefused(
            "pack-setuid", f"{quoted(name)} is setuid, setgid or sticky (mode {mode & 0o7777:o}).", HOSTILE
        )
    for owner in (fields.uid, fields.gid):
        _number(owner, "owner")  # not used, but GNU tar fails when it is none
    size = _size(fields, extended.pax, name)
    if size and kind is not Kind.FILE:
        raise _odd(f"the {kind.value} {quoted(name)} has content")
    if kind is Kind.DIRECTORY:
        name = name.removesuffix("/")
    target = link if kind in (Kind.SYMLINK, Kind.HARDLINK) else ""
    return Member(name, kind, mode & 0o777, size, target, _mtime(fields, extended.pax)), size


def _kind(code: bytes, name: str) -> Kind:
    if kind := KINDS.get(code):
        return kind
    if code in SPECIAL:
        raise PackRefused("pack-special-file", f"{quoted(name)} is a {SPECIAL[code]}.", HOSTILE)
    if code == GNU_SPARSE:
        raise _sparse(name)
    raise _odd(f"{quoted(name)} is of the unknown type {quoted(code)}")


def _one_of(long: str | None, pax: str | None, short: bytes) -> str:
    if long is not None and pax is not None:
        raise _odd(f"{quoted(long)} has a GNU and a pax name")
    if long is not None:
        return long
    return decode(short) if pax is None else pax


def _size(fields: _Fields, pax: Mapping[str, str], name: str) -> int:
    size = _number(fields.size, "size")
    if "size" not in pax:
        return size
    stated = _pax_number(pax["size"], "size")
    if size not in (0, stated):
        raise _odd(f"{quoted(name)} has two sizes, {size} and {stated}")
    return stated


def _mtime(fields: _Fields, pax: Mapping[str, str]) -> int:
    return _pax_number(pax["mtime"], "time") if "mtime" in pax else _number(fields.mtime, "time")


def _pax(body: bytes, limits: Limits) -> dict[str, str]:
    """Return the records of a pax header; refuse those that would change what a member is."""
    records: dict[str, str] = {}
    at = 0
    while at < len(body):
        match = PAX_LENGTH.match(body, at)
        end = at + int(match[1]) if match else 0
        if match is None or end > len(body) or body[end - 1 : end] != b"\n":
            raise _odd("a pax header is malformed")
        key, separator, value = decode(body[match.end() : end - 1]).partition("=")
        if not separator or key in records or len(records) >= limits.pax_records:
            raise _odd(f"the pax record {quoted(key)} is malformed, repeated or one too many")
        _check_pax(key, value)
        records[key] = value
        at = end
    return records


def _check_pax(key: str, value: str) -> None:
    if key.startswith("GNU.sparse."):
        raise _sparse(key)
    if key.endswith(".xattr.security.capability"):
        raise PackRefused("pack-setuid", "A file has capabilities, which work like setuid.", HOSTILE)
    if what := PAX_NUMBERS.get(key):
        _pax_number(value, what)
    if key in PAX_USED or key in PAX_IGNORED or key.startswith(PAX_IGNORED_PREFIXES):
        return
    if key == "hdrcharset" and value == UTF8:
        return
    raise _odd(f"the pax record {quoted(key)} is not known")


def _pax_number(text: str, what: str) -> int:
    """Return the number in a pax record, without the fraction that only times may have."""
    match = PAX_NUMBER.match(text)
    if match is None or int(match[1]) > BASE_256[what] or (match[2] and what != "time"):
        raise _odd(f"the {what} {quoted(text)} in a pax record is not a number")
    return int(match[1])


def _long(body: bytes) -> bytes:
    """Return a GNU long name, which ends with one NUL."""
    if body[-1:] != b"\0" or b"\0" in body[:-1]:
        raise _odd("a GNU long name does not end where it should")
    return body[:-1]


def _once(first: bool) -> None:
    if not first:
        raise _odd("an extended header is repeated")


def _sparse(name: str) -> PackRefused:
    return PackRefused("pack-sparse", f"{quoted(name)} is a sparse file.", "Pack without --sparse.")


def _odd(what: str) -> PackRefused:
    return PackRefused("pack-tar-header", f"The tar is not one that conda-pack writes: {what}.", HOSTILE)
