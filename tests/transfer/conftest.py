"""Machines, a release that one of them has, and a share on which it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard.image import Image
from jupyter_envguard.transfer import Share
from tests.shares import Machines, release
from tests.sites import short_folder


@pytest.fixture
def machines() -> Iterator[Machines]:
    with short_folder() as folder:
        yield Machines(folder)


@pytest.fixture
def image(machines: Machines, tmp_path: Path) -> Image:
    """Release 1, on the first machine."""
    return machines.image(release(1).write(tmp_path, name="1"))


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


@pytest.fixture
def published(share: Path, image: Image) -> Path:
    """The share, with release 1 on it."""
    Share(share).publish(image)
    return share
