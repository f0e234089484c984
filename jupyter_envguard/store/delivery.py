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
from collections.abc import Iterable
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
        self._here: dict[str, Path] = {}
        self._waiting: list[tuple[Line, Path]] = []
        self._folder = staging / "objects"
        self._lines: dict[str, Line] = {}
        make_folder(self._folder, 0o700, owner)
        for line in manifest.lines:
            if line.kind == "f":
                self._lines.setdefault(line.content, line)
                if line.size >= SHARED_BYTES and objects.has(line, self._mtime):
                    self._here[line.content] = objects.path(line)

    def missing(self) -> tuple[Wanted, ...]:
        """Return the contents that are still to be put, each once, in the order of the manifest's paths."""
        return tuple(
            Wanted(sha256, line.size) for sha256, line in self._lines.items() if sha256 not in self._here
        )

    def put(self, wanted: Wanted, chunks: Iterable[bytes]) -> None:
        """Take the content `wanted`; raise `object-mismatch` when `chunks` are something else.

        Reads no more than one chunk beyond the size. What was put before is put again.
        """
        line = self._lines.get(wanted.sha256)
        if line is None:
            raise InvalidInput(
                "invalid-argument",
                f"The image has no content with the hash {wanted.sha256}.",
                "Put what is missing.",
            )
        target = self._folder / self._objects.path(line).name
        target.unlink(missing_ok=True)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        digest, size = hashlib.sha256(), 0
        with open(handle, "wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > line.size:
                    break
                digest.update(chunk)
                file.write(chunk)
        if size != line.size or digest.hexdigest() != line.content:
            target.unlink()
            raise Untrusted(
                "object-mismatch",
                f"What was fetched for {line.path} is not its content: {size} bytes of {line.size}"
                f"{', with another hash' if size == line.size else ''}.",
                "Try again; if it stays so, the source is damaged or not to be trusted.",
            )
        seal_file(target, line, self._mtime, self._owner)
        self._here[line.content] = target
        if line.size >= SHARED_BYTES:
            self._waiting.append((line, target))

    def checkpoint(self) -> None:
        """Make what is complete survive this process and the power: sync, then give objects their names.

        Others may go on putting.
        """
        complete, self._waiting = self._waiting, []
        sync_file_system(self._folder)
        for line, path in complete:
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
        folders = [tree]
        for line in self._manifest.lines:
            path = tree / line.path
            if line.kind == "d":
                path.mkdir(0o700)
                folders.append(path)
            elif line.kind == "l":
                path.symlink_to(line.content)
                give(path, self._owner)
                os.utime(path, (self._mtime, self._mtime), follow_symlinks=False)
            else:
                self._bring(line, path)
        for path in reversed(folders):
            give(path, self._owner)
            os.utime(path, (self._mtime, self._mtime))
            if path != tree:
                path.chmod(0o555)

    def _bring(self, line: Line, target: Path) -> None:
        """Put the content of `line` in its place, making the object for its mode if there is none yet."""
        source = self._here[line.content]
        if line.size >= SHARED_BYTES:
            known = self._objects.path(line)
            if not self._objects.has(line, self._mtime):
                spare = self._folder / known.name
                if not spare.exists():
                    copy_sealed(source, spare, line, self._mtime, self._owner)
                self._objects.keep(line, spare)
            if self._objects.has(line, self._mtime):
                source = known
        self._objects.bring(line, target, source, self._mtime)
