"""What store, listing and guard were to reach, and which figure of which benchmark says whether they do.

    for judged in judge(RESULTS):
        print(judged.what, judged.met)

An aim stays when its figure is not there: then it was not measured, which is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Aim:
    """One thing that was to be reached."""

    what: str
    """What it is."""
    table: str
    """Name of the benchmark that measures it, as of the file with its figures."""
    row: str
    """How the names of its rows begin."""
    times: float | None = None
    """How many times better than the peer ours ought to be."""
    most: float | None = None
    """What ours ought not to be above, in the unit of the row."""

    def is_met_by(self, row: dict[str, Any]) -> bool:
        """Tell whether `row`, as it is in the file, reaches it."""
        enough = self.times is None or row["ratio"] >= self.times
        return enough and (self.most is None or row["ours"] <= self.most)

    def words(self, unit: str) -> str:
        """Say what is aimed at."""
        said = [] if self.times is None else [f"{self.times:.3g} times better"]
        if self.times is not None and self.times < 1:
            said = [f"at most {1 / self.times:.3g} times as much"]
        return ", ".join([*said, *([] if self.most is None else [f"at most {self.most:,g} {unit}".strip()])])


AIMS = (
    Aim("First deploy, unprivileged", "deploy", "first deploy, unprivileged", times=3),
    Aim("Update to the next release, unprivileged", "deploy", "next release, unprivileged", times=11),
    Aim("Deploy, mounted", "deploy", "deploy, mounted", times=500),
    Aim("Cold node to the first cell", "deploy", "cold node to first cell", times=6.5),
    Aim("Cold node to the first cell", "one-file", "cold node to first cell", times=6.5),
    Aim("Node with the objects to the first cell", "deploy", "node with the objects to first", times=6.5),
    Aim("Warm start of a kernel, small", "first-cell-minimal", "start to first answer", times=1 / 1.1),
    Aim("Warm start of a kernel, medium", "first-cell-datasci", "start to first answer", times=1 / 1.1),
    Aim("Warm start of a kernel, large", "first-cell-large", "start to first answer", times=1 / 1.1),
    Aim("Bytes to update a node", "deploy", "bytes to update a node", times=14),
    Aim("Ten similar environments, disk", "deploy", "ten similar environments: disk", most=3000),
    Aim("Ten similar environments, inodes", "deploy", "ten similar environments: inodes", most=120_000),
    Aim("Check at the start of a kernel", "deploy", "check at start", most=0.25),
    Aim("Check when nothing can have changed", "deploy", "check at start, mounted", most=0.005),
    Aim("Import of the pack", "import", "large-2026.05", times=0.5),
    Aim("Import of the pack of its next release", "import", "large-2026.11", times=0.5),
    Aim("GET /api/kernelspecs, 1,000", "listing", "GET /api/kernelspecs, 1,000", times=25),
    Aim("Imports, sealed against unsealed", "sealed", "imports", times=3),
    Aim("A session starts later by its wall", "wall", "session, enforce", most=20),
    Aim("A session starts later by its wall, in lockdown", "wall", "session, lockdown", most=20),
    Aim("A kernel starts later by its own wall", "wall", "kernel, enforce", most=25),
    Aim("A kernel starts later by its own wall, in lockdown", "wall", "kernel, lockdown", most=25),
    Aim("Import of the hooks into conda", "hooks", "import into conda", most=5),
    Aim("Import of the hooks into IPython", "hooks", "import into ipython", most=5),
    Aim("Look for drift after a cell", "drift", "longest look", most=5),
)


@dataclass(frozen=True, slots=True)
class Judged:
    """An aim beside a figure."""

    aim: Aim
    row: dict[str, Any] | None
    """The figure as it is in the file; None when it was not measured."""

    @property
    def what(self) -> str:
        """What it is, and how, where the figure is one of several."""
        how = self.row["what"].removeprefix(self.aim.row) if self.row else ""
        return self.aim.what + how if how.startswith((", ", " as ")) else self.aim.what

    @property
    def met(self) -> bool | None:
        """Whether the figure reaches the aim; None without one."""
        return None if self.row is None else self.aim.is_met_by(self.row)

    @property
    def verdict(self) -> str:
        """That in a word."""
        return {True: "met", False: "missed", None: "not measured"}[self.met]


def judge(results: Path) -> Iterator[Judged]:
    """Yield every aim beside each of its figures in the folder `results`."""
    for aim in AIMS:
        path = results / f"{aim.table}.json"
        rows = json.loads(path.read_text("utf-8"))["rows"] if path.is_file() else []
        yield from [Judged(aim, row) for row in rows if _is_of(aim, row["what"])] or [Judged(aim, None)]


def _is_of(aim: Aim, what: str) -> bool:
    """Tell whether the row `what` is one of `aim`; a row that is an aim of its own is no other's."""
    others = {other.row for other in AIMS if other is not aim and other.table == aim.table}
    return what.startswith(aim.row) and not any(
        what.startswith(other) and len(other) > len(aim.row) for other in others
    )
