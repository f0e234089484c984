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
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from jupyter_envguard.image import Line
from jupyter_envguard.store.gathering import Gathering
from jupyter_envguard.store.landing import Seat
from jupyter_envguard.store.objects import is_shared, seat_in_tree


class Delivery(Gathering):
    """Takes the contents of an image right into its tree; made by `Store.receive`."""

    def assemble(self) -> None:
        """Complete the tree and seal it; raise `delivery-incomplete` unless all is here."""
        self._require_all()
        self._brought.result()
        self._waiting += self._repeated()
        self.checkpoint()
        folders = []
        for line in self._lines:
            if line.kind == "l":
                self.ground.symlink(line.path, line.content)
            elif line.kind == "d":
                folders.append(line.path)
        for path in reversed(folders):
            self.ground.seal(path)
        os.utime(self._folder, (self._mtime, self._mtime))

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

    def _make_room(self) -> None:
        for line in self._lines:
            if line.kind == "d":
                self.ground.folder(line.path)
        self._thread = ThreadPoolExecutor(1, "bring")
        self._brought = self._thread.submit(self._objects.bring, self._there, self.ground)

    def close(self) -> None:
        """Let go of the tree."""
        self._thread.shutdown()
        super().close()

    def _seat(self, line: Line) -> Seat:
        return seat_in_tree(line)

    def _keep(self, lines: Sequence[Line]) -> None:
        self._objects.adopt(self._folder, lines, self._mtime)
