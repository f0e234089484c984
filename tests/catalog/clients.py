"""Spoils files of a catalog."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def edit(path: Path, change: Callable[[Any], None]) -> None:
    """Let `change` change the document at `path`."""
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))
