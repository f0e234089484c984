"""Contents on their way into the objects of the store: `Gathering`, which needs no tree.

What is put is written to its *seat* in a folder, verified while it is written, and
counts for nothing before its hash is right. `checkpoint` makes what is complete into
objects, which survive whatever happens to this process: the next attempt finds less
missing. Contents that are too small to be objects do not.

Other processes may do the writing: `seat_of` says what goes where on which `ground`,
and `landed` is told when it is there.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from jupyter_envguard.errors import InvalidInput, Untrusted
from jupyter_envguard.image import Line, Manifest, Owner
from jupyter_envguard.image.manifest import PERMISSIONS
from jupyter_envguard.store.folders import make_folder, sync_file_system
from jupyter_envguard.store.landing import Ground, Seat, WrongContentError
from jupyter_envguard.store.objects import Objects, is_shared


class Wanted(NamedTuple):
    """A content that is not here."""

    sha256: str
    """Bare hex hash of it."""
    size: int
    """Bytes of it."""


class Gathering:
    """Takes the contents of `manifest` that are not among the `objects` into the empty `folder`."""

    def __init__(self, manifest: Manifest, folder: Path, objects: Objects, owner: Owner | None) -> None:
        self._lines = manifest.lines
        self._folder = folder
        self._mtime = manifest.header.seal.mtime
        self._objects = objects
        self._turn = threading.Lock()
        self._waiting: list[Line] = []
        self._landed: set[str] = set()
        make_folder(folder, 0o700, owner)
        self.ground = Ground(str(folder), self._mtime, owner)
        self._begin()
        try:
            self._look()
            self._make_room()
        except BaseException:
            self.close()
            raise

    def _look(self) -> None:
        """Find out what is here."""
        files = [line for line in self._lines if line.kind == "f"]
        self._absent = self._objects.absent(files, self._mtime)
        absent = {line.content for line in self._absent}, {line.path for line in self._absent}
        self._there = [line for line in files if line.path not in absent[1]]
        # there may be an object for the other mode
        self._sources = {line.content: line for line in self._there if line.content in absent[0]}
        self._seats: dict[str, Line] = {}
        for line in self._absent:
            if line.content not in self._sources:
                self._seats.setdefault(line.content, line)
        self._sources.update(self._seats)

    def close(self) -> None:
        """Let go of the folder."""
        self.ground.close()

    def missing(self) -> tuple[Wanted, ...]:
        """Return the contents that are still to be put, each once, in the order of the manifest's paths."""
        return tuple(
            Wanted(sha256, line.size) for sha256, line in self._seats.items() if sha256 not in self._landed
        )

    def seat_of(self, sha256: str) -> Seat | None:
        """Return where a content that was missing goes, or None when nobody wants it."""
        line = self._seats.get(sha256)
        return self._seat(line) if line else None

    def put(self, wanted: Wanted, chunks: Iterable[bytes | memoryview]) -> None:
        """Take the content `wanted`; raise `object-mismatch` when `chunks` are something else.

        Reads no more than one chunk beyond the size. What was put before is put again.
        Several threads may put different contents, also while one makes a checkpoint.
        """
        seat = self.seat_of(wanted.sha256)
        if seat is None:
            raise InvalidInput(
                "invalid-argument",
                f"The image lacks no content with the hash {wanted.sha256}.",
                "Put what is missing.",
            )
        try:
            self.ground.write(seat, chunks)
        except WrongContentError as error:
            raise self.mismatch(wanted.sha256, error.came) from error
        self.landed((wanted.sha256,))

    def landed(self, contents: Collection[str]) -> None:
        """Take note that these contents were written to their seats, and verified."""
        with self._turn:
            self._landed.update(contents)
            self._waiting += (self._seats[content] for content in contents)

    def mismatch(self, sha256: str, came: int) -> Untrusted:
        """Return the error for a content of which `came` bytes came that were not it."""
        line = self._seats[sha256]
        return Untrusted(
            "object-mismatch",
            f"What was fetched for {line.path} is not its content: {came} bytes of {line.size}"
            f"{', with another hash' if came == line.size else ''}.",
            "Try again; if it stays so, the source is damaged or not to be trusted.",
        )

    def checkpoint(self) -> None:
        """Make what is complete survive this process and the power: sync, then give objects their names."""
        with self._turn:
            waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        sync_file_system(self._folder)
        self._keep([line for line in waiting if is_shared(line)])

    def complete(self) -> Mapping[str, bytes]:
        """Let every object be there, and return the small contents by their hashes; no tree is needed.

        Raises `delivery-incomplete` unless all was put.
        """
        self._require_all()
        small = {
            line.content: (self._folder / self._seat(line).path).read_bytes()
            for line in self._seats.values()
            if not is_shared(line)
        }
        self.checkpoint()
        made = {(line.content, line.mode) for line in self._seats.values()}
        for line in self._absent:
            if is_shared(line) and (line.content, line.mode) not in made:
                made.add((line.content, line.mode))
                source = self._objects.path(self._sources[line.content])
                self.ground.copy(str(source), self._seat(line))
                self._waiting.append(line)
        if self._waiting:
            self.checkpoint()
        return small

    def _require_all(self) -> None:
        missing = self.missing()
        if missing:
            first = self._seats[missing[0].sha256].path
            raise InvalidInput(
                "delivery-incomplete",
                f"{len(missing)} contents are missing, the first is that of {first}.",
                "Put all that is missing.",
            )

    def _begin(self) -> None:
        """Begin with what can be done before it is known what is here."""

    def _make_room(self) -> None:
        """Make the folders of all seats."""
        for folder in sorted({line.content[:2] for line in self._absent}):
            self.ground.folder(folder)

    def _seat(self, line: Line) -> Seat:
        """Return where the content of `line` goes and what it has to be."""
        return Seat(self._objects.below(line), PERMISSIONS[line.mode], line.size, line.content)

    def _keep(self, lines: Sequence[Line]) -> None:
        """Make objects of what stands at the seats of `lines`."""
        for line in lines:
            self._objects.keep(line, f"{self._folder}/{self._objects.below(line)}")
