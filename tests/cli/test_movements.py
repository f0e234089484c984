"""Events of what moves: their outcome, and that a failure is never hidden by another."""

from __future__ import annotations

import pytest

from jupyter_envguard.audit import Event, Log
from jupyter_envguard.catalog import Client
from jupyter_envguard.cli.movements import recorded
from jupyter_envguard.errors import EnvGuardError, Unavailable, Untrusted
from tests.cli.conftest import Filled


def events(own: Filled, kind: str) -> list[Event]:
    with Log(own.site.log, create=False) as log:
        return [record.event for record in log.read() if record.event.type == kind]


def test_what_was_done_is_recorded_with_who_and_how_much(own: Filled):
    catalog = Client(own.site.catalog, own.site.trust).load()
    with recorded(own.site, catalog, "share.fetch", own.new) as attempt:
        attempt.found(True, share="x" * 1000, bytes=7)
    (event,) = events(own, "share.fetch")
    assert (event.outcome, event.release, event.catalog) == ("allowed", own.new.id, catalog.version)
    assert event.digests == {"pack": own.new.pack, "spec": own.new.spec, "manifest": own.new.manifest}
    assert event.actor.uid is not None
    assert (event.detail["bytes"], len(event.detail["share"])) == (7, 256)
    assert event.detail["milliseconds"] >= 0


def test_what_was_done_before_is_no_event(own: Filled):
    catalog = Client(own.site.catalog, own.site.trust).load()
    with recorded(own.site, catalog, "share.fetch", own.new) as attempt:
        attempt.found(False)
    assert events(own, "share.fetch") == []


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Untrusted("share-invalid", "It lies.", "No."), "denied"),
        (Unavailable("source-broken", "Gone.", "Later."), "error"),
    ],
)
def test_a_failure_is_recorded_and_raised(own: Filled, error: EnvGuardError, outcome: str):
    catalog = Client(own.site.catalog, own.site.trust).load()
    with pytest.raises(type(error)), recorded(own.site, catalog, "share.prune"):
        raise error
    (event,) = events(own, "share.prune")
    assert (event.outcome, event.reason, event.detail["message"]) == (outcome, error.code, error.message)


def test_a_failure_to_record_hides_no_failure(own: Filled):
    catalog = Client(own.site.catalog, own.site.trust).load()
    own.site.log.unlink()
    own.site.log.mkdir()
    with pytest.raises(EnvGuardError) as caught, recorded(own.site, catalog, "share.prune"):
        raise Unavailable("source-broken", "Gone.", "Later.")
    assert caught.value.code == "source-broken"
    with pytest.raises(EnvGuardError) as caught, recorded(own.site, catalog, "share.prune") as attempt:
        attempt.found(True)
    assert caught.value.code != "source-broken"
