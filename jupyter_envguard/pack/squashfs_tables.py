"""The tables of a squashfs image: super block, compression, inodes, folders and fragments.

Everything an image says about itself is believed only as far as it can be
checked: numbers are bounded before anything is read or allocated for them.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import zstandard

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.pack.limits import KIB, MIB, Limits
from jupyter_envguard.pack.refusals import HOSTILE, damaged, trailing, truncated, unsupported
from jupyter_envguard.pack.streams import Source, check_volume

MAGIC = b"hsqs"
SUPER = struct.Struct("<4s4I6H8Q")
METADATA_MAX = 8 * KIB
"""Most bytes that a metadata block holds."""
DATA_MIN, DATA_MAX = 4 * KIB, MIB
"""Bounds of the size of data blocks."""
CACHED_BLOCKS = 512
"""Metadata blocks kept, 4 MiB."""
STORED_METADATA, STORED_DATA = 1 << 15, 1 << 24
"""Bits that say: this block is not compressed."""
NONE = 0xFFFFFFFF
"""No fragment, or no table."""
FRAGMENT = struct.Struct("<QII")
FRAGMENTS_IN_BLOCK = METADATA_MAX // FRAGMENT.size
UNSUPPORTED = {2: "lzma", 3: "lzo", 5: "lz4"}
FOLDER, FILE, SYMLINK, EXTENDED = 1, 2, 3, 7
"""Types of inodes; an extended one has `EXTENDED` added."""
SPECIAL = {4: "block device", 5: "character device", 6: "fifo", 7: "socket"}

COMMON = struct.Struct("<HHHHII")
BASIC_FOLDER = struct.Struct("<IIHHI")
LONG_FOLDER = struct.Struct("<IIIIHHI")
BASIC_FILE = struct.Struct("<IIII")
LONG_FILE = struct.Struct("<QQQIIII")
LINK = struct.Struct("<II")
LISTING = struct.Struct("<III")
LISTED = struct.Struct("<HhHH")


def invalid(what: str) -> PackRefused:
    """Return the refusal of an image that contradicts itself."""
    return PackRefused("pack-squashfs-invalid", f"The squashfs image is not sound: {what}.", HOSTILE)


@dataclass(frozen=True, slots=True)
class Super:
    """What the super block says, checked against the file."""

    block_size: int
    """Bytes of a data block."""
    compression: int
    """Number of the compression of every block."""
    fragments: int
    """Number of fragments."""
    owners: int
    """Number of different owners."""
    root: int
    """Reference to the inode of the root folder."""
    end: int
    """Bytes of the image."""
    inode_table: int
    """Offset of the inodes."""
    folder_table: int
    """Offset of the folders' listings."""
    fragment_table: int
    """Offset of the index of fragments."""


def read_super(source: Source, limits: Limits) -> Super:
    """Return the super block; refuse an image that is truncated, too large, or followed by something."""
    raw = source.read_at(0, SUPER.size)
    if len(raw) < SUPER.size:
        raise truncated("a squashfs super block")
    _, inodes, _, block, fragments, compression, log, _, owners, *version, root, end = SUPER.unpack(raw)[:13]
    inode_table, folder_table, fragment_table = SUPER.unpack(raw)[15:18]
    if version != [4, 0] or not DATA_MIN <= block <= DATA_MAX or block != 1 << log:
        raise invalid("it is not of version 4.0, or its block size is impossible")
    if inodes > limits.entries:
        raise PackRefused(
            "pack-too-many-entries", f"The pack has more than {limits.entries} members.", HOSTILE
        )
    if end > source.size:
        raise truncated("a squashfs image")
    index_end = fragment_table - fragments // -FRAGMENTS_IN_BLOCK * 8 if fragments else end
    if not SUPER.size <= inode_table < folder_table < end or index_end > end:
        raise invalid("its tables lie outside of it")
    _check_padding(source, end, limits)
    return Super(block, compression, fragments, owners, root, end, inode_table, folder_table, fragment_table)


def _check_padding(source: Source, end: int, limits: Limits) -> None:
    if source.size - end > limits.padding_bytes or any(source.read_at(end, limits.padding_bytes)):
        raise trailing("something other than padding")


def unpacker(compression: int, limits: Limits) -> Callable[[bytes, int], bytes]:
    """Return the function that unpacks a block to at most so many bytes."""
    methods: Mapping[int, Callable[[bytes, int], bytes]] = {
        1: _unzlib,
        4: partial(_unxz, limits),
        6: partial(_unzstd, limits),
    }
    unpack = methods.get(compression)
    if unpack is None:
        raise unsupported(UNSUPPORTED.get(compression, f"the unknown method {compression}"))

    def checked(stored: bytes, most: int) -> bytes:
        try:
            unpacked = unpack(stored, most)
        except (zlib.error, lzma.LZMAError, EOFError, zstandard.ZstdError) as error:
            raise damaged(f"a block does not decode ({error})") from error
        if len(unpacked) > most:
            raise damaged("a block is larger than the image allows")
        return unpacked

    return checked


def _unzlib(stored: bytes, most: int) -> bytes:
    decoder = zlib.decompressobj()
    unpacked = decoder.decompress(stored, most + 1)
    return _ended(unpacked, decoder.eof)


def _unxz(limits: Limits, stored: bytes, most: int) -> bytes:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, limits.decoder_bytes)
    unpacked = decoder.decompress(stored, most + 1)
    return _ended(unpacked, decoder.eof)


def _ended(unpacked: bytes, ended: bool) -> bytes:
    if not ended:
        raise EOFError("it does not end")
    return unpacked


def _unzstd(limits: Limits, stored: bytes, most: int) -> bytes:
    # The package allocates what the frame's header states, so that is judged first.
    stated = zstandard.get_frame_parameters(stored).content_size
    if stated not in (zstandard.CONTENTSIZE_UNKNOWN, 0) and stated > most:
        raise damaged("a block is larger than the image allows")
    decoder = zstandard.ZstdDecompressor(max_window_size=limits.decoder_bytes)
    return decoder.decompress(stored, max_output_size=most)


class Metadata:
    """The metadata blocks from `start` on, each unpacked when it is wanted."""

    def __init__(self, source: Source, unpack: Callable[[bytes, int], bytes], start: int, end: int) -> None:
        self._source = source
        self._unpack = unpack
        self._start = start
        self._end = end
        self.block = lru_cache(CACHED_BLOCKS)(self._block)
        """Return the content of the block at an offset, and the offset of the next one."""

    def at(self, reference: int) -> Cursor:
        """Return a cursor at `reference`: the block's offset, and below 16 bits the place in it."""
        return Cursor(self, reference >> 16, reference & 0xFFFF)

    def _block(self, offset: int) -> tuple[bytes, int]:
        place = self._start + offset
        if place + 2 > self._end:
            raise invalid("it points beyond its tables")
        header = int.from_bytes(self._source.exactly(place, 2), "little")
        size = header & ~STORED_METADATA
        if not 0 < size <= METADATA_MAX or place + 2 + size > self._end:
            raise invalid("a metadata block has an impossible size")
        stored = self._source.exactly(place + 2, size)
        content = stored if header & STORED_METADATA else self._unpack(stored, METADATA_MAX)
        return content, offset + 2 + size


class Cursor:
    """A place in the metadata, moving forward as it is read."""

    def __init__(self, metadata: Metadata, block: int, offset: int) -> None:
        self._metadata = metadata
        self._content, self._next = metadata.block(block)
        self._at = offset

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        taken = self._content[self._at : self._at + size]
        self._at += len(taken)
        while len(taken) < size:
            self._content, self._next = self._metadata.block(self._next)
            more = self._content[: size - len(taken)]
            self._at = len(more)
            taken += more
        return taken

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        """Return the numbers that `layout` describes."""
        return layout.unpack(self.take(layout.size))


@dataclass(frozen=True, slots=True)
class Inode:
    """A folder, file or symbolic link, or something special that has no content."""

    type: int
    """`FOLDER`, `FILE`, `SYMLINK` or one of `SPECIAL`."""
    mode: int
    """Permission bits, with setuid and the like."""
    mtime: int
    """Seconds since the epoch."""
    number: int
    """Number of the inode, which hard links share."""
    size: int = 0
    """Bytes of content; of the listing for a folder."""
    start: int = 0
    """Where the blocks of a file start in the image; reference to the listing of a folder."""
    fragment: int = NONE
    """Fragment that holds the end of a file."""
    offset: int = 0
    """Where in the fragment."""
    blocks: tuple[int, ...] = ()
    """Bytes of each block of a file as stored, with `STORED_DATA`."""
    target: bytes = b""
    """Text of a symbolic link."""


class Tables:
    """Inodes, listings and fragments of one image."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.super = read_super(source, limits)
        self.unpack = unpacker(self.super.compression, limits)
        self._source = source
        self._limits = limits
        self._inodes = Metadata(source, self.unpack, self.super.inode_table, self.super.folder_table)
        self._listings = Metadata(source, self.unpack, self.super.folder_table, self.super.end)
        self._fragments = Metadata(source, self.unpack, 0, self.super.end)

    def inode(self, reference: int) -> Inode:
        """Return the inode at `reference`."""
        cursor = self._inodes.at(reference)
        kind, mode, user, group, mtime, number = cursor.unpack(COMMON)
        if max(user, group) >= self.super.owners:
            raise invalid("an inode has an owner that does not exist")
        extended = kind > EXTENDED
        kind -= EXTENDED if extended else 0
        match kind:
            case 1:
                return Inode(FOLDER, mode, mtime, number, *_folder(cursor, extended))
            case 2:
                return Inode(FILE, mode, mtime, number, *self._file(cursor, extended))
            case 3:
                _, size = cursor.unpack(LINK)
                if size > self._limits.link_bytes:
                    raise PackRefused("pack-link-too-long", f"A symbolic link has {size} bytes.", HOSTILE)
                return Inode(SYMLINK, mode, mtime, number, target=cursor.take(size))
            case 4 | 5 | 6 | 7:
                return Inode(kind, mode, mtime, number)
            case _:
                raise invalid(f"it has an inode of the unknown type {kind}")

    def listing(self, folder: Inode) -> Iterator[tuple[bytes, int, Inode]]:
        """Yield name, reference and inode of everything in `folder`."""
        left = folder.size - 3  # by definition: the two entries that are not stored count 3
        cursor = self._listings.at(folder.start) if left > 0 else None
        while cursor and left > 0:
            count, start, number = cursor.unpack(LISTING)
            left -= LISTING.size
            for _ in range(count + 1):
                offset, difference, kind, size = cursor.unpack(LISTED)
                name = cursor.take(size + 1)
                left -= LISTED.size + len(name)
                if left < 0:
                    raise invalid("a folder's listing is longer than stated")
                reference = start << 16 | offset
                inode = self.inode(reference)
                if inode.type != kind or inode.number != number + difference:
                    raise invalid("a folder describes another inode than it points at")
                yield name, reference, inode

    def fragment(self, index: int) -> tuple[int, int]:
        """Return offset and stored size of a fragment block."""
        if index >= self.super.fragments:
            raise invalid("a file ends in a fragment that does not exist")
        place = self.super.fragment_table + index // FRAGMENTS_IN_BLOCK * 8
        block = int.from_bytes(self._source.exactly(place, 8), "little")
        cursor = Cursor(self._fragments, block, index % FRAGMENTS_IN_BLOCK * FRAGMENT.size)
        start, size, _ = cursor.unpack(FRAGMENT)
        return start, size

    def _file(self, cursor: Cursor, extended: bool) -> tuple[int, int, int, int, tuple[int, ...]]:
        if extended:
            start, size, _, _, fragment, offset, _ = cursor.unpack(LONG_FILE)
        else:
            start, fragment, offset, size = cursor.unpack(BASIC_FILE)
        check_volume(size, self._source.size, self._limits)
        count = size // self.super.block_size
        if fragment == NONE and size % self.super.block_size:
            count += 1
        return size, start, fragment, offset, struct.unpack(f"<{count}I", cursor.take(4 * count))


def _folder(cursor: Cursor, extended: bool) -> tuple[int, int]:
    """Return the bytes of a folder's listing and the reference to it."""
    if extended:
        _, size, block, _, _, offset, _ = cursor.unpack(LONG_FOLDER)
    else:
        block, _, size, offset, _ = cursor.unpack(BASIC_FOLDER)
    return size, block << 16 | offset
