"""An image on its way here as contents by hash: `Delivery`, what fetches it talks to.

    def fill(delivery):
        for wanted in delivery.missing():
            delivery.put(wanted, chunks_of(wanted.sha256))

    store.receive(documents, fill)

What is put is verified while it is written, and counts for nothing before its hash
is right. `checkpoint` makes what is complete into objects, which survive whatever
happens to this process: the next attempt finds less missing.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jupyter_envguard.errors import InvalidInput, Untrusted
from jupyter_envguard.image import Line, Manifest, Owner
from jupyter_envguard.store.folders import give, make_folder, sync_file_system
from jupyter_envguard.store.objects import SHARED_BYTES, Objects, copy_sealed, seal_file


@dataclass(frozen=True, slots=True)
class Wanted:
    """A content that is not here."""

    sha256: str
    """Bare hex hash of it."""
    size: int
    """Bytes of it."""


class Delivery:
    """Takes the contents of `manifest` that are not among the `objects`; made by `Store.receive`."""

    def __init__(self, manifest: Manifest, staging: Path, objects: Objects, owner: Owner | None) -> None:
        self._manifest = manifest
        self._mtime = manifest.header.seal.mtime
        self._objects = objects
        self._owner = owner
        self._small: dict[str, bytes] = {}
        self._waiting: dict[str, tuple[Line, str]] = {}
        self._turn = threading.Lock()
        self._folder = staging / "objects"
        self._lines: dict[str, Line] = {}
        self._here: dict[str, Line] = {}
        make_folder(self._folder, 0o700, owner)
        for line in manifest.lines:
            if line.kind == "f":
                self._lines.setdefault(line.content, line)
                if _is_shared(line) and line.content not in self._here and objects.has(line, self._mtime):
                    self._here[line.content] = line

    def missing(self) -> tuple[Wanted, ...]:
        """Return the contents that are still to be put, each once, in the order of the manifest's paths."""
        return tuple(
            Wanted(sha256, line.size)
            for sha256, line in self._lines.items()
            if sha256 not in self._here and sha256 not in self._small
        )

    def put(self, wanted: Wanted, chunks: Iterable[bytes]) -> None:
        """Take the content `wanted`; raise `object-mismatch` when `chunks` are something else.

        Reads no more than one chunk beyond the size. What was put before is put again.
        Several threads may put different contents, also while one makes a checkpoint.
        """
        line = self._lines.get(wanted.sha256)
        if line is None:
            raise InvalidInput(
                "invalid-argument",
                f"The image has no content with the hash {wanted.sha256}.",
                "Put what is missing.",
            )
        if not _is_shared(line):
            content = b"".join(_measured(line, chunks))
            _check(line, len(content), hashlib.sha256(content).hexdigest())
            self._small[line.content] = content
            return
        target = self._folder / line.content
        target.unlink(missing_ok=True)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        digest, size = hashlib.sha256(), 0
        with open(handle, "wb") as file:
            for chunk in _measured(line, chunks):
                size += len(chunk)
                digest.update(chunk)
                file.write(chunk)
        _check(line, size, digest.hexdigest())
        seal_file(target, line, self._mtime, self._owner)
        with self._turn:
            self._here[line.content] = line
            self._waiting[line.content] = (line, str(target))

    def checkpoint(self) -> None:
        """Make what is complete survive this process and the power: sync, then give objects their names.

        Small contents do not: they are not shared, and are few bytes to fetch again.
        """
        with self._turn:
            waiting, self._waiting = self._waiting, {}
        sync_file_system(self._folder)
        for line, path in waiting.values():
            self._objects.keep(line, path)

    def assemble(self, tree: Path) -> None:
        """Make the sealed tree in the empty folder `tree`; raise `delivery-incomplete` unless all is here."""
        missing = self.missing()
        if missing:
            first = self._lines[missing[0].sha256].path
            raise InvalidInput(
                "delivery-incomplete",
                f"{len(missing)} contents are missing, the first is that of {first}.",
                "Put all that is missing.",
            )
        self.checkpoint()
        folders, sources = [tree], {(line.content, line.mode) for line in self._here.values()}
        for line in self._manifest.lines:
            if line.kind == "d":
                folders.append(tree / line.path)
                folders[-1].mkdir(0o700)
            elif line.kind == "l":
                self._link(line, tree / line.path)
            elif not _is_shared(line):
                path = tree / line.path
                path.write_bytes(self._small[line.content])
                seal_file(path, line, self._mtime, self._owner)
            else:
                if (line.content, line.mode) not in sources:
                    self._make_other(line)
                    sources.add((line.content, line.mode))
                self._objects.bring(line, f"{tree}/{line.path}", self._objects.place(line), self._mtime)
        for path in reversed(folders):
            give(path, self._owner)
            os.utime(path, (self._mtime, self._mtime))
            if path != tree:
                path.chmod(0o555)

    def _link(self, line: Line, path: Path) -> None:
        path.symlink_to(line.content)
        give(path, self._owner)
        os.utime(path, (self._mtime, self._mtime), follow_symlinks=False)

    def _make_other(self, line: Line) -> None:
        """Make the object for the mode of `line`, of whose content there is one for the other mode."""
        if not self._objects.has(line, self._mtime):
            spare = self._folder / line.content
            source = self._objects.path(self._here[line.content])
            copy_sealed(source, spare, line, self._mtime, self._owner)
            self._objects.keep(line, str(spare))


def _is_shared(line: Line) -> bool:
    return line.size >= SHARED_BYTES


def _measured(line: Line, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield `chunks` up to the one with which there are too many bytes."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        yield chunk
        if size > line.size:
            return


def _check(line: Line, size: int, sha256: str) -> None:
    if size != line.size or sha256 != line.content:
        raise Untrusted(
            "object-mismatch",
            f"What was fetched for {line.path} is not its content: {size} bytes of {line.size}"
            f"{', with another hash' if size == line.size else ''}.",
            "Try again; if it stays so, the source is damaged or not to be trusted.",
        )
