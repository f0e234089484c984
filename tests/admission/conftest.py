from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.admission.office import Office
from tests.sites import short_folder


@pytest.fixture
def office() -> Iterator[Office]:
    """A site with keys, a log, and packs to import."""
    before = os.umask(0o022)
    with short_folder() as folder:
        yield Office(folder)
    os.umask(before)
