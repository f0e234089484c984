from __future__ import annotations

import contextlib

import pytest

from jupyter_envguard.admission.inbox import Inbox
from jupyter_envguard.catalog import State
from jupyter_envguard.errors import EnvGuardError, Unavailable
from jupyter_envguard.requests import Asked, Decisions, Outbox, Request
from tests.admission.office import ADA, Office

ASKED = Asked(kind="package", subject="xgboost>=2", reason="We need it for the quarterly report.")


def box(office: Office, user: str = "eve") -> Outbox:
    return Outbox(office.site.spool, user, Decisions(office.site.decisions, office.site.path))


def at(office: Office) -> Inbox:
    return Inbox(office.site, actor=ADA)


def refused(code: str) -> pytest.RaisesExc[EnvGuardError]:
    return pytest.raises(EnvGuardError, check=lambda error: error.code == code)


def decided(office: Office, request: Request) -> str:
    decision = dict(box(office, request.user).list())[request]
    return decision.state if decision else "open"


class TestFind:
    def test_the_beginning_of_an_id_is_enough(self, office: Office) -> None:
        made = box(office).make(ASKED)
        with at(office) as inbox:
            assert inbox.find(made.id[:6])[0].request == made
            assert inbox.find(f"eve/{made.id}")[0].request == made

    @pytest.mark.parametrize("wanted", ["", "abc", "zzzzzzzzzzzzz", "ada/"])
    def test_there_is_no_such(self, office: Office, wanted: str) -> None:
        box(office).make(ASKED)
        with at(office) as inbox, refused("request-unknown"):
            inbox.find(wanted)

    def test_two_users_with_one_id_are_told_apart(self, office: Office) -> None:
        made = box(office).make(ASKED)
        fake = box(office, "mallory").make(ASKED)
        folder = office.site.spool / "mallory" / "requests"
        (folder / f"{fake.id}.json").unlink()
        forged = Request(id=made.id, user="mallory", created=made.created, asked=ASKED)
        (folder / f"{made.id}.json").write_bytes(forged.canonical())
        with at(office) as inbox:
            with refused("invalid-argument"):
                inbox.find(made.id)
            inbox.decline(inbox.find(f"mallory/{made.id}")[0].request, "Not this.")
        assert (decided(office, made), decided(office, forged)) == ("open", "declined")


class TestApprove:
    def test_is_read_by_the_user_and_recorded(self, office: Office) -> None:
        entry, made = office.released(), box(office).make(ASKED)
        office.builder.change("datasci", "1", groups=("*",))
        with at(office) as inbox:
            inbox.approve(made, entry.id, "Enjoy.", office.catalog)
            ((_, decision),) = inbox.list([])
        assert decision is not None
        assert (decision.state, decision.release, decision.who) == ("approved", entry.id, "ada")
        event = office.events()[-1].event
        assert (event.type, event.outcome, event.release) == ("request.approved", "allowed", entry.id)
        assert (event.detail["request"], event.detail["user"], event.detail["subject"]) == (
            made.id,
            "eve",
            "xgboost>=2",
        )
        assert event.digests["manifest"] == entry.manifest

    @pytest.mark.parametrize(
        ("release", "code"), [("datasci@9", "release-unknown"), ("datasci", "invalid-name")]
    )
    def test_only_by_a_release_that_there_is(self, office: Office, release: str, code: str) -> None:
        made = box(office).make(ASKED)
        with at(office) as inbox, refused(code):
            inbox.approve(made, release, "", office.catalog)
        assert decided(office, made) == "open"

    def test_only_by_a_release_that_is_approved(self, office: Office) -> None:
        entry, made = office.released(), box(office).make(ASKED)
        office.builder.revoke("datasci", "1")
        assert office.catalog.require("datasci", "1").state is State.REVOKED
        with at(office) as inbox, refused("state-forbids"):
            inbox.approve(made, entry.id, "", office.catalog)
        assert decided(office, made) == "open"
        assert office.told()[-1] == ("request.approved", "denied", "state-forbids")

    @pytest.mark.parametrize(
        ("groups", "users", "answers"),
        [
            ((), (), False),
            ((), ("ada",), False),
            ((), ("eve",), True),
            (("staff",), (), True),
            (("*",), (), True),
        ],
    )
    def test_only_by_a_release_that_may_be_for_who_asked(
        self, office: Office, groups: tuple[str, ...], users: tuple[str, ...], answers: bool
    ) -> None:
        entry, made = office.released(), box(office).make(ASKED)
        office.builder.change("datasci", "1", groups=groups, users=users)
        with at(office) as inbox, contextlib.nullcontext() if answers else refused("state-forbids"):
            inbox.approve(made, entry.id, "", office.catalog)
        assert decided(office, made) == ("approved" if answers else "open")


class TestDecline:
    def test_needs_a_reason(self, office: Office) -> None:
        made = box(office).make(ASKED)
        with at(office) as inbox, refused("reason-missing"):
            inbox.decline(made, " ")
        assert decided(office, made) == "open"

    def test_is_recorded(self, office: Office) -> None:
        made = box(office).make(ASKED)
        with at(office) as inbox:
            inbox.decline(made, "It has no licence.")
        assert decided(office, made) == "declined"
        event = office.events()[-1].event
        assert (event.type, event.outcome) == ("request.declined", "allowed")
        assert event.detail["reason"] == "It has no licence."

    def test_is_final(self, office: Office) -> None:
        made = box(office).make(ASKED)
        with at(office) as inbox:
            inbox.decline(made, "No.")
            with refused("request-decided"):
                inbox.decline(made, "No!")
        assert office.told()[-1] == ("request.declined", "denied", "request-decided")

    def test_one_that_cannot_be_recorded_says_so(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = box(office).make(ASKED)

        def fail(*_: object) -> None:
            raise Unavailable("disk-full", "The disk is full.")

        with at(office) as inbox:
            monkeypatch.setattr("jupyter_envguard.audit.Log.append", fail)
            with refused("audit-unavailable"):
                inbox.decline(made, "No.")
        assert decided(office, made) == "declined"
