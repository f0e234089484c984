"""Packs that the desk checks and imports, for the first time and again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.admission import PackDenied
from jupyter_envguard.audit import Actor, Log
from jupyter_envguard.catalog import State, Verdict
from jupyter_envguard.errors import (
    Conflict,
    PackRefused,
)
from jupyter_envguard.policy import Policy
from tests.admission.office import ADA, EVE, POLICY, Office, fails, refused, with_pth, with_script
from tests.catalogs import digest


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
