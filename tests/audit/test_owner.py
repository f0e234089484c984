from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from jupyter_envguard.audit import Actor
from jupyter_envguard.audit.owner import trust_in, uid_of

ME = os.geteuid()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of somebody who has no account here."""
    (tmp_path / "nobody-of-that-name").mkdir()
    found = tmp_path / "nobody-of-that-name" / "default.sqlite"
    found.touch()
    return found


def test_one_without_an_account_is_believed_in_their_own_folder(path: Path) -> None:
    for uid in (None, ME):
        assert trust_in(Actor("nobody-of-that-name", uid), path) == "self-reported"
    assert trust_in(Actor("", ME), path) == "self-reported"


def test_another_number_or_another_folder_is_disputed(path: Path) -> None:
    assert trust_in(Actor("nobody-of-that-name", ME + 1), path) == "disputed"
    assert trust_in(Actor("somebody-else", ME), path) == "disputed"


def test_one_with_an_account_has_to_own_the_file(tmp_path: Path) -> None:
    mine = pwd.getpwuid(ME).pw_name
    other = next(account.pw_name for account in pwd.getpwall() if account.pw_uid != ME)
    for name, trust in ((mine, "self-reported"), (other, "disputed")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.sqlite").touch()
        assert trust_in(Actor(name, ME), tmp_path / name / "x.sqlite") == trust


@pytest.mark.skipif(ME != 0, reason="only root can give a file away")
def test_a_file_of_another_user_in_the_folder_is_disputed(path: Path) -> None:
    os.chown(path, 65534, 65534)
    assert trust_in(Actor("nobody-of-that-name", 65534), path) == "disputed"


def test_a_log_that_is_gone_is_believed_by_nobody(path: Path) -> None:
    path.unlink()
    assert trust_in(Actor("nobody-of-that-name", ME), path) == "disputed"


def test_a_name_that_no_account_can_have_has_none() -> None:
    assert uid_of("a\0b") is None
