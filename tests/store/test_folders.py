from __future__ import annotations

import os
import stat
from pathlib import Path

from jupyter_envguard.store import folders
from tests.stores import NOBODY, root_only


def test_a_link_to_a_folder_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").touch()
    assert folders.is_folder(tmp_path)
    assert not any(folders.is_folder(tmp_path / name) for name in ("link", "file", "none", "file/below"))


def test_what_is_not_there_lists_nothing(tmp_path: Path) -> None:
    assert folders.listed(tmp_path / "none") == []


def test_making_again_corrects_the_mode(tmp_path: Path) -> None:
    for mode in (0o700, 0o755):
        folders.make_folder(tmp_path / "made", mode, None)
        assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == mode


@root_only
def test_what_is_given_belongs_to_its_owner(tmp_path: Path) -> None:
    folders.make_folder(tmp_path / "made", 0o700, (NOBODY, NOBODY))
    assert (tmp_path / "made").stat().st_uid == NOBODY


def test_deletes_what_is_read_only_and_tells_of_each_file(tmp_path: Path) -> None:
    deep = tmp_path / "tree/a/b"
    deep.mkdir(parents=True)
    for name in ("one", "two"):
        (deep / name).touch()
    os.symlink("nowhere", deep / "link")
    for folder in (deep, deep.parent, deep.parent.parent):
        folder.chmod(0o555)
    seen: list[int] = []
    folders.delete(tmp_path / "tree", lambda: seen.append(1))
    assert len(seen) == 3
    assert list(tmp_path.iterdir()) == []


def test_syncs_a_real_file_system(tmp_path: Path) -> None:
    folders.sync_file_system(tmp_path)
