from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.admission import PackDenied
from jupyter_envguard.audit import Actor, Event, Log, Query
from jupyter_envguard.catalog import Client, Repository, State, Verdict
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
from jupyter_envguard.policy import DEFAULT, Policy
from tests.admission.office import ADA, EVE, POLICY, Office, fails, with_pth, with_script, works
from tests.catalogs import digest, entry
from tests.disks import FailingSync


def refused(act: Any, code: str) -> EnvGuardError:
    with pytest.raises(EnvGuardError) as caught:
        act()
    assert caught.value.code == code
    return caught.value


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


class TestCheck:
    def test_answers_and_changes_nothing(self, office: Office) -> None:
        with office.at() as admission:
            result = admission.check(office.pack())
        assert result.verdict
        assert result.entry is None
        assert office.images() == 0
        assert office.events() == []

    def test_answers_no_with_all_findings(self, office: Office) -> None:
        with office.at() as admission:
            result = admission.check(office.pack(change=with_pth))
        assert not result.verdict
        assert [finding.rule for finding in result.verdict.findings] == ["py.pth-exec"]

    def test_refuses_what_is_no_pack(self, office: Office, tmp_path: Path) -> None:
        (tmp_path / "x.tar").write_bytes(b"nothing")
        with office.at() as admission:
            refused(lambda: admission.check(tmp_path / "x.tar"), "pack-format-unknown")


class TestImport:
    def test_puts_a_release_up_for_review(self, office: Office) -> None:
        with office.at() as admission:
            result = admission.import_pack(
                office.pack(),
                "datasci",
                "2026.11",
                display_name="Data Science",
                description="For work",
                groups=["b", "a"],
                users=["ada"],
                expires="2099-01-01T00:00:00Z",
                logo="<svg/>",
            )
        made = office.catalog.require("datasci", "2026.11")
        assert (result.entry, result.is_new) == (made, True)
        assert (made.state, made.approval, made.imported_by, made.changed.who) == (
            State.IN_REVIEW,
            None,
            "ada",
            "ada",
        )
        assert (made.display_name, made.description, made.language) == ("Data Science", "For work", "python")
        assert (made.groups, made.users, made.expires) == (("a", "b"), ("ada",), "2099-01-01T00:00:00Z")
        assert made.verdict == Verdict(POLICY.digest(), True)
        image = office.store.get(made.pack)
        assert (image.spec_digest, image.manifest_digest) == (made.spec, made.manifest)
        assert made.pack == result.inventory.digest

    def test_writes_one_event_with_everything_that_is_known(self, office: Office) -> None:
        with office.at() as admission:
            made = admission.import_pack(office.pack(change=with_script), "datasci", "1").entry
        assert made is not None
        (record,) = office.events()
        event = record.event
        assert (event.type, event.outcome, event.actor, event.release) == (
            "release.import",
            "allowed",
            ADA,
            "datasci@1",
        )
        assert event.catalog == office.catalog.version
        assert event.digests == {
            "pack": made.pack,
            "spec": made.spec,
            "manifest": made.manifest,
            "policy": POLICY.digest(),
            "config": office.site.digest,
        }
        assert event.detail["warnings"] == ["act.scripts"]
        assert event.detail["errors"] == []
        assert event.detail["format"] == "tar.gz"
        assert record.source.component == "admission"

    def test_keeps_warnings_with_the_release(self, office: Office) -> None:
        with office.at() as admission:
            made = admission.import_pack(office.pack(change=with_script), "datasci", "1").entry
        assert made is not None
        assert made.verdict.warnings == ("act.scripts",)

    def test_has_defaults_for_what_is_not_said(self, office: Office) -> None:
        with office.at() as admission:
            made = admission.import_pack(office.pack(), "datasci", "1").entry
        assert made is not None
        assert (made.display_name, made.groups, made.users, made.expires, made.logo) == (
            "datasci",
            (),
            (),
            None,
            "",
        )

    def test_tells_its_progress(self, office: Office) -> None:
        told: list[tuple[int, int]] = []
        with office.at() as admission:
            admission.import_pack(office.pack(), "datasci", "1", progress=lambda *bytes: told.append(bytes))
        assert told
        assert told[-1][0] == told[-1][1]

    def test_a_denied_pack_leaves_nothing_but_the_event(self, office: Office) -> None:
        with office.at() as admission, pytest.raises(PackDenied, match=r"\[py\.pth-exec\]") as caught:
            admission.import_pack(office.pack(change=with_pth), "datasci", "1")
        assert caught.value.code == "policy-failed"
        assert [finding.rule for finding in caught.value.findings] == ["py.pth-exec"]
        assert (office.catalog.entries, office.images()) == ((), 0)
        assert office.told() == [("release.import", "denied", "policy-failed")]
        assert office.events()[0].event.detail["errors"] == ["py.pth-exec"]

    def test_a_kernel_that_does_not_start_leaves_nothing_but_the_event(self, office: Office) -> None:
        with office.at(smoke=fails) as admission, pytest.raises(PackDenied, match="The kernel fell over"):
            admission.import_pack(office.pack(), "datasci", "1")
        assert (office.catalog.entries, office.images()) == ((), 0)
        assert office.told() == [("release.import", "denied", "policy-failed")]

    def test_nobody_to_start_the_kernel_is_no_reason_to_skip_it(self, office: Office) -> None:
        with office.at(smoke=None) as admission:
            refused(lambda: admission.import_pack(office.pack(), "datasci", "1"), "smoke-missing")
        assert (office.catalog.entries, office.images()) == ((), 0)
        assert office.told() == [("release.import", "error", "smoke-missing")]

    def test_a_policy_without_such_rules_needs_no_start(self, office: Office) -> None:
        site = replace(office.site, policy=Policy(rules=("kernel.missing-ipykernel",)))
        with office.at(smoke=fails, site=site) as admission:
            assert admission.import_pack(office.pack(), "datasci", "1").is_new

    def test_a_hostile_pack_is_refused_by_its_own_code(self, office: Office) -> None:
        path = office.pack(change=lambda pack: pack.symlink("share/out", "../../../etc"))
        with office.at() as admission, pytest.raises(PackRefused) as caught:
            admission.import_pack(path, "datasci", "1")
        assert office.told() == [("release.import", "denied", caught.value.code)]

    def test_a_failed_start_leaves_an_image_that_another_release_uses(self, office: Office) -> None:
        path = office.pack()
        with office.at() as admission:
            admission.import_pack(path, "datasci", "1")
        with office.at(smoke=fails) as admission, pytest.raises(PackDenied):
            admission.import_pack(path, "other", "1")
        assert office.images() == 1

    def test_a_failed_start_leaves_an_image_that_a_release_got_meanwhile(self, office: Office) -> None:
        path = office.pack()

        def overtaken(*_arguments: Any) -> Any:
            with office.at(EVE) as other:
                other.import_pack(path, "other", "1")
            return fails()

        with office.at(smoke=overtaken) as admission, pytest.raises(PackDenied):
            admission.import_pack(path, "datasci", "1")
        assert office.images() == 1
        assert [item.id for item in office.catalog.entries] == ["other@1"]

    @pytest.mark.parametrize(
        ("said", "code"),
        [
            ({"display_name": " "}, "entry-invalid"),
            ({"description": "\x1b[2J"}, "invalid-argument"),
            ({"groups": ["a\n"]}, "invalid-name"),
            ({"groups": "staff"}, "invalid-name"),
            ({"users": ["*"]}, "invalid-name"),
            ({"expires": "tomorrow"}, "invalid-argument"),
            ({"expires": "2020-01-01T00:00:00Z"}, "invalid-argument"),
            ({"logo": "<script/>"}, "logo-refused"),
            ({"language": ""}, "invalid-argument"),
        ],
        ids=str,
    )
    def test_bad_words_are_refused_before_the_pack_is_read(
        self, office: Office, said: dict[str, Any], code: str
    ) -> None:
        with office.at() as admission:
            refused(lambda: admission.import_pack(Path("/nonexistent"), "datasci", "1", **said), code)
        assert office.told() == [("release.import", "error", code)]

    def test_a_name_that_is_none_is_recorded_as_it_was_asked(self, office: Office) -> None:
        with office.at() as admission:
            refused(lambda: admission.import_pack(Path("/nonexistent"), "Data Science", "1"), "invalid-name")
        (record,) = office.events()
        assert record.event.release == ""
        assert record.event.detail["asked"] == "'Data Science' '1'"

    def test_a_person_without_a_name_decides_nothing(self, office: Office) -> None:
        with office.at(Actor("", 1000)) as admission:
            refused(lambda: admission.import_pack(office.pack(), "datasci", "1"), "invalid-name")


class TestImportAgain:
    def test_the_same_pack_is_nothing_new(self, office: Office) -> None:
        path = office.pack()
        with office.at() as admission:
            first = admission.import_pack(path, "datasci", "1", groups=["a"])
            version = office.catalog.version
            second = admission.import_pack(path, "datasci", "1")
        assert (second.entry, second.is_new) == (first.entry, False)
        assert office.catalog.version == version
        assert office.told() == [("release.import", "allowed", "")] * 2

    def test_another_pack_is_refused(self, office: Office) -> None:
        with office.at() as admission:
            admission.import_pack(office.pack("one"), "datasci", "1")
            error = refused(
                lambda: admission.import_pack(office.pack("two"), "datasci", "1"), "release-exists"
            )
        assert isinstance(error, Conflict)
        assert office.images() == 1
        assert office.told()[1] == ("release.import", "denied", "release-exists")

    def test_other_words_are_refused(self, office: Office) -> None:
        path = office.pack()
        with office.at() as admission:
            admission.import_pack(path, "datasci", "1", groups=["a"])
            error = refused(
                lambda: admission.import_pack(path, "datasci", "1", groups=["b"]), "release-exists"
            )
        assert "another groups" in error.message

    def test_brings_the_image_of_an_approved_release_back(self, office: Office) -> None:
        made = office.released("1")
        office.store.remove(made.pack)
        with office.at(smoke=fails) as admission:
            again = admission.import_pack(office.pack("release-1"), "datasci", "1")
        assert again.entry == made
        assert office.store.get(made.pack).manifest_digest == made.manifest

    def test_brings_the_image_to_a_node_without_keys(self, office: Office) -> None:
        made = office.released("1")
        office.store.remove(made.pack)
        node = replace(office.site, keys=None, log=office.folder / "node.sqlite")
        with office.at(site=node) as admission:
            assert admission.import_pack(office.pack("release-1"), "datasci", "1").entry == made
            refused(lambda: admission.import_pack(office.pack("new"), "datasci", "2"), "keys-missing")
        assert office.store.get(made.pack)
        assert office.images() == 1
        assert [record.event.outcome for record in Log(node.log).read()] == ["allowed", "error"]

    def test_an_image_that_came_out_differently_is_refused_and_goes(self, office: Office) -> None:
        made = office.released("1")
        office.store.remove(made.pack)
        office.builder.change("datasci", "1", manifest=digest("something else"))
        with office.at() as admission:
            refused(lambda: admission.import_pack(office.pack("release-1"), "datasci", "1"), "image-drifted")
        assert office.images() == 0

    @pytest.mark.parametrize("verb", ["revoke", "archive", "reject"])
    def test_a_release_that_was_decided_against_stays_away(self, office: Office, verb: str) -> None:
        path = office.pack()
        with office.at() as admission:
            admission.import_pack(path, "datasci", "1")
            if verb != "reject":
                admission.approve("datasci", "1")
                admission.revoke("datasci", "1", "broken")
            if verb != "revoke":
                getattr(admission, verb)("datasci", "1", "away")
            refused(lambda: admission.import_pack(path, "datasci", "1"), "state-forbids")

    def test_is_judged_anew_under_another_policy(self, office: Office) -> None:
        path = office.pack(change=with_script)
        with office.at() as admission:
            admission.import_pack(path, "datasci", "1")
        other = replace(office.site, policy=replace(POLICY, rules=(*POLICY.rules, "fs.setuid")))
        with office.at(EVE, site=other) as admission:
            refused(lambda: admission.approve("datasci", "1"), "policy-changed")
            again = admission.import_pack(path, "datasci", "1").entry
            assert again is not None
            assert again.verdict.policy == other.policy.digest()
            assert (again.imported_by, again.changed.who) == ("ada", "eve")
            assert admission.approve("datasci", "1").state is State.APPROVED


class TestDryRun:
    def test_says_what_would_happen(self, office: Office) -> None:
        with office.at() as admission:
            result = admission.import_pack(office.pack(), "datasci", "1", dry_run=True)
        assert (bool(result.verdict), result.is_new, result.entry) == (True, True, None)
        assert (office.images(), office.catalog.entries, office.events()) == (0, (), [])

    def test_knows_what_is_there(self, office: Office) -> None:
        made = office.released("1")
        with office.at() as admission:
            result = admission.import_pack(office.pack("release-1"), "datasci", "1", dry_run=True)
            assert (result.entry, result.is_new) == (made, False)
            other = office.pack("other")
            refused(lambda: admission.import_pack(other, "datasci", "1", dry_run=True), "release-exists")
            refused(lambda: admission.import_pack(other, "Datasci", "1", dry_run=True), "invalid-name")


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
