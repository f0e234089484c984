"""A store, a pack, two images and the forms of them for every test of the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_envguard.store import Image, Store
from jupyter_envguard.store.presence import Presence
from jupyter_envguard.store.tiers import TIERS
from tests.images import plain
from tests.stores import add


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", lock_seconds=60)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return plain().write(tmp_path, "tar")


@pytest.fixture
def image(store: Store, pack: Path) -> Image:
    """What is in the pack."""
    return add(store, pack)


@pytest.fixture
def other(store: Store, tmp_path: Path) -> Image:
    """What has nearly the same in it."""
    return add(store, plain().file("share/own", bytes(range(255)) * 20).write(tmp_path, "tar", "other"))


@pytest.fixture
def presence(store: Store, image: Image) -> Presence:
    return Presence(store)


@pytest.fixture(params=[*TIERS])
def tier(request: pytest.FixtureRequest) -> str:
    """A tier that this machine can do."""
    name = str(request.param)
    if why := TIERS[name].obstacle():
        pytest.skip(f"{name}: {why}")
    return name
