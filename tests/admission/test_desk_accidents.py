"""The desk when several work at once, and when something breaks or dies meanwhile."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from jupyter_envguard.admission import PackDenied
from jupyter_envguard.audit import Actor, Log
from jupyter_envguard.catalog import Repository, State
from jupyter_envguard.errors import (
    EnvGuardError,
    Unavailable,
)
from tests.admission.office import EVE, Office, fails, refused, works
from tests.catalogs import entry
from tests.disks import FailingSync


def killed(act: Any) -> None:
    """Call `act` in a child process that kills itself at some point of it."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the child was to be killed"


def die(*_arguments: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


class TestTogether:
    def test_two_decisions_at_once_are_made_one_after_the_other(self, office: Office) -> None:
        for number in range(6):
            office.released(str(number))

        def revoke(number: int) -> None:
            with office.at(EVE) as admission:
                admission.revoke("datasci", str(number), "together")

        threads = [threading.Thread(target=revoke, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {item.state for item in office.catalog.entries} == {State.REVOKED}
        assert [kind for kind, _, _ in office.told()].count("release.revoke") == 6
        versions = [record.event.catalog for record in office.events()]
        assert versions == sorted(versions)

    def test_approve_and_reject_at_once_leave_one_decision(self, office: Office) -> None:
        with office.at() as admission:
            admission.import_pack(office.pack(), "datasci", "1")
        errors: list[str] = []

        def decide(verb: str) -> None:
            with office.at(EVE) as admission:
                try:
                    getattr(admission, verb)("datasci", "1", "together")
                except EnvGuardError as error:
                    errors.append(error.code)

        threads = [threading.Thread(target=decide, args=(verb,)) for verb in ("approve", "reject")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == ["state-forbids"]
        assert sorted(outcome for _, outcome, _ in office.told()) == ["allowed", "allowed", "denied"]

    def test_a_release_that_changed_under_the_decision_is_decided_again(self, office: Office) -> None:
        office.released("1")
        admission = office.at()
        settle = admission._settle

        def overtaken(*arguments: Any) -> Any:
            office.builder.change("datasci", "1", groups=("staff",))
            return settle(*arguments)

        admission._settle = overtaken  # type: ignore[method-assign]
        refused(lambda: admission.revoke("datasci", "1", "broken"), "release-changed")
        admission.close()
        assert office.catalog.require("datasci", "1").state is State.APPROVED

    def test_another_publication_in_between_is_built_upon(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        office.released("1")
        publish = Repository.publish
        others = [entry("other", "1")]

        def overtaken(repository: Repository, entries: Any, version: int) -> Any:
            if others:
                publish(repository, (*repository.load().entries, others.pop()), version)
            return publish(repository, entries, version)

        monkeypatch.setattr(Repository, "publish", overtaken)
        with office.at() as admission:
            admission.revoke("datasci", "1", "broken")
        assert [(item.id, item.state.value) for item in office.catalog.entries] == [
            ("datasci@1", "revoked"),
            ("other@1", "approved"),
        ]

    def test_a_catalog_that_never_rests_is_given_up(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        office.released("1")
        publish = Repository.publish

        def overtaken(repository: Repository, entries: Any, version: int) -> Any:
            publish(repository, repository.load().entries, version)
            return publish(repository, entries, version)

        monkeypatch.setattr(Repository, "publish", overtaken)
        with office.at() as admission:
            refused(lambda: admission.revoke("datasci", "1", "broken"), "catalog-changed")
        assert office.told()[-1] == ("release.revoke", "denied", "catalog-changed")


class TestAccidents:
    def test_killed_before_publication_an_import_can_be_repeated(self, office: Office) -> None:
        path = office.pack()
        killed(lambda: office.at(smoke=die).import_pack(path, "datasci", "1"))
        assert (office.catalog.entries, office.images(), office.events()) == ((), 1, [])
        with office.at() as admission:
            assert admission.import_pack(path, "datasci", "1").is_new
        assert office.told() == [("release.import", "allowed", "")]

    @pytest.mark.parametrize("verb", ["import", "approve"])
    def test_killed_after_publication_it_is_recorded_by_the_next(
        self, office: Office, monkeypatch: pytest.MonkeyPatch, verb: str
    ) -> None:
        path = office.pack()
        if verb == "approve":
            with office.at() as admission:
                admission.import_pack(path, "datasci", "1")
        before = len(office.events())

        def act() -> None:
            monkeypatch.setattr("jupyter_envguard.admission.recorder.Attempt.allowed", die)
            if verb == "import":
                office.at(EVE).import_pack(path, "datasci", "1")
            office.at(EVE).approve("datasci", "1", "yes")

        killed(act)
        assert len(office.events()) == before
        with office.at() as admission:
            if verb == "import":
                assert not admission.import_pack(path, "datasci", "1").is_new
            else:
                admission.deprecate("datasci", "1", "old")
        made_up = office.events()[before]
        assert (made_up.event.type, made_up.event.outcome) == (f"release.{verb}", "allowed")
        assert made_up.event.actor == Actor("eve", None, "catalog")
        assert made_up.event.detail["recovered"] is True
        assert made_up.event.catalog == before + 2
        assert len(office.events()) == before + 2

    def test_what_could_not_be_recorded_is_said_and_made_up_for(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        office.released("1")

        def full(log: Log, event: Any) -> Any:
            raise Unavailable("disk-full", "Cannot use the log.", "")

        with office.at(EVE) as admission:
            with monkeypatch.context() as patch:
                patch.setattr(Log, "append", full)
                error = refused(lambda: admission.revoke("datasci", "1", "broken"), "audit-unavailable")
            assert error.message == (
                "datasci@1 is revoked in version 4 of the catalog, "
                "but this could not be recorded: Cannot use the log."
            )
            assert office.catalog.require("datasci", "1").state is State.REVOKED
            admission.archive("datasci", "1")
        assert [kind for kind, _, _ in office.told()][-2:] == ["release.revoke", "release.archive"]

    def test_a_refusal_that_cannot_be_recorded_is_refused_all_the_same(
        self, office: Office, caplog: pytest.LogCaptureFixture
    ) -> None:
        office.site.log.unlink()
        with office.at() as admission:
            refused(lambda: admission.approve("datasci", "1"), "release-unknown")
        assert "A refused release.approve could not be recorded" in caplog.text

    def test_a_log_that_is_gone_stops_every_decision(self, office: Office) -> None:
        with office.at() as admission:
            admission.import_pack(office.pack(), "datasci", "1")
        office.site.log.unlink()
        with office.at() as admission:
            refused(lambda: admission.approve("datasci", "1"), "file-not-found")
        assert office.catalog.require("datasci", "1").state is State.IN_REVIEW
        assert not office.site.log.exists()

    def test_a_full_disk_publishes_nothing(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        office.released("1")
        with office.at() as admission, monkeypatch.context() as patch:
            FailingSync(patch, 1)
            refused(lambda: admission.revoke("datasci", "1", "broken"), "disk-full")
        assert office.catalog.require("datasci", "1").state is State.APPROVED
        assert office.told()[-1] == ("release.revoke", "error", "disk-full")

    def test_a_bug_is_recorded_as_one(self, office: Office) -> None:
        def broken(*_arguments: Any) -> Any:
            raise ZeroDivisionError

        with office.at(smoke=broken) as admission, pytest.raises(ZeroDivisionError):
            admission.import_pack(office.pack(), "datasci", "1")
        assert office.told() == [("release.import", "error", "internal-error")]
        assert office.images() == 0

    def test_an_image_that_cannot_be_removed_does_not_hide_why(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stuck(*_arguments: Any) -> Any:
            raise Unavailable("locked", "Somebody holds it.", "")

        monkeypatch.setattr("jupyter_envguard.store.Store.remove", stuck)
        with office.at(smoke=fails) as admission, pytest.raises(PackDenied):
            admission.import_pack(office.pack(), "datasci", "1")

    def test_a_lost_image_is_noticed_before_publication(self, office: Office) -> None:
        path = office.pack()

        def lost(image: Any, _inventory: Any) -> Any:
            image.path.rename(image.path.with_name("lost"))
            return works()

        with office.at(smoke=lost) as admission:
            refused(lambda: admission.import_pack(path, "datasci", "1"), "image-missing")
        assert office.catalog.entries == ()

    def test_an_image_is_not_removed_before_its_import_has_ended(self, office: Office) -> None:
        path = office.pack()

        def removed(image: Any, _inventory: Any) -> Any:
            office.store.remove(image.pack)

        with office.at(smoke=removed) as admission:
            refused(lambda: admission.import_pack(path, "datasci", "1"), "image-in-use")
        assert office.catalog.entries == ()
