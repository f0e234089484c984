"""Fixtures that every test may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from demo.environments import Packs, build_all, default_cache

# How long an example takes says nothing on a machine that does other things as well.
settings.register_profile("calm", deadline=None)
settings.load_profile("calm")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def packs() -> Packs:
    """The real packed environments; made once on a machine, however many processes ask."""
    return build_all(default_cache())
