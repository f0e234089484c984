"""Packs that are zip archives.

A zip describes each member twice, before its data and in a directory at the end,
and readers differ in which of the two they believe. Here both must agree, the
members must lie back to back from the first byte to the directory, and nothing
may follow: so there is one reading only, and the data can be read front to back.
`zipfile` is not used because it believes the directory alone.

Layout: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from operator import attrgetter

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import Kind, Member
from jupyter_envguard.pack import deflate
from jupyter_envguard.pack.limits import Limits
from jupyter_envguard.pack.names import decode
from jupyter_envguard.pack.reader import Reader
from jupyter_envguard.pack.refusals import HOSTILE, damaged, quoted, trailing, truncated, unsupported
from jupyter_envguard.pack.streams import PIECE, Ahead, Source, gathered

END = struct.Struct("<4s4H2IH")
END64 = struct.Struct("<4sQ2H2I4Q")
LOCATOR = struct.Struct("<4sIQI")
CENTRAL = struct.Struct("<4s6H3I5H2I")
LOCAL = struct.Struct("<4s5H3I2H")
FIELD = struct.Struct("<2H")
END_MAGIC, END64_MAGIC, LOCATOR_MAGIC = b"PK\5\6", b"PK\6\6", b"PK\6\7"
CENTRAL_MAGIC, LOCAL_MAGIC = b"PK\1\2", b"PK\3\4"
COMMENT_MAX = 0xFFFF
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF
"""What a field holds when the value is too large for it and stands in a zip64 field."""
ZIP64_VERSION = 45
"""Version that a reader of zip64 must know; what needs a higher one is not what conda-pack writes."""
ZIP64_FIELD, UNICODE_PATH_FIELD = 0x0001, 0x7075
ENCRYPTED, UTF8, LEVEL = 0x2041, 0x0800, 0x0006
"""Bits of the flags: any kind of encryption, a UTF-8 name, and how hard the writer tried."""
STORED, DEFLATED = 0, 8
UNIX = 3
KINDS = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.DIRECTORY, stat.S_IFLNK: Kind.SYMLINK}


@dataclass(frozen=True, slots=True)
class _Entry:
    """One member as the directory at the end describes it."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    system: int
    mode: int


class ZipContainer:
    """A zip archive, whose members come in the order of their data."""

    format = "zip"

    def __init__(self, source: Source, limits: Limits) -> None:
        self.consumed = 0
        """Bytes of the archive that were read in this pass."""
        self._source = source
        self._limits = limits

    def entries(self) -> Generator[tuple[Member, Iterator[bytes]]]:
        """Yield each member with its content, from the start; content must be read before going on.

        Raises `PackRefused` where the archive stops being a plain zip.
        """
        entries, end = self._directory()
        with Ahead(gathered(self._contents(entries, end))) as pieces:
            reader = Reader(pieces)
            for entry in entries:
                member = _member(entry, reader, self._limits)
                content = reader.stream(member.size, "a member")
                yield member, content
                for _ in content:
                    pass
            reader.at_end()  # waits for what the background has still to say about the last members

    def _directory(self) -> tuple[list[_Entry], int]:
        """Return the members by the order of their data, and where the directory starts."""
        count, size, start = self._find_directory()
        if count > self._limits.entries:
            raise PackRefused(
                "pack-too-many-entries", f"The pack has more than {self._limits.entries} members.", HOSTILE
            )
        if size > self._limits.directory_bytes:
            raise PackRefused(
                "pack-header-too-large",
                f"The zip's directory has {size} bytes, more than {self._limits.directory_bytes}.",
                HOSTILE,
            )
        entries = list(_entries(self._source.exactly(start, size), count))
        entries.sort(key=attrgetter("offset"))
        return entries, start

    def _find_directory(self) -> tuple[int, int, int]:
        """Return number of members, bytes and start of the directory at the end."""
        at = self._source.size - END.size
        magic, *numbers = END.unpack(self._source.exactly(at, END.size)) if at >= 0 else (b"",)
        if magic != END_MAGIC:
            raise self._no_end()
        disk, first_disk, here, count, size, start, comment = numbers
        if self._source.read_at(max(at - LOCATOR.size, 0), 4) == LOCATOR_MAGIC:
            small = (count, size, start)
            at, count, size, start = self._find_directory64(at - LOCATOR.size)
            full = (FULL16, FULL32, FULL32)
            if any(s not in (f, n) for s, f, n in zip(small, full, (count, size, start), strict=True)):
                raise _mismatch("the end of the directory")
        if disk or first_disk or comment or here not in (count, FULL16) or start + size != at:
            raise _odd("its end does not fit its directory")
        return count, size, start

    def _find_directory64(self, locator_at: int) -> tuple[int, int, int, int]:
        """Return where the zip64 end lies, and number, bytes and start of the directory."""
        at = locator_at - END64.size
        _, disk, stated, disks = LOCATOR.unpack(self._source.exactly(locator_at, LOCATOR.size))
        if at < 0 or stated != at or disk or disks != 1:
            raise _odd("its zip64 end is not where it says")
        end = END64.unpack(self._source.exactly(at, END64.size))
        magic, length, _, _, disk, first_disk, here, count, size, start = end
        if magic != END64_MAGIC or length != END64.size - 12 or disk or first_disk or here != count:
            raise _odd("its zip64 end is malformed")
        return at, count, size, start

    def _no_end(self) -> PackRefused:
        tail = self._source.read_at(
            max(self._source.size - END.size - COMMENT_MAX, 0), END.size + COMMENT_MAX
        )
        at = tail.rfind(END_MAGIC)
        whole = at >= 0 and at + END.size <= len(tail)
        return trailing("a comment or other data") if whole else truncated("a zip")

    def _contents(self, entries: list[_Entry], end: int) -> Iterator[bytes]:
        """Yield the content of all members one after the other, everything about them checked."""
        self.consumed = at = 0
        reader = Reader(map(self._count, self._source.blocks(end)))
        for entry in entries:
            if entry.offset != at:
                raise _overlap(entry.name)
            at += LOCAL.size + _check_local(entry, reader) + entry.packed
            if at > end:
                raise _overlap(entry.name)
            yield from _content(entry, reader)
        if at != end:
            raise _overlap(b"the directory")

    def _count(self, block: bytes) -> bytes:
        self.consumed += len(block)
        return block


def _entries(directory: bytes, count: int) -> Iterator[_Entry]:
    at = 0
    for _ in range(count):
        if at + CENTRAL.size > len(directory):
            raise _odd("its directory is too short")
        fields = CENTRAL.unpack_from(directory, at)
        (
            magic,
            made_by,
            needed,
            flags,
            method,
            _,
            _,
            crc,
            packed,
            size,
            *lengths,
            disk,
            _,
            attributes,
            offset,
        ) = fields
        name_end = at + CENTRAL.size + lengths[0]
        extra_end = name_end + lengths[1]
        name, extra = directory[at + CENTRAL.size : name_end], directory[name_end:extra_end]
        at = extra_end + lengths[2]
        if magic != CENTRAL_MAGIC or at > len(directory) or disk or needed > ZIP64_VERSION:
            raise _odd("its directory is malformed")
        size, packed, offset = _widened(extra, (size, packed, offset), name)
        yield _Entry(name, flags, method, crc, packed, size, offset, made_by >> 8, attributes >> 16)
    if at != len(directory):
        raise _odd("its directory is too long")


def _widened(extra: bytes, values: tuple[int, ...], name: bytes) -> tuple[int, ...]:
    """Return `values` with those that did not fit taken from the zip64 field, which must hold just them."""
    fields = _extra_fields(extra, name)
    missing = values.count(FULL32)
    wide = fields.get(ZIP64_FIELD, b"")
    if len(wide) != 8 * missing:
        raise _odd(f"the zip64 field of {quoted(name)} does not fit")
    numbers = iter(struct.unpack(f"<{missing}Q", wide))
    return tuple(next(numbers) if value == FULL32 else value for value in values)


def _extra_fields(extra: bytes, name: bytes) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(extra):
        kind, size = FIELD.unpack_from(extra, at) if at + FIELD.size <= len(extra) else (0, len(extra))
        at += FIELD.size
        if at + size > len(extra) or kind in fields or kind == UNICODE_PATH_FIELD:
            raise _odd(f"the extra fields of {quoted(name)} are malformed, repeated or rename it")
        fields[kind] = extra[at : at + size]
        at += size
    return fields


def _member(entry: _Entry, reader: Reader, limits: Limits) -> Member:
    """Return the member that an entry describes, the text of a link taken from `reader`."""
    if not entry.flags & UTF8 and not entry.name.isascii():
        raise PackRefused(
            "pack-name-not-utf8",
            f"The name {quoted(entry.name)} is not UTF-8.",
            "Rename the file and pack again.",
        )
    name = decode(entry.name)
    if entry.system != UNIX:
        raise _odd(f"{quoted(name)} has no Unix permissions")
    kind = _kind(entry, name)
    if kind is Kind.DIRECTORY:
        return Member(name.removesuffix("/"), kind, entry.mode & 0o777)
    if kind is Kind.FILE:
        return Member(name, kind, entry.mode & 0o777, entry.size)
    if entry.size > limits.link_bytes:
        raise PackRefused(
            "pack-link-too-long",
            f"The target of the symbolic link {quoted(name)} has more than {limits.link_bytes} bytes.",
            HOSTILE,
        )
    return Member(name, kind, entry.mode & 0o777, 0, decode(reader.take(entry.size, "a symbolic link")))


def _kind(entry: _Entry, name: str) -> Kind:
    kind = KINDS.get(stat.S_IFMT(entry.mode) or stat.S_IFREG)
    if kind is None:
        raise PackRefused("pack-special-file", f"{quoted(name)} is a device, a fifo or a socket.", HOSTILE)
    if entry.mode & 0o7000:
        raise PackRefused("pack-setuid", f"{quoted(name)} is setuid, setgid or sticky.", HOSTILE)
    if name.endswith("/") != (kind is Kind.DIRECTORY):
        raise _odd(f"{quoted(name)} is named like a folder or is one, but not both")
    if kind is Kind.DIRECTORY and (entry.size or entry.packed):
        raise _odd(f"the folder {quoted(name)} has content")
    return kind


def _check_local(entry: _Entry, reader: Reader) -> int:
    """Read the header before the data, compare it, and return the bytes of its name and extra fields."""
    header = LOCAL.unpack(reader.take(LOCAL.size, "a zip header"))
    magic, needed, flags, method, _, _, crc, packed, size, name_size, extra_size = header
    if magic != LOCAL_MAGIC or needed > ZIP64_VERSION:
        raise _odd(f"there is no member where {quoted(entry.name)} should be")
    name = reader.take(name_size, "a zip header")
    size, packed = _widened(reader.take(extra_size, "a zip header"), (size, packed), name)
    if (name, flags, method, crc, packed, size) != (
        *(entry.name, entry.flags, entry.method),
        *(entry.crc, entry.packed, entry.size),
    ):
        raise _mismatch(quoted(entry.name))
    return int(name_size) + int(extra_size)


def _content(entry: _Entry, reader: Reader) -> Iterator[bytes]:
    """Yield the content of one member, and refuse it when it is not what its header says."""
    if entry.flags & ENCRYPTED:
        raise PackRefused("pack-encrypted", f"{quoted(entry.name)} is encrypted.", "Pack without a password.")
    if entry.flags & ~(UTF8 | LEVEL):
        raise _odd(f"{quoted(entry.name)} was written as a stream or with unknown flags")
    if entry.method not in (STORED, DEFLATED):
        raise unsupported(f"zip method {entry.method}")
    data = reader.stream(entry.packed, "a member")
    size = crc = 0
    for piece in _inflate(data, entry) if entry.method == DEFLATED else data:
        size += len(piece)
        crc = deflate.crc32(piece, crc)
        if size > entry.size:
            raise damaged(f"{quoted(entry.name)} is larger than stated")
        yield piece
    if size != entry.size or crc != entry.crc:
        raise damaged(f"{quoted(entry.name)} does not match its size and checksum")


def _inflate(data: Iterator[bytes], entry: _Entry) -> Iterator[bytes]:
    decoder = deflate.inflater(-zlib.MAX_WBITS)
    for block in data:
        rest, piece = block, b""
        while rest or len(piece) == PIECE:
            try:
                piece = decoder.decompress(rest, PIECE)
            except deflate.ERRORS as error:
                raise damaged(f"{quoted(entry.name)} does not decode ({error})") from error
            if decoder.unused_data:
                raise damaged(f"{quoted(entry.name)} ends before its data do")
            rest = decoder.unconsumed_tail
            yield piece
    if not decoder.eof:
        raise damaged(f"the data of {quoted(entry.name)} stop in the middle")


def _overlap(name: bytes) -> PackRefused:
    return PackRefused(
        "pack-zip-overlap", f"The zip's members overlap or leave a gap before {quoted(name)}.", HOSTILE
    )


def _mismatch(what: str) -> PackRefused:
    return PackRefused("pack-zip-mismatch", f"The zip describes {what} in two different ways.", HOSTILE)


def _odd(what: str) -> PackRefused:
    return PackRefused("pack-zip-header", f"The zip is not one that conda-pack writes: {what}.", HOSTILE)
