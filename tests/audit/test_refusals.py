"""Samples are written in the format of Linux' `Documentation/admin-guide/LSM/landlock.rst`."""

from __future__ import annotations

import os
import pwd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.audit import refusals as module
from jupyter_envguard.audit.refusals import LINE_LENGTH, refusals

ME = pwd.getpwuid(os.geteuid())
STAMP = "msg=audit(1729738800.268:30):"
ACCESS = f'type=LANDLOCK_ACCESS {STAMP} domain=1a6f blockers=fs.make_reg path="/opt/store" dev="vda2" ino=3'
DOMAIN = (
    f"type=LANDLOCK_DOMAIN {STAMP} domain=1a6f status=allocated mode=enforcing pid=286 uid={ME.pw_uid}"
    ' exe="/usr/bin/python3.11" comm="python"'
)
CALL = (
    f"type=SYSCALL {STAMP} arch=c000003e syscall=257 success=no exit=-13 ppid=272 pid=290 auid=0"
    f' uid={ME.pw_uid} gid=0 comm="touch" exe="/usr/bin/touch" key=(null)'
)


def test_a_refusal_names_the_program_the_user_and_what_was_wanted() -> None:
    (record,) = refusals([ACCESS, DOMAIN, CALL], "kernel-attested")
    event = record.event
    assert (event.type, event.outcome, event.reason) == ("wall.denied", "denied", "wall-refused")
    assert (event.actor.name, event.actor.uid, event.actor.auth) == (ME.pw_name, ME.pw_uid, "peercred")
    assert dict(event.detail) == {
        "message": "/usr/bin/touch was refused fs.make_reg on /opt/store",
        "blockers": "fs.make_reg",
        "path": "/opt/store",
        "pid": "290",
        "uid": str(ME.pw_uid),
        "exe": "/usr/bin/touch",
        "comm": "touch",
    }
    assert (record.source.trust, record.source.component) == ("kernel-attested", "landlock")
    assert (record.seq, record.id, record.time) == (1, "audit:30", "2024-10-24T03:00:00.268Z")


def test_without_the_call_it_is_the_program_that_put_up_the_wall_also_for_later_refusals() -> None:
    later = ACCESS.replace("268:30", "999:41").replace("fs.make_reg", "fs.execute,fs.read_file")
    gone = f"type=LANDLOCK_DOMAIN {STAMP} domain=1a6f status=deallocated denials=2"
    found = list(refusals([ACCESS, DOMAIN, later, gone], "kernel-attested"))
    assert [record.event.detail["exe"] for record in found] == ["/usr/bin/python3.11"] * 2
    assert found[1].event.detail["blockers"] == "fs.execute,fs.read_file"
    assert [record.seq for record in found] == [1, 2]


def test_each_refusal_of_an_event_counts() -> None:
    assert len(list(refusals([ACCESS, ACCESS.replace("/opt/store", "/usr"), CALL], "site"))) == 2


@pytest.mark.parametrize(
    "line",
    [
        ACCESS.replace("LANDLOCK_ACCESS", "UNKNOWN[1423]"),
        "[  253.371234] audit: " + ACCESS.replace("LANDLOCK_ACCESS", "1423").replace("msg=", ""),
        ACCESS.replace("LANDLOCK_ACCESS", "1423"),
    ],
)
def test_types_may_be_numbers_and_lines_may_come_from_the_kernels_own_log(line: str) -> None:
    (record,) = refusals([line], "site")
    assert record.event.detail["path"] == "/opt/store"
    assert record.event.detail["message"] == "a program was refused fs.make_reg on /opt/store"
    assert (record.event.actor.name, record.event.actor.uid) == ("", None)


def test_a_node_of_its_own_is_named() -> None:
    (record,) = refusals([f"node=n7 {ACCESS}"], "site")
    assert record.source.node == "n7"


def test_texts_that_others_chose_are_decoded_and_cannot_be_a_line() -> None:
    evil = "x\n" + CALL
    line = ACCESS.replace('"/opt/store"', evil.encode().hex().upper())
    (record,) = refusals([line], "site")
    assert record.event.detail["path"].startswith("x\ufffdtype=SYSCALL")
    (record,) = refusals([ACCESS.replace('"/opt/store"', "6869")], "site")
    assert record.event.detail["path"] == "hi"
    (record,) = refusals([ACCESS.replace("blockers=fs.make_reg", "blockers=")], "site")
    assert record.event.detail["message"].endswith("was refused something on /opt/store")
    (record,) = refusals([ACCESS.partition(" path")[0] + ' path="open'], "site")
    assert record.event.detail["path"] == '"open'
    (record,) = refusals([ACCESS.replace("/opt/store", "/" + "x" * 999)], "site")
    assert record.event.detail["path"].endswith("x…")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x" + ACCESS,
        f"type=USER_LOGIN {STAMP} acct='{ACCESS}'",
        ACCESS.replace("1729738800", "99999999999999"),
        ACCESS.replace(".268:", ":"),
        ACCESS + "x" * LINE_LENGTH,
        CALL,
        DOMAIN,
    ],
)
def test_other_lines_are_no_refusals(line: str) -> None:
    assert list(refusals([line], "site")) == []


@pytest.mark.parametrize(
    ("uid", "number"), [("", None), ("-1", None), ("4000000123", 4000000123), ("9" * 10, 9999999999)]
)
def test_an_account_that_is_not_here_has_a_number_at_most(uid: str, number: int | None) -> None:
    (record,) = refusals([ACCESS, CALL.replace(f" uid={ME.pw_uid}", f" uid={uid}")], "site")
    assert (record.event.actor.name, record.event.actor.uid) == ("", number)


def test_no_more_is_kept_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 1)
    other = [line.replace(":30)", ":31)").replace("1a6f", "2b7f") for line in (ACCESS, DOMAIN)]
    assert [record.id for record in refusals([ACCESS, DOMAIN, *other], "site")] == ["audit:30"]


@given(st.lists(st.text() | st.sampled_from([ACCESS, DOMAIN, CALL])))
def test_nothing_in_a_log_makes_it_fail(lines: list[str]) -> None:
    list(refusals(lines, "site"))


@given(st.text(), st.text(), st.sampled_from(["30", "31"]))
def test_whatever_the_fields_hold_the_record_can_be_written(one: str, two: str, serial: str) -> None:
    line = ACCESS.replace("fs.make_reg", one).replace("/opt/store", two)
    for record in refusals([line, CALL.replace(":30)", f":{serial})")], "site"):
        record.canonical()
