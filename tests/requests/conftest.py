from __future__ import annotations

from pathlib import Path

import pytest

from tests.requests.asking import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A site as far as requests need one."""
    (tmp_path / "spool").mkdir(mode=0o1733)
    (tmp_path / "site.yaml").touch()
    return Desk(tmp_path)
