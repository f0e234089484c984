"""Makes the page about benchmarks from the figures that they leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from envguard_tables import table

from benchmarks.aims import Judged, judge

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def page() -> str:
    """Make a section with every aim, and one with the table of every benchmark that has left its figures."""
    return "\n".join([_aims(), *map(_benchmark, sorted(RESULTS.glob("*.json")))])


def _aims() -> str:
    head = ("what", "peer", "ours", "times better", "limit", "aim", "")
    rows = [
        (judged.what, *_figures(judged.row), judged.aim.words(_unit(judged)), judged.verdict)
        for judged in judge(RESULTS)
    ]
    return f"## What was aimed at\n\n{table(head, rows)}\n"


def _unit(judged: Judged) -> str:
    return str(judged.row["unit"]) if judged.row else ""


def _figures(row: dict[str, Any] | None) -> tuple[str, str, str, str]:
    """Return the peer's figure, ours, their ratio and the limit of `row`."""
    if row is None:
        return "", "", "", ""
    return (
        f"{row['peer']:,.3g} {row['unit']} ({row['peer_name']})".replace("  ", " "),
        f"{row['ours']:,.3g} {row['unit']}",
        f"{row['ratio']:,.3g}",
        f"{row['limit']:,.3g}" if row["limit"] is not None else "",
    )


def _benchmark(path: Path) -> str:
    found = json.loads(path.read_text("utf-8"))
    head = ("what", "peer", "ours", "times better", "limit", "aim", "")
    rows = [
        (
            row["what"],
            *_figures(row),
            "" if row["aim"] is None else f"{row['aim']:.2g}",
            "" if row["aim"] is None else "met" if row["ratio"] >= row["aim"] else "missed",
        )
        for row in found["rows"]
    ]
    remarks = "".join(f"- {remark}\n" for remark in found["remarks"])
    title = path.stem.replace("-", " ").capitalize()
    about = f"{found['about']}.\n{found['machine']}; load {found['load']}; {found['when']}."
    return f"## {title}\n\n{about}\n\n{table(head, rows)}\n{remarks}"
