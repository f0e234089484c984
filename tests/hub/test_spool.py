from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from jupyter_envguard.hub.spool import prepare_spool

ME = pwd.getpwuid(os.geteuid()).pw_name


def test_the_folder_of_an_account_is_made(tmp_path: Path) -> None:
    prepare_spool(tmp_path, ME)
    assert (tmp_path / ME).stat().st_uid == os.geteuid()


def test_one_without_an_account_makes_it_later(tmp_path: Path) -> None:
    for name in ("nobody-of-that-name", "a\0b"):
        prepare_spool(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_the_way_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / ME).touch()
    prepare_spool(tmp_path, ME)
    assert f"is not the folder of {ME}" in caplog.text
    prepare_spool(tmp_path / "none", ME)
    assert "no folder for" in caplog.text
