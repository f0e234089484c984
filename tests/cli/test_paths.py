from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_envguard.cli.paths import user_name, weaknesses

OWNERS = {0, os.getuid()}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "a" / "b"
    path.mkdir(parents=True, mode=0o755)
    return path


def found(path: Path) -> dict[Path, bool]:
    return {weak.path: weak.grave for weak in weaknesses(path, OWNERS)}


def test_a_path_that_only_its_owner_can_change_is_strong(place: Path) -> None:
    assert not [
        path
        for path in found(place)
        if place.is_relative_to(path) and path not in Path("/tmp").parents and found(place)[path]
    ]


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_a_parent_that_others_can_write_to_is_grave(place: Path, mode: int) -> None:
    place.parent.chmod(mode)
    assert found(place)[place.parent] is True


def test_a_sticky_parent_is_not_grave(place: Path) -> None:
    place.parent.chmod(0o1777)
    assert found(place)[place.parent] is False


def test_the_path_itself_may_not_be_writable_though_sticky(place: Path) -> None:
    place.chmod(0o1777)
    assert found(place)[place] is True


def test_the_folders_behind_a_link_count(place: Path) -> None:
    link = place.parent.parent / "link"
    link.symlink_to(place)
    place.parent.chmod(0o777)
    assert found(link)[place.parent] is True


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_foreign_owner_is_grave(place: Path) -> None:
    os.chown(place.parent, 12345, -1)
    weak = next(weak for weak in weaknesses(place, OWNERS) if weak.path == place.parent)
    assert (weak.message, weak.grave) == ("belongs to 12345", True)


def test_a_missing_path_is_an_error(place: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(weaknesses(place / "nothing", OWNERS))


def test_accounts_have_names() -> None:
    assert user_name(0) == "root"
    assert user_name(987654) == "987654"
