"""Rooms for what is confined: one to write in, one to read in, and one that is closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_envguard.confine import SYSTEM_PROGRAMS, Confinement, confine, system_paths
from tests.children import in_child


class Rooms:
    """A room to write in, a room to read in, and a room that is closed."""

    def __init__(self, folder: Path) -> None:
        self.mine, self.read_only, self.closed = (folder / name for name in ("mine", "read_only", "closed"))
        for room in (self.mine, self.read_only, self.closed):
            room.mkdir()
            (room / "file").write_text(room.name)
            (room / "program").write_text("#!/bin/sh\necho ran\n")
            (room / "program").chmod(0o755)
            (room / "shelf").mkdir()
        self.confinement = Confinement(
            read=(str(self.read_only),),
            execute=system_paths(*SYSTEM_PROGRAMS),
            write=(str(self.mine), "/dev/null"),
        )

    def inside(self, act: Callable[[], Any]) -> Any:
        """Return what `act` returns in a child that is confined to the rooms."""

        def confined(_: int) -> Any:
            confine(self.confinement)
            return act()

        return in_child(confined)
