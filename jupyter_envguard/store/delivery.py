"""An image on its way here as contents by hash: `Delivery`, what fetches it talks to.

    def fill(delivery):
        for wanted in delivery.missing():
            delivery.put(wanted, chunks_of(wanted.sha256))

    store.receive(documents, fill)

Where a tree is wanted it is made in the end, from objects and what is in memory.
"""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_envguard.image import Line
from jupyter_envguard.store.folders import give
from jupyter_envguard.store.gathering import Gathering
from jupyter_envguard.store.objects import is_shared, seal_file


class Delivery(Gathering):
    """Takes the contents of an image, and makes its tree of them; made by `Store.receive`."""

    def assemble(self, tree: Path) -> None:
        """Make the sealed tree in the empty folder `tree`; raise `delivery-incomplete` unless all is here."""
        self.complete()
        folders = [tree]
        for line in self._manifest.lines:
            if line.kind == "d":
                folders.append(tree / line.path)
                folders[-1].mkdir(0o700)
            elif line.kind == "l":
                self._link(line, tree / line.path)
            elif not is_shared(line):
                path = tree / line.path
                path.write_bytes(self._small[line.content])
                seal_file(path, line, self._mtime, self._owner)
            else:
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
