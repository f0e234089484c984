"""Distributions that somebody installed into a folder of their own, as far as their metadata go."""

from __future__ import annotations

from pathlib import Path


def distribution(root: Path, record: str = "", top_level: str = "", kind: str = "dist-info") -> None:
    folder = root / f"foreign_thing-1.0.{kind}"
    folder.mkdir(parents=True)
    if record:
        (folder / "RECORD").write_text(record)
    if top_level:
        (folder / "top_level.txt").write_text(top_level)
