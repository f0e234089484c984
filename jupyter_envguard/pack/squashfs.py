"""Packs that are squashfs images, read without mounting and without squashfs-tools.

The format (https://dr-emann.github.io/squashfs/squashfs.html, version 4.0, little
endian) is simple enough to be read here, which keeps hostile images away from C
code that runs as root, and needs nothing installed. Extended attributes are not
read: an image of ours has none.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import lru_cache

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import Kind, Member
from jupyter_envguard.pack.limits import Limits
from jupyter_envguard.pack.names import check_path, decode
from jupyter_envguard.pack.reader import Reader
from jupyter_envguard.pack.refusals import HOSTILE, damaged, quoted
from jupyter_envguard.pack.squashfs_tables import (
    FOLDER,
    SPECIAL,
    STORED_DATA,
    SYMLINK,
    Inode,
    Tables,
    invalid,
)
from jupyter_envguard.pack.streams import Ahead, Source, gathered

CACHED_FRAGMENTS = 8
"""Fragment blocks kept: files that share one lie close to each other."""


class SquashfsContainer:
    """A squashfs image, whose members come folder by folder in the order of their names."""

    format = "squashfs"

    def __init__(self, source: Source, limits: Limits) -> None:
        self.consumed = 0
        """Bytes of the image that were read in this pass."""
        self._source = source
        self._limits = limits

    def entries(self) -> Generator[tuple[Member, Iterator[bytes]]]:
        """Yield each member with its content, from the start; content must be read before going on.

        Raises `PackRefused` where the image stops being sound.
        """
        tables = Tables(self._source, self._limits)
        found = list(self._walk(tables))
        self.consumed = 0
        files = [inode for member, inode in found if member.kind is Kind.FILE]
        with Ahead(gathered(self._contents(tables, files))) as pieces:
            reader = Reader(pieces)
            for member, _ in found:
                content = reader.stream(member.size, "a file")
                yield member, content
                for _ in content:
                    pass

    def _walk(self, tables: Tables) -> Iterator[tuple[Member, Inode]]:
        """Yield every member and its inode, parents first."""
        root = tables.inode(tables.super.root)
        if root.type != FOLDER:
            raise invalid("its root is not a folder")
        folders = {root.number}
        files: dict[int, tuple[int, str]] = {}
        pending = [("", tables.listing(root))]
        count = 0
        while pending:
            above, listing = pending[-1]
            name, reference, inode = next(listing, (b"", 0, None))
            if inode is None:
                pending.pop()
                continue
            path = above + _name(name)
            check_path(path, self._limits)
            count += 1
            if count > self._limits.entries:
                raise PackRefused(
                    "pack-too-many-entries",
                    f"The pack has more than {self._limits.entries} members.",
                    HOSTILE,
                )
            yield _member(path, reference, inode, files), inode
            if inode.type == FOLDER:
                if inode.number in folders:
                    raise invalid(f"the folder {quoted(path)} is found twice")
                folders.add(inode.number)
                pending.append((f"{path}/", tables.listing(inode)))

    def _contents(self, tables: Tables, files: list[Inode]) -> Iterator[bytes]:
        """Yield the content of all files one after the other."""
        fragment = lru_cache(CACHED_FRAGMENTS)(lambda index: self._fragment(tables, index))
        for inode in files:
            place, left = inode.start, inode.size
            for stored in inode.blocks:
                size = min(left, tables.super.block_size)
                yield self._block(tables, place, stored, size)
                place += stored & ~STORED_DATA
                left -= size
            if left:
                piece = fragment(inode.fragment)[inode.offset : inode.offset + left]
                if len(piece) != left:
                    raise invalid("a file ends beyond its fragment")
                yield piece

    def _block(self, tables: Tables, place: int, stored: int, size: int) -> bytes:
        if not stored:
            return bytes(size)
        content = self._unpacked(tables, place, stored)
        if len(content) != size:
            raise damaged("a block does not have the size that the image states")
        return content

    def _fragment(self, tables: Tables, index: int) -> bytes:
        return self._unpacked(tables, *tables.fragment(index))

    def _unpacked(self, tables: Tables, place: int, stored: int) -> bytes:
        size = stored & ~STORED_DATA
        if size > tables.super.block_size or place + size > tables.super.end:
            raise invalid("a block is too large or lies outside of it")
        self.consumed = min(self.consumed + size, tables.super.end)  # equal files share their blocks
        content = self._source.exactly(place, size)
        return content if stored & STORED_DATA else tables.unpack(content, tables.super.block_size)


def _name(raw: bytes) -> str:
    if b"/" in raw or b"\0" in raw:
        raise invalid(f"the name {quoted(raw)} is a path")
    return decode(raw)


def _member(path: str, reference: int, inode: Inode, files: dict[int, tuple[int, str]]) -> Member:
    """Return the member for an inode, a hard link when its file came before under another name."""
    if inode.type in SPECIAL:
        raise PackRefused("pack-special-file", f"{quoted(path)} is a {SPECIAL[inode.type]}.", HOSTILE)
    if inode.mode & 0o7000:
        raise PackRefused("pack-setuid", f"{quoted(path)} is setuid, setgid or sticky.", HOSTILE)
    mode = inode.mode & 0o777
    if inode.type == FOLDER:
        return Member(path, Kind.DIRECTORY, mode, mtime=inode.mtime)
    if inode.type == SYMLINK:
        return Member(path, Kind.SYMLINK, mode, 0, decode(inode.target), inode.mtime)
    known, first = files.setdefault(inode.number, (reference, path))
    if known != reference:
        raise invalid(f"{quoted(path)} and {quoted(first)} have one number and two inodes")
    if first != path:
        return Member(path, Kind.HARDLINK, mode, 0, first, inode.mtime)
    return Member(path, Kind.FILE, mode, inode.size, "", inode.mtime)
