"""The names of an image as one small file that Linux mounts: an EROFS image without the large contents.

What is shared between images is in it only as a hole that tells overlayfs where
the content lies among the objects; everything else is in it whole. The file comes
out of the manifest and the small contents, the same bytes on every machine, in a
moment, and without a program.

The format is documented with the kernel (`Documentation/filesystems/erofs.rst`):
inodes lie at multiples of 32 bytes, and the number of an inode is where it lies. An
inode is followed by its extended attributes and then by what is left of its content
after the last whole block, or by a list of chunks, which for a hole has one entry.
"""

from __future__ import annotations

import stat
import struct
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from jupyter_envguard.image import Line, Manifest, Owner
from jupyter_envguard.image.manifest import PERMISSIONS

BLOCK_BITS = 12
BLOCK = 1 << BLOCK_BITS
SLOT = 32
"""Inodes lie at multiples of so many bytes."""

_START = 1024
_MAGIC, _HAS_TIME, _HAS_CHUNKS = 0xE0F5E1E2, 2, 4
_SUPER = struct.Struct("<IIIBBHQQIIII16s16sI44x")
_COMPACT, _EXTENDED = struct.Struct("<HHHHIIIIHHI"), struct.Struct("<HHHHQIIIIQII16x")
_PLAIN, _INLINE, _CHUNKED = 0, 2, 4
_ENTRY = struct.Struct("<QHBB")
_HOLE = struct.pack("<I", 0xFFFFFFFF)
_TRUSTED = 4
_ATTRIBUTES = struct.Struct("<I8x")
_FILE, _FOLDER, _LINK = 1, 2, 7
_SMALL_NUMBER, _SMALL_SIZE = 1 << 16, 1 << 32
"""What an inode of 32 bytes has room for: owners and numbers of links, sizes."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A content that is among the objects."""

    place: str
    """Its path below the folder of the objects, from `/` on."""


Content = bytes | Elsewhere
"""A content itself, or where it is when the image is mounted."""


def write_skeleton(
    manifest: Manifest, owner: Owner, content_of: Callable[[Line], Content], target: Path
) -> None:
    """Write the new file `target`; `content_of` is asked for the content of every file.

    Everything in it belongs to `owner`. Raises `OSError`, and what `content_of` raises.
    """
    inodes, folders = _inodes(manifest, content_of)
    is_large = max(owner) >= _SMALL_NUMBER or any(
        inode.size >= _SMALL_SIZE or inode.links >= _SMALL_NUMBER for inode in inodes
    )
    core = _EXTENDED if is_large else _COMPACT
    blocks = _place(inodes, core.size)
    for inode in inodes:
        inode.block, blocks = blocks, blocks + inode.blocks
    for folder, groups in folders:
        folder.content = _listing(groups)
    with target.open("xb") as file:
        file.write(_superblock(manifest, len(inodes), blocks, inodes[0].number))
        for inode in inodes:
            file.seek(inode.number * SLOT)
            file.write(inode.core(core, owner, manifest.header.seal.mtime))
            file.write(inode.attributes + inode.rest())
        for inode in inodes:
            file.seek(inode.block * BLOCK)
            inode.write_blocks(file)
        file.truncate(blocks * BLOCK)


@dataclass(slots=True)
class _Inode:
    """One path on its way into the file."""

    index: int
    kind: int
    mode: int
    size: int
    content: Content
    links: int = 1
    attributes: bytes = b""
    number: int = 0
    block: int = 0

    @property
    def layout(self) -> int:
        if isinstance(self.content, Elsewhere):
            return _CHUNKED
        return _INLINE if self.tail else _PLAIN

    @property
    def blocks(self) -> int:
        """How many whole blocks its content takes."""
        if isinstance(self.content, Elsewhere):
            return 0
        return self.size // BLOCK if self.tail else -(-self.size // BLOCK)

    @property
    def tail(self) -> int:
        """How many bytes follow the inode: what the last block would hold, unless it has no room with it."""
        if not isinstance(self.content, bytes):
            return 0
        tail = self.size % BLOCK
        return tail if tail + _EXTENDED.size <= BLOCK else 0

    def core(self, shape: struct.Struct, owner: Owner, mtime: int) -> bytes:
        """Return the inode itself."""
        attributes = (len(self.attributes) - _ATTRIBUTES.size) // 4 + 1 if self.attributes else 0
        where = self.block
        if self.layout == _CHUNKED:  # as large as to make one chunk of it
            where = max(0, (self.size - 1).bit_length() - BLOCK_BITS)
        shape_bit = int(shape is _EXTENDED)
        head = (self.layout << 1 | shape_bit, attributes, self.mode)
        if shape_bit:
            return shape.pack(*head, 0, self.size, where, self.index, *owner, mtime, 0, self.links)
        return shape.pack(*head, self.links, self.size, 0, where, self.index, *owner, 0)

    def rest(self) -> bytes:
        """Return what follows the inode and its attributes."""
        if isinstance(self.content, bytes):
            return self.content[self.size - self.tail :]
        return _HOLE if isinstance(self.content, Elsewhere) else b""

    def write_blocks(self, file: BinaryIO) -> None:
        """Write the whole blocks of its content."""
        if isinstance(self.content, bytes):
            file.write(self.content[: self.size - self.tail])


Entry = tuple[bytes, _Inode]
"""A name in a folder, and what it is the name of."""
Folder = tuple[_Inode, list[list[Entry]]]
"""A folder, and its entries by the block in which they are."""


def _inodes(manifest: Manifest, content_of: Callable[[Line], Content]) -> tuple[list[_Inode], list[Folder]]:
    """Return the root and every path in order, and the folders, which have their size but no content."""
    root = _folder(1)
    inodes, folders = [root], {"": root}
    inside: defaultdict[str, list[Entry]] = defaultdict(list)
    for index, line in enumerate(manifest.lines, 2):
        parent, _, name = line.path.rpartition("/")
        if line.kind == "f":
            inode = _file(index, line, content_of(line))
        elif line.kind == "l":
            target = line.content.encode()
            inode = _Inode(index, _LINK, stat.S_IFLNK | 0o777, len(target), target)
        else:
            inode = folders[line.path] = _folder(index)
            folders[parent].links += 1
        inodes.append(inode)
        inside[parent].append((name.encode(), inode))
    filled: list[Folder] = []
    for path, folder in folders.items():
        entries = [(b".", folder), (b"..", folders[path.rpartition("/")[0]]), *inside[path]]
        groups = _grouped(sorted(entries, key=lambda entry: entry[0]))
        folder.size = (len(groups) - 1) * BLOCK + sum(_ENTRY.size + len(name) for name, _ in groups[-1])
        folder.content = bytes(folder.size)
        filled.append((folder, groups))
    return inodes, filled


def _folder(index: int) -> _Inode:
    return _Inode(index, _FOLDER, stat.S_IFDIR | 0o555, 0, b"", 2)


def _grouped(entries: list[Entry]) -> list[list[Entry]]:
    """Return `entries` by the block that has room for them."""
    groups: list[list[Entry]] = [[]]
    room = BLOCK
    for entry in entries:
        needed = _ENTRY.size + len(entry[0])
        if needed > room:
            groups.append([])
            room = BLOCK
        groups[-1].append(entry)
        room -= needed
    return groups


def _listing(groups: list[list[Entry]]) -> bytes:
    """Return the content of a folder: in each block the entries, then their names."""
    blocks = []
    for group in groups:
        at, entries, names = _ENTRY.size * len(group), b"", b""
        for name, inode in group:
            entries += _ENTRY.pack(inode.number, at + len(names), inode.kind, 0)
            names += name
        blocks.append((entries + names).ljust(BLOCK, b"\0"))
    blocks[-1] = blocks[-1][: len(entries) + len(names)]
    return b"".join(blocks)


def _file(index: int, line: Line, content: Content) -> _Inode:
    inode = _Inode(index, _FILE, stat.S_IFREG | PERMISSIONS[line.mode], line.size, content)
    if isinstance(content, Elsewhere):
        inode.attributes = _attributes(content.place.encode())
    return inode


def _attributes(place: bytes) -> bytes:
    """Return the two attributes by which overlayfs finds a content."""
    found = _ATTRIBUTES.pack(0)
    for name, value in ((b"overlay.metacopy", b""), (b"overlay.redirect", place)):
        entry = struct.pack("<BBH", len(name), _TRUSTED, len(value)) + name + value
        found += entry + bytes(-len(entry) % 4)
    return found


def _place(inodes: list[_Inode], core: int) -> int:
    """Give every inode its number; return the first block after them."""
    at = _START + _SUPER.size
    for inode in inodes:
        before = core + len(inode.attributes)
        if inode.tail and at % BLOCK + before + inode.tail > BLOCK:  # it must not cross a border
            at += -at % BLOCK
        inode.number = at // SLOT
        at += before + (len(_HOLE) if inode.layout == _CHUNKED else inode.tail)
        at += -at % SLOT
    return -(-at // BLOCK)


def _superblock(manifest: Manifest, count: int, blocks: int, root: int) -> bytes:
    identity = uuid.UUID(manifest.digest()[7:39]).bytes
    mtime = manifest.header.seal.mtime
    numbers = (_MAGIC, 0, _HAS_TIME, BLOCK_BITS, 0, root, count, mtime, 0, blocks, 0, 0)
    return bytes(_START) + _SUPER.pack(*numbers, identity, b"envguard", _HAS_CHUNKS)
