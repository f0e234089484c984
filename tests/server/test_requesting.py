"""Requests through a real server and its real spool."""

from __future__ import annotations

import pwd
from os import geteuid
from typing import Any

import pytest

from jupyter_envguard.admission.inbox import Inbox
from jupyter_envguard.audit import Actor, Event, Log
from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.kernels.subject import Subject, Subjects
from jupyter_envguard.requests.outbox import OPEN_REQUESTS
from jupyter_envguard.server import requesting
from jupyter_envguard.site import load
from tests.server.conftest import Fetch
from tests.sites import SiteBuilder

PATH = "/envguard/api/requests"
BODY = {"kind": "package", "subject": "xgboost>=2", "reason": "We need it for the quarterly report."}


@pytest.fixture
def ask(fetch: Fetch, conforms: Any, described_as: Any) -> Any:
    """Make a request, and return status and answer."""

    def post(body: object = BODY) -> tuple[int, Any]:
        if body is BODY:
            described_as("new-request.json", body)
        reply = fetch("envguard/api/requests", "POST", body)
        return reply.status, conforms(reply, PATH, "post")

    return post


def mine(fetch: Fetch, conforms: Any) -> list[Any]:
    return conforms(fetch("envguard/api/requests"), PATH)["requests"]


def test_nothing_was_asked_yet(fetch: Fetch, conforms: Any):
    assert mine(fetch, conforms) == []


def test_a_request_is_kept_listed_and_recorded(ask: Any, fetch: Fetch, offered: SiteBuilder, conforms: Any):
    status, made = ask({**BODY, "environment": "datasci", "notebooks": ["a.ipynb"]})
    assert (status, made["state"], made["release"], made["decision"]) == (201, "open", "2026.11", None)
    assert mine(fetch, conforms) == [made]
    (record,) = offered.events()
    assert (record.event.type, record.event.outcome) == ("request.made", "allowed")
    assert record.event.actor.name == pwd.getpwuid(geteuid()).pw_name
    assert (record.event.detail["request"], record.event.detail["asked"]) == (made["id"], "xgboost>=2")


def test_what_was_decided_is_read_back(ask: Any, fetch: Fetch, offered: SiteBuilder, conforms: Any):
    _, made = ask()
    tag = fetch("envguard/api/requests").headers["Etag"]
    site = load(offered.path)
    with Log(site.log) as log:
        log.append(Event(type="site.init", outcome="allowed", actor=Actor("boss")))
    with Inbox(site, actor=Actor("boss")) as inbox:
        inbox.approve(inbox.find(made["id"])[0].request, "datasci@2026.11", "Enjoy.", offered.catalog)
    (found,) = mine(fetch, conforms)
    assert (found["state"], found["decision"]["who"]) == ("approved", "boss")
    assert found["decision"]["release"] == "datasci@2026.11"
    assert fetch("envguard/api/requests", headers={"If-None-Match": tag}).status == 200


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"subject": ""}, ["subject"]),
        ({"reason": "because", "kind": "x"}, ["kind", "reason"]),
        ({"needed_by": "2020-01-01"}, ["needed_by"]),
        ({"environment": "nothing"}, ["environment"]),
        ({"environment": "secret"}, ["environment"]),
        ({"user": "root"}, ["user"]),
    ],
)
def test_every_wrong_field_is_named(
    ask: Any, fetch: Fetch, offered: SiteBuilder, conforms: Any, change: dict[str, Any], fields: list[str]
):
    status, refusal = ask({**BODY, **change})
    assert (status, refusal["code"], sorted(refusal["fields"])) == (400, "request-invalid", fields)
    assert mine(fetch, conforms) == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 10_000, b'"' + b"x" * 70_000 + b'"'])
def test_a_body_that_is_none_is_refused(ask: Any, body: bytes):
    status, refusal = ask(body)
    assert (status, refusal["code"]) == (400, "invalid-argument")


@pytest.mark.parametrize("body", [b"[]", b"1", b"null"])
def test_a_body_that_is_no_object_is_refused(ask: Any, body: bytes):
    assert ask(body)[1]["code"] == "request-invalid"


def test_not_too_many_wait(ask: Any):
    assert {ask()[0] for _ in range(OPEN_REQUESTS)} == {201}
    status, refusal = ask()
    assert (status, refusal["code"]) == (409, "requests-full")


def test_one_that_cannot_be_recorded_is_not_made(site: SiteBuilder, monkeypatch: pytest.MonkeyPatch):
    guard = Guard(site.path, Subjects(lambda: Subject("ada", frozenset(), "hub")))
    journal = guard.sources.journal
    (site.spool / "ada").mkdir()
    (site.spool / "ada" / "default.sqlite").mkdir()
    assert journal is guard.sources.journal
    with pytest.raises(EnvGuardError) as refused:
        requesting.make(guard, BODY)
    assert refused.value.code == "audit-unavailable"
    assert requesting.requests(guard).content == {"requests": []}


def test_who_is_not_logged_in_asks_for_nothing(fetch: Fetch):
    for verb, body in (("GET", None), ("POST", BODY)):
        reply = fetch(
            "envguard/api/requests", verb, body, headers={"Authorization": ""}, follow_redirects=False
        )
        assert reply.status == 403
