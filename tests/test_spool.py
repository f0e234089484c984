from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_envguard.errors import NotFound
from jupyter_envguard.spool import folder_for


class TestFolder:
    def test_is_for_the_user_alone(self, tmp_path: Path) -> None:
        assert folder_for(tmp_path, "ada") == folder_for(tmp_path, "ada") == tmp_path / "ada"
        assert (tmp_path / "ada").stat().st_mode & 0o777 == 0o700

    def test_one_that_is_not_the_users_own_is_not_used(self, tmp_path: Path) -> None:
        (tmp_path / "ada").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "ada~2").mkdir()
        (tmp_path / "ada~2").chmod(0o777)
        (tmp_path / "ada~3").touch()
        assert folder_for(tmp_path, "ada") == tmp_path / "ada~4"
        assert not (tmp_path / "elsewhere").exists()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
    def test_one_that_belongs_to_somebody_else_is_not_used(self, tmp_path: Path) -> None:
        (tmp_path / "ada").mkdir()
        os.chown(tmp_path / "ada", 65534, 65534)
        assert folder_for(tmp_path, "ada") == tmp_path / "ada~2"

    def test_nobody_can_take_every_name(self, tmp_path: Path) -> None:
        for name in ("ada", *(f"ada~{count}" for count in range(2, 100))):
            (tmp_path / name).touch()
        assert folder_for(tmp_path, "ada").is_dir()

    def test_a_spool_that_is_not_there_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match="make a folder in the spool"):
            folder_for(tmp_path / "none", "ada")
