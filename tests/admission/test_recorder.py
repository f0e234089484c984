from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from jupyter_envguard.admission.recorder import VERBS, Recorder
from jupyter_envguard.audit import Actor
from jupyter_envguard.audit.event import TYPES
from jupyter_envguard.catalog import State, Statement
from jupyter_envguard.errors import (
    Conflict,
    Denied,
    EnvGuardError,
    InvalidInput,
    NotFound,
    PackRefused,
    Unavailable,
    Untrusted,
)
from jupyter_envguard.image import AttestedForm
from tests.admission.office import ADA, Office
from tests.catalogs import digest, entry


@pytest.fixture
def recorder(office: Office) -> Iterator[Recorder]:
    made = Recorder(office.site, ADA)
    yield made
    made.close()


class TestAttempt:
    def test_records_a_success_once(self, office: Office, recorder: Recorder) -> None:
        with recorder.attempt("release.approve", "datasci", "1") as attempt:
            attempt.about({}, reason="ok")
            attempt.allowed(7, "It is done")
        (record,) = office.events()
        assert (record.event.outcome, record.event.catalog, record.event.release) == (
            "allowed",
            7,
            "datasci@1",
        )
        assert dict(record.event.detail) == {"reason": "ok"}

    @pytest.mark.parametrize(
        ("family", "outcome"),
        [
            (Denied, "denied"),
            (Untrusted, "denied"),
            (Conflict, "denied"),
            (PackRefused, "denied"),
            (InvalidInput, "error"),
            (NotFound, "error"),
            (Unavailable, "error"),
        ],
    )
    def test_tells_a_no_from_a_failure(
        self, office: Office, recorder: Recorder, family: type[EnvGuardError], outcome: str
    ) -> None:
        with pytest.raises(family), recorder.attempt("release.import", "datasci", "1"):
            raise family("locked", "No." * 100)
        (record,) = office.events()
        assert (record.event.outcome, record.event.reason) == (outcome, "locked")
        assert len(record.event.detail["message"]) == 128

    def test_records_an_interruption(self, office: Office, recorder: Recorder) -> None:
        with pytest.raises(KeyboardInterrupt), recorder.attempt("release.import", "datasci", "1"):
            raise KeyboardInterrupt
        assert office.told() == [("release.import", "error", "internal-error")]

    def test_what_fails_after_a_success_is_not_a_second_event(
        self, office: Office, recorder: Recorder
    ) -> None:
        with pytest.raises(ZeroDivisionError), recorder.attempt("catalog.renew") as attempt:
            attempt.allowed(1, "It is done")
            1 / 0  # noqa: B018
        assert office.told() == [("catalog.renew", "allowed", "")]

    @pytest.mark.parametrize(
        ("name", "release"), [("", "1"), ("A", "1"), ("a", "x" * 999), ("\x1b", "\ud800")]
    )
    def test_keeps_a_name_that_is_none_out_of_the_release(
        self, office: Office, recorder: Recorder, name: str, release: str
    ) -> None:
        with pytest.raises(InvalidInput), recorder.attempt("release.import", name, release):
            raise InvalidInput("invalid-name", "No.")
        (record,) = office.events()
        assert record.event.release == ""
        assert record.event.detail["asked"] == f"{name!r} {release!r}"[:128]


class TestRecover:
    def test_finds_nothing_missing_in_a_new_site(self, office: Office, recorder: Recorder) -> None:
        recorder.recover(office.builder.repository)
        assert office.events() == []

    def test_makes_up_for_every_change_and_for_nothing_else(self, office: Office, recorder: Recorder) -> None:
        said = Statement("eve", "2026-11-20T10:00:00Z", "why")
        one = entry("one", "1", changed=said)
        office.builder.publish(one, entry("two", "1", changed=said))
        office.builder.publish(one, entry("two", "1", changed=said))
        office.builder.publish(replace(one, state=State.REVOKED), entry("two", "1", changed=said))
        recorder.recover(office.builder.repository)
        found = [
            (record.event.type, record.event.release, record.event.catalog) for record in office.events()
        ]
        assert found == [
            ("release.approve", "one@1", 2),
            ("release.approve", "two@1", 2),
            ("release.revoke", "one@1", 4),
        ]
        assert {record.event.actor for record in office.events()} == {Actor("eve", None, "catalog")}
        assert dict(office.events()[0].event.detail) == {
            "recovered": True,
            "when": "2026-11-20T10:00:00Z",
            "reason": "why",
        }

    def test_makes_up_for_a_form_without_saying_who(self, office: Office, recorder: Recorder) -> None:
        form = AttestedForm("erofs", digest("form"), 4096)
        office.builder.publish(entry())
        recorder.recover(office.builder.repository)
        office.builder.publish(replace(entry(), form=form))
        office.builder.publish(entry())
        recorder.recover(office.builder.repository)
        found = [record.event for record in office.events()][1:]
        assert [(event.type, event.detail["form"]) for event in found] == [
            ("release.attest", form.digest),
            ("release.attest", ""),
        ]
        assert {event.actor for event in found} == {Actor("", None, "catalog")}

    def test_does_so_once(self, office: Office, recorder: Recorder) -> None:
        office.builder.publish(entry())
        recorder.recover(office.builder.repository)
        recorder.recover(office.builder.repository)
        assert len(office.events()) == 1


def test_every_state_is_reached_by_a_recorded_verb() -> None:
    assert VERBS.keys() == set(State)
    assert set(VERBS.values()) <= set(TYPES)


def test_decisions_take_turns(office: Office, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_envguard.admission.recorder.TURN_SECONDS", 0)
    with recorder.turn(), pytest.raises(Unavailable) as caught, Recorder(office.site, ADA).turn():
        pass
    assert caught.value.code == "locked"
