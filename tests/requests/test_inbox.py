from __future__ import annotations

import errno
import os
import pwd
import shutil
from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError, NotFound
from jupyter_envguard.requests import Received, inbox, received
from jupyter_envguard.requests.outbox import FOLDER
from tests.requests.asking import Desk, asked


def look(desk: Desk) -> tuple[tuple[Received, ...], list[str]]:
    problems: list[EnvGuardError] = []
    found = received(desk.spool, problems)
    assert {problem.code for problem in problems} <= {"request-unreadable"}
    return found, [problem.message for problem in problems]


def test_an_empty_spool_holds_none(desk: Desk) -> None:
    assert look(desk) == ((), [])


def test_a_spool_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="read the spool"):
        received(tmp_path / "none", [])


def test_requests_of_all_users_are_found_beside_other_things(desk: Desk) -> None:
    made = [desk.of(user).make(asked()) for user in ("ada", "eve", "a~b")]
    (desk.spool / "nothing-asked").mkdir()
    (desk.spool / "file").touch()
    (desk.spool / "link").symlink_to(desk.spool / "ada")
    found, problems = look(desk)
    assert {one.request.id for one in found} == {one.id for one in made}
    assert problems == []


def test_the_owner_of_the_file_attests_who_asks(desk: Desk) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    desk.of(me).make(asked())
    desk.of(f"{me}-not").make(asked())
    found, _ = look(desk)
    assert {(one.request.user, one.uid, one.is_attested) for one in found} == {
        (me, os.geteuid(), True),
        (f"{me}-not", os.geteuid(), False),
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_user_without_an_account_attests_nothing(desk: Desk) -> None:
    made = desk.of().make(asked())
    for path in (
        desk.spool / "ada",
        desk.spool / "ada" / FOLDER,
        desk.spool / "ada" / FOLDER / f"{made.id}.json",
    ):
        os.chown(path, 54321, 54321)
    ((one,), problems) = look(desk)
    assert (one.uid, one.is_attested, problems) == (54321, False, [])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_or_folder_of_somebody_else_is_a_problem(desk: Desk) -> None:
    made = desk.of("ada").make(asked())
    os.chown(desk.spool / "ada" / FOLDER / f"{made.id}.json", 54321, 54321)
    desk.of("eve").make(asked())
    os.chown(desk.spool / "eve" / FOLDER, 54321, 54321)
    found, problems = look(desk)
    assert found == ()
    assert "no file of a request" in problems[0]
    assert "somebody else" in problems[1]


def test_a_request_in_the_name_of_somebody_else_is_a_problem(desk: Desk) -> None:
    made = desk.of("ada").make(asked())
    (desk.spool / "eve").mkdir()
    shutil.copytree(desk.spool / "ada" / FOLDER, desk.spool / "eve" / FOLDER)
    (desk.spool / "eve" / FOLDER / "broken\n.json").write_text("{")
    (desk.spool / "eve" / FOLDER / "link.json").symlink_to("/etc/passwd")
    found, problems = look(desk)
    assert [one.request for one in found] == [made]
    assert len(problems) == 3
    assert not any("\n" in problem for problem in problems)


def test_a_second_folder_of_a_user_counts(desk: Desk) -> None:
    desk.of("ada").make(asked())
    (desk.spool / "ada").rename(desk.spool / "ada~2")
    assert len(look(desk)[0]) == 1


def test_a_user_with_too_many_files_hides_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MOST_FILES", 2)
    for _ in range(4):
        desk.of("ada").make(asked())
    desk.of("eve").make(asked())
    found, problems = look(desk)
    assert len(found) == 3
    assert "more than 2 files" in problems[0]


def test_a_folder_that_cannot_be_read_hides_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.of("ada").make(asked())
    made = desk.of("eve").make(asked())
    whole, broken = inbox.names_in, [OSError(errno.EIO, "Input/output error")]

    def names_in(folder: int, most: int) -> list[str]:
        if most == inbox.MOST_FILES and broken:
            raise broken.pop()
        return whole(folder, most)

    monkeypatch.setattr(inbox, "names_in", names_in)
    found, problems = look(desk)
    assert [one.request for one in found] == [made]
    assert "Input/output error" in problems[0]
