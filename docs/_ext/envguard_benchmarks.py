"""Makes the page about benchmarks from the figures that they leave."""

from __future__ import annotations

import json
from pathlib import Path

from envguard_tables import table


def page() -> str:
    """Make a section with the table of every benchmark that has left its figures."""
    results = sorted((Path(__file__).parents[2] / "benchmarks" / "results").glob("*.json"))
    return "\n".join(map(_benchmark, results))


def _benchmark(path: Path) -> str:
    found = json.loads(path.read_text("utf-8"))
    head = ("what", "peer", "ours", "times better", "aim", "limit")
    rows = [
        (
            row["what"],
            f"{row['peer']:,.3g} {row['unit']} ({row['peer_name']})".replace("  ", " "),
            f"{row['ours']:,.3g} {row['unit']}",
            f"{row['ratio']:,.3g}",
            f"{row['aim']:.2g}",
            f"{row['limit']:,.3g}" if row["limit"] is not None else "",
        )
        for row in found["rows"]
    ]
    remarks = "".join(f"- {remark}\n" for remark in found["remarks"])
    title = path.stem.replace("-", " ").capitalize()
    about = f"{found['about']}.\n{found['machine']}; load {found['load']}; {found['when']}."
    return f"## {title}\n\n{about}\n\n{table(head, rows)}\n{remarks}"
