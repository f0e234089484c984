"""One table of what was measured: ours, the peer's, their ratio, the aim, and what nobody can beat.

    table = Table("deploy", "large-2026.05.tar.gz, 501 MB")
    table.add("first deploy, unprivileged", peer=13.7, ours=4.1, aim=3)
    table.show()

`show` prints it and writes it as JSON beside the others, from which the page in the
documentation is made. A ratio is how many times better ours is than the peer's of the
same run; figures of different runs are never compared.
"""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was measured."""

    what: str
    """What it is."""
    peer_name: str
    """What people do today."""
    peer: float
    """What that cost."""
    ours: float
    """What ours cost."""
    unit: str
    """What both are counted in."""
    aim: float | None
    """How many times better ours ought to be; None where nothing was aimed at."""
    limit: float | None
    """What ours cannot fall below, in the same unit, when that was measured in the same run."""

    @property
    def ratio(self) -> float:
        """How many times better ours was."""
        return self.peer / self.ours if self.ours else float("inf")

    @property
    def met(self) -> bool | None:
        """Whether that is what was aimed at; None where nothing was."""
        return None if self.aim is None else self.ratio >= self.aim


@dataclass(slots=True)
class Table:
    """Rows of one benchmark."""

    name: str
    """Name of the benchmark, and of the file with its figures."""
    about: str
    """What was measured, in a sentence."""
    rows: list[Row] = field(default_factory=list)
    """What is in it so far."""
    remarks: list[str] = field(default_factory=list)
    """What a reader has to know."""

    def add(
        self,
        what: str,
        *,
        peer: float,
        ours: float,
        aim: float | None = None,
        peer_name: str,
        unit: str = "s",
        limit: float | None = None,
    ) -> None:
        """Add a row. It is found by `what`, which nothing else in the table is called and which stays."""
        if what in {row.what for row in self.rows}:
            raise ValueError(f"two rows are called {what!r}")
        self.rows.append(Row(what, peer_name, peer, ours, unit, aim, limit))

    def add_bound(self, what: str, *, ours: float, most: float, unit: str = "ms") -> None:
        """Add a row of something that has no peer, only a figure that it ought not to be above."""
        self.add(what, peer=most, ours=ours, aim=1, peer_name="what is aimed at", unit=unit)

    def show(self) -> None:
        """Print the table, and write it where the documentation finds it."""
        machine = f"{os.cpu_count()} cores, {platform.system()} {platform.release().partition('-')[0]}"
        load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
        print(f"\n{self.about}\n{machine}, load {load}")
        print(f"{'':44}{'peer':>12}{'ours':>12}{'ratio':>9}{'aim':>13}{'limit':>10}")
        for row in self.rows:
            limit = number(row.limit) if row.limit is not None else ""
            aim = "" if row.aim is None else f"{row.aim:.2g}x {'met' if row.met else 'missed'}"
            print(
                f"{row.what:44}{number(row.peer):>12}{number(row.ours):>12}"
                f"{row.ratio:8.1f}x{aim:>13}{limit:>10}  {row.unit}, against {row.peer_name}"
            )
        for remark in self.remarks:
            print(f"  {remark}")
        RESULTS.mkdir(exist_ok=True)
        document = {
            "about": self.about,
            "machine": machine,
            "load": load,
            "when": time.strftime("%Y-%m-%d", time.gmtime()),
            "rows": [asdict(row) | {"ratio": row.ratio, "met": row.met} for row in self.rows],
            "remarks": self.remarks,
        }
        path = RESULTS / f"{self.name}.json"
        path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def number(value: float) -> str:
    """Return `value` with three digits that mean something."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
