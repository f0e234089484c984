"""The hub's word about a session, with JupyterHub's own users, groups and roles."""

from __future__ import annotations

import json
import logging
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm
from sqlalchemy.orm import Session

from demo import hub
from demo.hubclient import HubClient
from jupyter_envguard import courtesy
from jupyter_envguard.files import locked
from jupyter_envguard.hub.sessions import leave_word
from jupyter_envguard.kernels.launch import HOOKS
from tests.sites import SiteBuilder, short_folder

NAME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def database() -> Iterator[Session]:
    session = orm.new_session_factory("sqlite:///:memory:")()
    yield session
    session.close()
    session.get_bind().dispose()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where words are left in this test, by somebody who seems to be root."""
    write = courtesy.write_session
    monkeypatch.setattr(courtesy, "write_session", lambda *words: write(*words, tmp_path / "sessions"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path / "sessions"


def spawner(database: Session, name: str) -> Any:
    """A spawner of a user of two groups, with one role and one more by a group."""
    user = orm.User(name=name, roles=[orm.Role(name="user")])
    for group in (orm.Group(name="staff", roles=[orm.Role(name="grader")]), orm.Group(name="all")):
        group.users.append(user)
        database.add(group)
    database.add(user)
    database.commit()
    return SimpleNamespace(user=user, log=logging.getLogger("test"))


def test_names_user_groups_and_roles(database: Session, place: Path) -> None:
    assert leave_word(spawner(database, NAME))
    (found,) = place.iterdir()
    assert found.name == f"{pwd.getpwnam(NAME).pw_uid}.json"
    assert json.loads(found.read_bytes()) == {
        "version": 1,
        "user": NAME,
        "groups": ["all", "staff"],
        "roles": ["grader", "user"],
    }


def test_a_user_without_an_account_here_is_nobodys_business(database: Session, place: Path) -> None:
    assert not leave_word(spawner(database, "no-such-account"))
    assert not place.exists()


def test_a_hub_that_is_not_root_leaves_none(
    database: Session, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not leave_word(spawner(database, NAME))
    assert not place.exists()


def test_a_place_that_cannot_be_written_to_keeps_nobody_from_starting(
    database: Session, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place.touch()
    assert not leave_word(spawner(database, NAME))
    assert f"Hooks will not know the groups of {NAME}" in caplog.text


@pytest.fixture
def word() -> Iterator[Path]:
    """Where a hub leaves word about nobody, on a machine where other runs of this test may want to do so."""
    path = courtesy.SESSIONS_PLACE / f"{pwd.getpwnam('nobody').pw_uid}.json"
    with locked(Path(tempfile.gettempdir()) / "envguard-nobody.lock", seconds=300):
        if path.exists():
            pytest.skip(f"{path} belongs to somebody")
        yield path
        path.unlink(missing_ok=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="a hub that is not root leaves no word")
def test_a_real_hub_tells_the_hooks_of_an_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: Path
) -> None:
    """The hub spawns a server for nobody, and a hook in a process of that account knows the group."""
    monkeypatch.setattr(hub, "GROUPS", {"students": ["nobody"]})
    site = SiteBuilder(tmp_path / "site")
    (port,) = hub.free_ports(1)
    url = f"http://127.0.0.1:{port}"
    config = hub.write_config(tmp_path / "hub", site.path, port)
    with hub.running(config, url, tmp_path / "hub/hub.log"):
        client = HubClient(url, "nobody", hub.PASSWORD)
        client.log_in()
        client.start_server()
    with short_folder() as folder:
        folder.chmod(0o755)
        shutil.copytree(HOOKS.parent, folder / "hooks", ignore=shutil.ignore_patterns("__pycache__"))
        code = "from hooks import trusted; s = trusted.session(); print(s.user, *s.groups, *s.roles)"
        command = ["setpriv", "--reuid", word.stem, "--regid", word.stem, "--clear-groups"]
        command += ["/usr/bin/python3", "-c", code]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["nobody", "students", "user"], "")
