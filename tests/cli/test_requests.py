from __future__ import annotations

import pytest

from jupyter_envguard.requests import Asked, Decisions, Outbox, Request
from tests.cli.conftest import Filled, Run

REASON = "We need it for the quarterly report."


def box(own: Filled, user: str = "ada") -> Outbox:
    return Outbox(own.site.spool, user, Decisions(own.site.decisions, own.site.path))


def make(own: Filled, user: str = "ada", **changes: object) -> Request:
    fields = {"kind": "package", "subject": "xgboost>=2", "reason": REASON} | changes
    return box(own, user).make(Asked(**fields))


class TestList:
    def test_there_is_none(self, own: Filled, run: Run) -> None:
        assert run("requests", "list", "--site", own.path).out == "No request.\n"

    def test_shows_what_waits(self, own: Filled, run: Run) -> None:
        made = make(own, environment="datasci", needed_by="2099-12-24")
        out = run("requests", "list", "--site", own.path).out
        assert made.id in out
        assert "ada (self-reported)" in out
        assert "2099-12-24" in out

    def test_shows_others_when_asked(self, own: Filled, run: Run) -> None:
        made, other = make(own), make(own, "eve")
        run("requests", "decline", made.id, "--reason", "No.", "--site", own.path)

        def ids(*words: str) -> list[str]:
            found = run("requests", "list", *words, "--json", "--site", own.path).json["requests"]
            return [request["id"] for request in found]

        assert ids() == [other.id]
        assert ids("--state", "declined") == [made.id]
        assert sorted(ids("--state", "all")) == sorted([made.id, other.id])
        assert ids("--state", "all", "--user", "eve") == [other.id]

    def test_warns_of_what_cannot_be_read(self, own: Filled, run: Run) -> None:
        made = make(own)
        (own.site.spool / "ada" / "requests" / "\x1b[2J.json").write_text("{")
        done = run("requests", "list", "--json", "--site", own.path)
        assert [request["id"] for request in done.json["requests"]] == [made.id]
        assert [problem["code"] for problem in done.json["problems"]] == ["request-unreadable"]
        assert "\x1b" not in done.err


class TestShow:
    def test_shows_everything(self, own: Filled, run: Run) -> None:
        made = make(own, channel="conda-forge", notebooks=("a.ipynb",))
        run("requests", "decline", made.id, "--reason", "It has no licence.", "--site", own.path)
        out = run("requests", "show", made.id[:5], "--site", own.path).out
        for text in (made.id, "conda-forge", "a.ipynb", REASON, "declined", "It has no licence."):
            assert text in out

    def test_there_is_no_such(self, own: Filled, run: Run) -> None:
        assert run("requests", "show", "abcdef", "--site", own.path).refusal == (4, "request-unknown")


class TestDecisions:
    def test_approve_names_the_release_that_answers(self, own: Filled, run: Run) -> None:
        made = make(own)
        words = ["requests", "approve", made.id, "--release", own.new.id, "--reason", "Enjoy."]
        assert (
            run(*words, "--site", own.path).out == f"Request {made.id} of ada is answered by {own.new.id}.\n"
        )
        ((_, decision),) = box(own).list()
        assert decision is not None
        assert (decision.state, decision.release, decision.reason) == ("approved", own.new.id, "Enjoy.")
        log = run("log", "--type", "request", "--no-sessions", "--json", "--site", own.path).json
        assert [record["type"] for record in log["records"]] == ["request.approved"]

    def test_a_release_that_is_not_approved_answers_nothing(self, own: Filled, run: Run) -> None:
        made = make(own)
        words = ["requests", "approve", made.id, "--release", own.away.id, "--site", own.path]
        assert run(*words).refusal == (5, "state-forbids")
        assert box(own).list()[0][1] is None

    @pytest.mark.parametrize("words", [("--reason", " "), ()])
    def test_decline_needs_a_reason(self, own: Filled, run: Run, words: tuple[str, ...]) -> None:
        made = make(own)
        done = run("requests", "decline", made.id, *words, "--site", own.path)
        assert done.refusal == (2, "reason-missing" if words else "invalid-argument")
