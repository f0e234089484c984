"""A packed environment, read and never executed: `open_pack` and `Pack`.

A pack is untrusted input. It is read twice: `Pack.inventory` goes over all of it
once, refuses hostile input and writes nothing; `Pack.files` then hands out the
same members with their content, checked against the first pass.

    with open_pack(Path("datasci.tar.gz")) as pack:
        inventory = pack.inventory()
        for member, content in pack.files():
            ...
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import Inventory, Kind, Member
from jupyter_envguard.pack.limits import Limits
from jupyter_envguard.pack.refusals import changed, quoted
from jupyter_envguard.pack.scan import Container, Progress, scan
from jupyter_envguard.pack.squashfs import SquashfsContainer
from jupyter_envguard.pack.streams import Source
from jupyter_envguard.pack.tar import TarContainer
from jupyter_envguard.pack.zipped import ZipContainer

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["Limits", "Pack", "Progress", "open_pack"]

HEAD_BYTES = 512
"""Bytes at the start of an archive that tell its format."""
COMPRESSIONS = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst"}
"""First bytes of a compressed tar."""
DEFAULT = Limits()


def open_pack(path: Path, limits: Limits = DEFAULT) -> Pack:
    """Open the pack at `path`, whose format is told by its content and not by its name.

    Raises `file-not-found`, `permission-denied`, `pack-not-a-file`, `pack-empty`
    or `pack-format-unknown`; everything else is found out by `Pack.inventory`.
    """
    source = Source(path)
    try:
        return Pack(source, _container(source, limits), limits)
    except BaseException:
        source.close()
        raise


def _container(source: Source, limits: Limits) -> Container:
    head = source.read_at(0, HEAD_BYTES)
    if not head:
        raise PackRefused("pack-empty", f"{source.path} is an empty file.", "Copy the pack again.")
    if head[257:262] == b"ustar":
        return TarContainer(source, "", limits)
    for magic, compression in COMPRESSIONS.items():
        if head.startswith(magic):
            return TarContainer(source, compression, limits)
    if head.startswith(b"PK"):
        return ZipContainer(source, limits)
    if head.startswith(b"hsqs"):
        return SquashfsContainer(source, limits)
    raise PackRefused(
        "pack-format-unknown",
        f"{source.path} is not a tar, zip or squashfs archive.",
        "Make the pack with conda-pack.",
    )


class Pack:
    """One packed archive, open for reading; a context manager that closes it."""

    def __init__(self, source: Source, container: Container, limits: Limits) -> None:
        self.path = source.path
        """Where the archive lies."""
        self.size = source.size
        """Bytes of the archive."""
        self.format = container.format
        """`tar`, `tar.gz`, `tar.bz2`, `tar.xz`, `tar.zst`, `zip` or `squashfs`."""
        self._source = source
        self._container = container
        self._limits = limits
        self._inventory: Inventory | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the archive; closing twice is fine."""
        self._source.close()

    def inventory(self, progress: Progress | None = None) -> Inventory:
        """Return everything that one bounded pass finds out; the second call returns the same value.

        Raises `PackRefused` with its own code for each hostile, damaged or
        unbounded thing. `progress` is called with bytes done and all bytes.
        """
        if self._inventory is None:
            self._inventory = scan(self._container, self._source, self._limits, progress)
        return self._inventory

    def files(self) -> Iterator[tuple[Member, BinaryIO]]:
        """Yield the members again, in archive order, each with a stream of its content.

        Only files have content. Each stream is good until the next member is
        asked for; what was not read of it is checked all the same. Raises
        `pack-changed` as soon as something is not as `inventory` found it.
        """
        inventory = self.inventory()
        self._source.check_unchanged()
        with closing(self._container.entries()) as entries:
            for expected, entry in zip_longest(inventory.members.values(), entries):
                if entry is None or entry[0] != expected:
                    raise changed("it has other members than before")
                member, content = entry
                raw = _Content(member, content, inventory.sha256.get(member.path, ""))
                yield member, io.BufferedReader(raw)
                raw.drain()
        self._source.check_unchanged()


class _Content(io.RawIOBase):
    """The content of one member as a file object, hashed on its way and compared at its end."""

    def __init__(self, member: Member, pieces: Iterator[bytes], sha256: str) -> None:
        self._member = member
        self._pieces = pieces
        self._piece = memoryview(b"")
        self._digest = hashlib.sha256()
        self._expected = sha256

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill `buffer` as far as the present piece goes."""
        if not self._piece:
            self._piece = self._next()
        view = memoryview(buffer).cast("B")
        size = min(len(view), len(self._piece))
        view[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size

    def readall(self) -> bytes:
        """Return all that is left, with as little copying as can be."""
        pieces = [bytes(self._piece)] if self._piece else []
        self._piece = memoryview(b"")
        while piece := self._next():
            pieces.append(bytes(piece))
        return b"".join(pieces)

    def drain(self) -> None:
        """Read to the end, so that the hash is compared whatever the caller did."""
        while self._next():
            pass

    def _next(self) -> memoryview:
        for piece in self._pieces:
            self._digest.update(piece)
            return memoryview(piece)
        if self._member.kind is Kind.FILE and self._digest.hexdigest() != self._expected:
            raise changed(f"the content of {quoted(self._member.path)} is not what it was")
        return memoryview(b"")
