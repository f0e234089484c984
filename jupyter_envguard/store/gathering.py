"""Contents on their way into the objects of the store: `Gathering`, which needs no tree.

What is put is verified while it is written, and counts for nothing before its hash
is right. `checkpoint` makes what is complete into objects, which survive whatever
happens to this process: the next attempt finds less missing. Contents that are too
small to be objects are kept in memory.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_envguard.errors import InvalidInput, Untrusted
from jupyter_envguard.image import Line, Manifest, Owner
from jupyter_envguard.store.folders import make_folder, sync_file_system
from jupyter_envguard.store.objects import Objects, copy_sealed, is_shared, seal_file


@dataclass(frozen=True, slots=True)
class Wanted:
    """A content that is not here."""

    sha256: str
    """Bare hex hash of it."""
    size: int
    """Bytes of it."""


class Gathering:
    """Takes the contents of `manifest` that are not among the `objects`."""

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
                if is_shared(line) and line.content not in self._here and objects.has(line, self._mtime):
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
        if not is_shared(line):
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

    def complete(self) -> Mapping[str, bytes]:
        """Let every object be there, and return the small contents by their hashes; no tree is needed.

        Raises `delivery-incomplete` unless all was put.
        """
        missing = self.missing()
        if missing:
            first = self._lines[missing[0].sha256].path
            raise InvalidInput(
                "delivery-incomplete",
                f"{len(missing)} contents are missing, the first is that of {first}.",
                "Put all that is missing.",
            )
        self.checkpoint()
        made = {(line.content, line.mode) for line in self._here.values()}
        for line in self._manifest.lines:
            if line.kind == "f" and is_shared(line) and (line.content, line.mode) not in made:
                self._make_other(line)
                made.add((line.content, line.mode))
        return self._small

    def _make_other(self, line: Line) -> None:
        """Make the object for the mode of `line`, of whose content there is one for the other mode."""
        if not self._objects.has(line, self._mtime):
            spare = self._folder / line.content
            source = self._objects.path(self._here[line.content])
            copy_sealed(source, spare, line, self._mtime, self._owner)
            self._objects.keep(line, str(spare))


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
