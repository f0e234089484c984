"""An image on its way here as contents by hash: `Delivery`, what fetches it talks to.

    def fill(delivery):
        for wanted in delivery.missing():
            delivery.put(wanted, chunks_of(wanted.sha256))

    store.receive(documents, fill)

The tree grows where it is staged: the seat of what is missing is its place there, and
what the store has is linked into it meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from jupyter_envguard.image import Line
from jupyter_envguard.store.gathering import Gathering
from jupyter_envguard.store.landing import Seat
from jupyter_envguard.store.objects import is_shared, seat_in_tree

THREADS = 2
"""Threads that make links and folders; more wait for each other in Python."""

Thing = TypeVar("Thing")


class Delivery(Gathering):
    """Takes the contents of an image right into its tree; made by `Store.receive`."""

    _folders: Future[None]
    _has_folders = False

    def seat_of(self, sha256: str) -> Seat | None:
        """Return where a content that was missing goes, when its folder is there."""
        if not self._has_folders:
            self._folders.result()
            self._has_folders = True
        return super().seat_of(sha256)

    def assemble(self) -> None:
        """Complete the tree and seal it; raise `delivery-incomplete` unless all is here."""
        self._require_all()
        self._folders.result()
        self._wait_for(self._brought)
        self._waiting += self._repeated()
        for line in self._lines:
            if line.kind == "l":
                self.ground.symlink(line.path, line.content)
        folders = [line.path for line in self._lines if line.kind == "d"]
        self._wait_for([self._pool.submit(self._seal, part) for part in _parts(folders)])
        os.utime(self._folder, (self._mtime, self._mtime))
        self.checkpoint()  # last, so that folders are brought to the disk once

    def _seal(self, folders: Sequence[str]) -> None:
        for path in folders:
            self.ground.seal(path)

    def _wait_for(self, work: Iterable[Future[None]]) -> None:
        for each in work:
            each.result()

    def _repeated(self) -> Iterator[Line]:
        """Make the files whose content stands elsewhere in the tree; yield those that are no links."""
        first = {(line.content, line.mode): line.path for line in self._seats.values()}
        for line in self._absent:
            known = self._sources[line.content]
            source = first.setdefault((line.content, line.mode), line.path)
            if line is known:
                continue
            if source == line.path or not is_shared(line):
                self.ground.copy(known.path, seat_in_tree(line))
                yield line
            else:
                self.ground.link_or_copy(source, seat_in_tree(line))

    def _begin(self) -> None:
        # links and folders are the work of the kernel, during which Python lets other threads run
        self._pool = ThreadPoolExecutor(THREADS, "bring")
        self._folders = self._pool.submit(self._make_folders)

    def _make_folders(self) -> None:
        for line in self._lines:
            if line.kind == "d":
                self.ground.folder(line.path)

    def _make_room(self) -> None:
        self._brought = [self._pool.submit(self._bring, part) for part in _parts(self._there)]

    def _bring(self, lines: Sequence[Line]) -> None:
        self._folders.result()
        self._objects.bring(lines, self.ground)

    def close(self) -> None:
        """Let go of the tree."""
        self._pool.shutdown(cancel_futures=True)
        super().close()

    def _seat(self, line: Line) -> Seat:
        return seat_in_tree(line)

    def _keep(self, lines: Sequence[Line]) -> None:
        self._objects.adopt(self._folder, lines, self._mtime)


def _parts(things: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    """Yield `things` in one part for each thread: neighbours together, which are in the same folders."""
    size = len(things) // THREADS + 1
    return (things[start : start + size] for start in range(0, len(things), size))
