from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_envguard.errors import Conflict, EnvGuardError, Untrusted
from jupyter_envguard.requests.decisions import Decisions, made
from tests.requests.asking import Desk, declined, request


def test_what_is_written_is_read(desk: Desk) -> None:
    one = request()
    assert desk.decisions.of(one) is None
    desk.decisions.write(one, declined(one))
    assert desk.decisions.of(one) == declined(one)


def test_users_may_read_it_and_not_list_the_others(desk: Desk) -> None:
    one = request()
    desk.decisions.write(one, declined(one))
    folder = desk.folder / "decisions"
    assert folder.stat().st_mode & 0o777 == 0o711
    assert (folder / f"{one.id}.json").stat().st_mode & 0o777 == 0o644


def test_a_decision_is_not_changed(desk: Desk) -> None:
    one = request()
    desk.decisions.write(one, declined(one))
    with pytest.raises(Conflict, match="has been decided"):
        desk.decisions.write(one, declined(one, reason="Never."))
    assert desk.decisions.of(one) == declined(one)


def test_a_decision_about_another_request_of_this_id_is_none(desk: Desk) -> None:
    one, other = request(), request(user="eve")
    desk.decisions.write(one, declined(one))
    assert desk.decisions.of(other) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"x" * 20_000])
def test_a_file_that_cannot_be_read_is_none(desk: Desk, content: bytes) -> None:
    made(desk.folder / "decisions")
    (desk.folder / "decisions" / f"{'a' * 13}.json").write_bytes(content)
    assert desk.decisions.of(request()) is None


def test_a_folder_that_others_may_write_to_is_not_believed(desk: Desk) -> None:
    one = request()
    desk.decisions.write(one, declined(one))
    (desk.folder / "decisions").chmod(0o777)
    assert desk.decisions.of(one) is None
    with pytest.raises(Untrusted) as refused:
        desk.decisions.write(one, declined(one))
    assert refused.value.code == "decisions-unsafe"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_not_believed(desk: Desk) -> None:
    one = request()
    desk.decisions.write(one, declined(one))
    os.chown(desk.folder / "decisions", 65534, 65534)
    assert desk.decisions.of(one) is None
    os.chown(desk.folder / "site.yaml", 65534, 65534)
    assert desk.decisions.of(one) is not None  # The site belongs to them.


def test_without_a_site_file_only_root_is_believed(desk: Desk) -> None:
    one = request()
    desk.decisions.write(one, declined(one))
    (desk.folder / "site.yaml").unlink()
    assert (desk.decisions.of(one) is None) is (os.geteuid() != 0)


def test_the_mark_changes_with_each_decision(desk: Desk) -> None:
    before = desk.decisions.mark()
    made(desk.folder / "decisions")
    os.utime(desk.folder / "decisions", (1, 1))
    empty = desk.decisions.mark()
    desk.decisions.write(request(), declined(request()))
    assert before is None
    assert len({before, empty, desk.decisions.mark()}) == 3


def test_where_no_folder_can_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(EnvGuardError, match="make the folder"):
        Decisions(tmp_path / "none" / "d", tmp_path / "s").write(request(), declined(request()))
