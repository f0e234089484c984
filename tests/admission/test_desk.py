"""None"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jupyter_envguard.audit import Event, Log, Query
from jupyter_envguard.catalog import Client, State, Verdict
from jupyter_envguard.errors import (
    Denied,
    EnvGuardError,
    InvalidInput,
    NotFound,
    Untrusted,
)
from jupyter_envguard.image import AttestedForm
from jupyter_envguard.policy import DEFAULT
from tests.admission.office import ADA, EVE, POLICY, Office, refused
from tests.catalogs import digest


class TestApprove:
    def test_opens_a_release_to_its_groups(self, office: Office) -> None:
        with office.at() as admission:
            admission.import_pack(office.pack(), "datasci", "1", groups=["staff"])
        with office.at(EVE) as admission:
            approved = admission.approve("datasci", "1", "looks good")
        assert approved.approval == approved.changed
        assert (approved.changed.who, approved.changed.reason) == ("eve", "looks good")
        seen = Client(office.site.catalog, office.site.trust).load()
        (offer,) = seen.offers("ada", ["staff"], datetime.now(UTC))
        assert (offer.kernel_name, bool(offer.decision)) == ("datasci", True)

    def test_writes_one_event(self, office: Office) -> None:
        made = office.released("1")
        record = office.events()[-1]
        assert (record.event.type, record.event.outcome) == ("release.approve", "allowed")
        assert record.event.detail == {"reason": "fine"}
        assert record.event.digests["manifest"] == made.manifest

    def test_knows_only_what_is_in_the_catalog(self, office: Office) -> None:
        office.released("1")
        with office.at() as admission:
            error = refused(lambda: admission.approve("datsci", "1"), "release-unknown")
        assert error.hint == "Did you mean 'datasci@1'?"
        assert office.told()[-1] == ("release.approve", "error", "release-unknown")

    def test_is_done_once(self, office: Office) -> None:
        office.released("1")
        with office.at(EVE) as admission:
            refused(lambda: admission.approve("datasci", "1"), "state-forbids")
        assert office.told()[-1] == ("release.approve", "denied", "state-forbids")

    def test_needs_the_image(self, office: Office) -> None:
        with office.at() as admission:
            made = admission.import_pack(office.pack(), "datasci", "1").entry
            assert made is not None
            office.store.remove(made.pack)
            refused(lambda: admission.approve("datasci", "1"), "image-missing")

    @pytest.mark.parametrize("attack", ["edit", "add", "remove"])
    def test_refuses_an_image_that_was_tampered_with(self, office: Office, attack: str) -> None:
        with office.at() as admission:
            made = admission.import_pack(office.pack(), "datasci", "1").entry
            assert made is not None
            image = office.store.get(made.pack).path
            image.chmod(0o755)
            target = image / "bin" / "python3.11"
            if attack == "edit":
                target.chmod(0o755)
                target.write_bytes(target.read_bytes()[:-1] + b"!")
                target.chmod(0o555)
            elif attack == "add":
                (image / "evil").touch(0o444)
            else:
                (image / "bin").chmod(0o755)
                target.unlink()
                (image / "bin").chmod(0o555)
            image.chmod(0o555)
            error = refused(lambda: admission.approve("datasci", "1"), "image-drifted")
        assert isinstance(error, Untrusted)
        assert office.catalog.require("datasci", "1").state is State.IN_REVIEW
        assert office.told()[-1] == ("release.approve", "denied", "image-drifted")

    def test_says_how_much_was_tampered_with(self, office: Office) -> None:
        with office.at() as admission:
            made = admission.import_pack(office.pack(), "datasci", "1").entry
            assert made is not None
            image = office.store.get(made.pack).path
            image.chmod(0o755)
            (image / "a").touch()
            (image / "b").touch()
            assert "more paths" in refused(lambda: admission.approve("datasci", "1"), "image-drifted").message

    def test_refuses_an_image_of_another_pack_in_its_place(self, office: Office) -> None:
        with office.at() as admission:
            admission.import_pack(office.pack(), "datasci", "1")
            office.builder.change("datasci", "1", spec=digest("another"))
            refused(lambda: admission.approve("datasci", "1"), "image-drifted")

    def test_refuses_a_record_of_the_store_that_was_changed(self, office: Office) -> None:
        with office.at() as admission:
            made = admission.import_pack(office.pack(), "datasci", "1").entry
            assert made is not None
            document = office.store.get(made.pack).meta / "spec.json"
            document.chmod(0o644)
            document.write_bytes(document.read_bytes() + b" ")
            refused(lambda: admission.approve("datasci", "1"), "image-damaged")

    def test_never_approves_a_failed_verdict(self, office: Office) -> None:
        with office.at() as admission:
            admission.import_pack(office.pack(), "datasci", "1")
            office.builder.change("datasci", "1", verdict=Verdict(POLICY.digest(), False))
            error = refused(lambda: admission.approve("datasci", "1"), "policy-failed")
        assert isinstance(error, Denied)

    def test_can_set_an_end(self, office: Office) -> None:
        with office.at() as admission:
            admission.import_pack(office.pack(), "datasci", "1")
            refused(lambda: admission.approve("datasci", "1", expires="2020-01-01T00:00:00Z"), "expired")
            approved = admission.approve("datasci", "1", expires="2099-01-01T00:00:00Z")
        assert approved.expires == "2099-01-01T00:00:00Z"

    def test_does_not_approve_what_is_over(self, office: Office) -> None:
        with office.at() as admission:
            admission.import_pack(office.pack(), "datasci", "1", expires="2099-01-01T00:00:00Z")
        later = datetime(2100, 1, 1, tzinfo=UTC)
        with office.at(clock=lambda: later) as admission:
            refused(lambda: admission.approve("datasci", "1"), "expired")

    def test_needs_the_keys(self, office: Office) -> None:
        office.released("1")
        node = replace(office.site, keys=None)
        with office.at(site=node) as admission:
            refused(lambda: admission.deprecate("datasci", "1"), "keys-missing")


class TestDecisions:
    def test_reject_turns_down(self, office: Office) -> None:
        with office.at() as admission:
            admission.import_pack(office.pack(), "datasci", "1")
            assert admission.reject("datasci", "1", "too old").state is State.REJECTED
        assert office.told()[-1] == ("release.reject", "allowed", "")

    def test_deprecate_names_what_follows(self, office: Office) -> None:
        office.released("1")
        office.released("2")
        with office.at() as admission:
            old = admission.deprecate(
                "datasci", "1", "old", successor="datasci@2", expires="2099-01-01T00:00:00Z"
            )
        assert (old.state, old.successor, old.expires) == (
            State.DEPRECATED,
            "datasci@2",
            "2099-01-01T00:00:00Z",
        )
        assert office.told()[-1] == ("release.deprecate", "allowed", "")

    def test_deprecate_keeps_what_was_said_before(self, office: Office) -> None:
        office.released("1", expires="2099-01-01T00:00:00Z")
        with office.at() as admission:
            assert admission.deprecate("datasci", "1").expires == "2099-01-01T00:00:00Z"

    def test_a_deprecated_release_can_come_back(self, office: Office) -> None:
        office.released("1")
        with office.at() as admission:
            admission.deprecate("datasci", "1")
            assert admission.approve("datasci", "1", "needed after all").state is State.APPROVED

    @pytest.mark.parametrize(
        ("successor", "code"),
        [("datasci@9", "release-unknown"), ("nothing", "invalid-name"), ("datasci@1", "state-forbids")],
    )
    def test_a_successor_has_to_be_another_approved_release(
        self, office: Office, successor: str, code: str
    ) -> None:
        office.released("1")
        with office.at() as admission:
            refused(lambda: admission.deprecate("datasci", "1", successor=successor), code)

    def test_revoke_takes_a_release_away(self, office: Office) -> None:
        office.released("1", groups=["*"])
        office.released("2")
        with office.at(EVE) as admission:
            gone = admission.revoke("datasci", "1", "CVE-2026-1", successor="datasci@2")
        assert (gone.state, gone.successor, gone.changed.reason) == (State.REVOKED, "datasci@2", "CVE-2026-1")
        assert gone.approval is not None
        assert not gone_for(office, "datasci", "1")
        assert office.images() == 2

    @pytest.mark.parametrize("verb", ["revoke", "reject"])
    @pytest.mark.parametrize("reason", ["", "  \n"])
    def test_taking_away_needs_a_reason(self, office: Office, verb: str, reason: str) -> None:
        office.released("1")
        with office.at() as admission:
            refused(lambda: getattr(admission, verb)("datasci", "1", reason), "reason-missing")
        assert office.told()[-1] == (f"release.{verb}", "error", "reason-missing")

    def test_a_reason_is_bounded(self, office: Office) -> None:
        office.released("1")
        with office.at() as admission:
            refused(lambda: admission.revoke("datasci", "1", "x" * 1001), "invalid-argument")
            assert admission.revoke("datasci", "1", "é" * 1000).state is State.REVOKED

    def test_archive_puts_away(self, office: Office) -> None:
        office.released("1")
        with office.at() as admission:
            refused(lambda: admission.archive("datasci", "1"), "state-forbids")
            admission.revoke("datasci", "1", "old")
            assert admission.archive("datasci", "1").state is State.ARCHIVED
        assert [outcome for _, outcome, _ in office.told()] == [
            "allowed",
            "allowed",
            "denied",
            "allowed",
            "allowed",
        ]

    def test_renew_signs_again(self, office: Office) -> None:
        with office.at() as admission:
            assert admission.renew().version == 1
        assert office.told() == [("catalog.renew", "allowed", "")]


def gone_for(office: Office, name: str, release: str) -> bool:
    offers = office.catalog.offers("ada", ["staff"], datetime.now(UTC))
    return any(
        offer.decision for offer in offers if (offer.entry.name, offer.entry.release) == (name, release)
    )


def test_a_new_log_learns_the_whole_history(office: Office) -> None:
    office.released("1")
    with office.at() as admission:
        admission.renew()
        admission.revoke("datasci", "1", "broken")
    office.site.log.unlink()
    for leftover in office.site.log.parent.glob("log.sqlite-*"):
        leftover.unlink()
    with Log(office.site.log):
        pass
    with office.at(clock=lambda: datetime.now(UTC) + timedelta(seconds=1)) as admission:
        refused(lambda: admission.archive("datasci", "1"), "file-not-found")
        Log(office.site.log).append(Event(type="site.init", outcome="allowed", actor=ADA))
        admission.archive("datasci", "1")
    kinds = [
        record.event.type for record in Log(office.site.log).read(Query(type="release", outcome="allowed"))
    ]
    assert kinds == ["release.import", "release.approve", "release.revoke", "release.archive"]


@pytest.mark.packs
def test_a_real_pack_goes_all_the_way(office: Office, packs: Any) -> None:
    site = replace(office.site, policy=DEFAULT)
    with office.at(site=site) as admission:
        result = admission.import_pack(packs.minimal, "minimal", "2026.11", groups=["*"])
        assert result.is_new
        approved = admission.approve("minimal", "2026.11", "real")
    assert approved.language == "python"
    assert office.told() == [("release.import", "allowed", ""), ("release.approve", "allowed", "")]


def test_every_refusal_is_of_a_known_family(office: Office) -> None:
    with office.at() as admission, pytest.raises(NotFound):
        admission.reject("nothing", "1", "no")
    with office.at() as admission, pytest.raises(InvalidInput):
        admission.reject("nothing", "1", "")


class TestAttest:
    FORM = AttestedForm("erofs", digest("form"), 4096)

    def test_signs_and_records_it(self, office: Office) -> None:
        with office.at() as admission:
            result = admission.import_pack(office.pack(), "datasci", "1", groups=["all"])
            admission.approve("datasci", "1")
            image = office.builder.store.get(result.inventory.digest)
            made = admission.attest("datasci", "1", image, self.FORM)
            again = admission.attest("datasci", "1", image, self.FORM)
        assert made == again == office.builder.catalog.require("datasci", "1")
        assert made.form == self.FORM
        assert made.state is State.APPROVED
        event = office.events()[-1].event
        assert (event.type, event.outcome, event.detail["form"]) == (
            "release.attest",
            "allowed",
            self.FORM.digest,
        )

    def test_refuses_what_nobody_may_start(self, office: Office) -> None:
        with office.at() as admission:
            result = admission.import_pack(office.pack(), "datasci", "1")
            image = office.builder.store.get(result.inventory.digest)
            refused(lambda: admission.attest("datasci", "1", image, self.FORM), "state-forbids")
        assert office.builder.catalog.require("datasci", "1").form is None

    def test_refuses_the_form_of_another_image(self, office: Office) -> None:
        with office.at() as admission:
            result = admission.import_pack(office.pack(), "datasci", "1")
            admission.approve("datasci", "1")
            image = replace(
                office.builder.store.get(result.inventory.digest), manifest_digest=digest("other")
            )
            with pytest.raises(EnvGuardError):
                admission.attest("datasci", "1", image, self.FORM)
        assert office.builder.catalog.require("datasci", "1").form is None
