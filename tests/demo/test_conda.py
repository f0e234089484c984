from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from demo import conda
from demo.cpython import SITE_PACKAGES
from demo.environments import CHANNEL, Packs
from demo.recipes import Recipe

pytestmark = pytest.mark.packs
RECIPE = Recipe(environment="bare", release="1", specs=("python",))


@pytest.fixture(scope="module")
def bare(packs: Packs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an environment of nothing but Python, and the package cache it came through."""
    folder = tmp_path_factory.mktemp("bare")
    channel = packs.minimal.parent / CHANNEL
    conda.make(folder / "prefix", RECIPE, channel, folder, folder / "pkgs")
    return folder


def test_an_environment_runs_where_it_was_made(bare: Path) -> None:
    command = [bare / "prefix/bin/python", "-I", "-c", "import sys; print(sys.prefix)"]
    assert subprocess.run(command, capture_output=True, text=True).stdout == f"{bare / 'prefix'}\n"
    assert not (bare / "prefix/CACHEDIR.TAG").exists()


def test_byte_code_of_noarch_packages_is_made_and_recorded(bare: Path) -> None:
    (cached,) = (bare / "prefix" / SITE_PACKAGES / "tzdata/__pycache__").glob("__init__.*.pyc")
    (record,) = (bare / "prefix/conda-meta").glob("tzdata-*.json")
    assert str(cached.relative_to(bare / "prefix")) in record.read_text()


def test_pip_says_what_it_does_not_find(bare: Path) -> None:
    with pytest.raises(RuntimeError, match="could not install humanize==0"):
        conda._pip(bare / "prefix", bare, "humanize==0")


def test_conda_pack_says_what_it_cannot_pack(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"could not write pack\.tar"):
        conda.pack(tmp_path, tmp_path / "pack.tar", "tar")


def test_a_lost_package_cache_is_an_error_and_not_a_warning(bare: Path, tmp_path: Path) -> None:
    hidden = (bare / "pkgs").rename(bare / "hidden")
    try:
        with pytest.raises(RuntimeError, match="package cache"):
            conda.pack(bare / "prefix", tmp_path / "pack.tar", "tar")
    finally:
        hidden.rename(bare / "pkgs")


def test_a_python_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    (tmp_path / "bin/python").chmod(0o755)
    with pytest.raises(RuntimeError, match="could not compile its packages: broken"):
        conda._compile_noarch(tmp_path)
