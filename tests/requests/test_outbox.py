from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from jupyter_envguard.errors import Conflict, Unavailable
from jupyter_envguard.requests import RequestInvalid, outbox
from tests.requests.asking import Desk, asked, declined


def test_nothing_was_asked_yet(desk: Desk) -> None:
    assert desk.of().list() == ()


def test_what_is_made_is_listed_the_newest_first(desk: Desk) -> None:
    now = datetime(2026, 11, 27, tzinfo=UTC)
    ticks = iter(now + timedelta(seconds=s) for s in range(9))
    box = desk.of(clock=lambda: next(ticks))
    one, two = box.make(asked(subject="a"), "2026.11"), box.make(asked(subject="b"))
    assert [r for r, _ in desk.of().list()] == [two, one]
    assert (one.user, one.release) == ("ada", "2026.11")


def test_users_have_their_own(desk: Desk) -> None:
    desk.of("ada").make(asked())
    assert desk.of("eve").list() == ()


def test_what_was_decided_is_read(desk: Desk) -> None:
    made = desk.of().make(asked())
    desk.decisions.write(made, declined(made))
    ((_, decision),) = desk.of().list()
    assert decision == declined(made)


def test_a_request_can_be_taken_back(desk: Desk) -> None:
    made = desk.of().make(asked())
    desk.of().withdraw(made)
    assert desk.of().list() == ()


def test_files_that_are_none_do_not_count(desk: Desk) -> None:
    made = desk.of().make(asked())
    folder = desk.spool / "ada" / outbox.FOLDER
    (folder / "junk.json").write_text("{}")
    (folder / f"{'b' * 13}.json").write_bytes(made.canonical())
    (folder / f"{'c' * 13}.json").symlink_to(f"{made.id}.json")
    (folder / f"{'d' * 13}.json").mkdir()
    assert [r for r, _ in desk.of().list()] == [made]


def test_not_too_many_wait(desk: Desk) -> None:
    made = [desk.of().make(asked()) for _ in range(outbox.OPEN_REQUESTS)]
    with pytest.raises(Conflict) as refused:
        desk.of().make(asked())
    assert refused.value.code == "requests-full"
    desk.decisions.write(made[0], declined(made[0]))
    desk.of().make(asked())


def test_old_decided_ones_go(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "KEPT_REQUESTS", outbox.OPEN_REQUESTS + 2)
    now = datetime(2026, 11, 27, tzinfo=UTC)
    ticks = iter(now + timedelta(seconds=s) for s in range(99))
    box, made = desk.of(clock=lambda: next(ticks)), []
    for _ in range(4):
        made.append(box.make(asked()))
        desk.decisions.write(made[-1], declined(made[-1]))
    made.append(box.make(asked()))
    assert [r for r, _ in box.list()] == [made[4], made[3], made[2]]


def test_a_day_that_has_passed_is_refused(desk: Desk) -> None:
    with pytest.raises(RequestInvalid):
        desk.of().make(asked(needed_by="2020-01-01"))
    assert desk.of().list() == ()


def test_a_spool_that_is_not_there_is_the_machines_trouble(desk: Desk) -> None:
    desk.spool.rmdir()
    with pytest.raises(Unavailable) as refused:
        desk.of().list()
    assert refused.value.code == "file-not-found"


def test_the_group_may_read_and_nobody_else(desk: Desk) -> None:
    made = desk.of().make(asked())
    path = desk.spool / "ada" / outbox.FOLDER / f"{made.id}.json"
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.parent.stat().st_mode & 0o027 == 0
    assert path.stat().st_uid == os.geteuid()
