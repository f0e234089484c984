"""A store and a pack for every test of the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_envguard.store import Store
from tests.images import plain


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", lock_seconds=60)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return plain().write(tmp_path, "tar")
