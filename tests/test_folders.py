from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.folders import CHOSEN, NAME_LENGTH, is_of, path_name, prepare, user_folder

OTHER = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")


class TestUserFolder:
    def test_a_group_may_read_where_the_spool_hands_it_on(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o2777)
        folder = Path(user_folder(str(tmp_path), "ada"))
        assert folder.stat().st_mode & 0o7777 == 0o2750
        assert folder.stat().st_gid == tmp_path.stat().st_gid

    def test_the_one_that_the_wall_has_opened_is_taken(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "ada~7").mkdir(mode=0o700)
        monkeypatch.setenv(CHOSEN, str(tmp_path / "ada~7"))
        assert user_folder(str(tmp_path), "ada") == str(tmp_path / "ada~7")
        for wrong in ("/tmp", str(tmp_path / "none"), str(tmp_path / "ada~7/x")):
            monkeypatch.setenv(CHOSEN, wrong)
            assert user_folder(str(tmp_path), "ada") == str(tmp_path / "ada")


class TestPrepare:
    def test_makes_a_folder_for_the_account(self, tmp_path: Path) -> None:
        uid, gid = (OTHER, OTHER) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
        assert prepare(str(tmp_path), "ada", uid, gid)
        found = (tmp_path / "ada").stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (uid, gid, 0o700)
        assert prepare(str(tmp_path), "ada", uid, gid)

    def test_leaves_the_group_of_the_spool(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o2777)
        uid = OTHER if os.geteuid() == 0 else os.geteuid()
        assert prepare(str(tmp_path), "ada", uid, os.getegid())
        found = (tmp_path / "ada").stat()
        assert (found.st_uid, found.st_gid) == (uid, tmp_path.stat().st_gid)
        assert stat.S_IMODE(found.st_mode) == 0o2750

    def test_touches_nothing_that_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "victim").mkdir(mode=0o755)
        (tmp_path / "ada").symlink_to(tmp_path / "victim")
        (tmp_path / "bob").mkdir(mode=0o755)
        for user in ("ada", "bob"):
            assert not prepare(str(tmp_path), user, OTHER, OTHER)
        assert (tmp_path / "victim").stat().st_uid == os.geteuid()
        assert (tmp_path / "bob").stat().st_uid == os.geteuid()

    @as_root
    def test_what_it_made_is_the_folder_of_that_user_only(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o1733)
        assert prepare(str(tmp_path), "ada", OTHER, OTHER)
        assert user_folder(str(tmp_path), "ada") == str(tmp_path / "ada~2")


@pytest.mark.parametrize(
    ("folder", "is_theirs"),
    [("/s/ada", True), ("/s/ada~2", True), ("/s/ada~0f", True), ("/s/adam", False), ("/s/bob~ada", False)],
)
def test_a_folder_is_known_by_its_name(folder: str, is_theirs: bool) -> None:
    assert is_of(folder, "ada") is is_theirs


@pytest.mark.parametrize(
    "name", ["..", ".", "../x", "/etc", ".hidden", "a\0b", "Ä", "x" * 300, "ada@example.org"]
)
def test_a_name_cannot_leave_the_spool(name: str) -> None:
    safe = path_name(name)
    assert "/" not in safe
    assert "\0" not in safe
    assert not safe.startswith(".")
    assert 0 < len(safe) <= NAME_LENGTH


@given(st.text(min_size=1), st.text(min_size=1))
def test_different_names_never_share_a_file(one: str, two: str) -> None:
    if one != two:
        assert path_name(one) != path_name(two)
