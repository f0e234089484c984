"""A site for hubs."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Write the smallest site file that can be used."""
    path = tmp_path / "site.yaml"
    names = ("store", "catalog", "spool")
    for name in names:
        (tmp_path / name).mkdir()
    path.write_text(
        "version: 1\nname: Test\nstore: store\ncatalog: catalog\n"
        "trust: root.json\nlog: log.sqlite\nspool: spool\n"
    )
    return path
