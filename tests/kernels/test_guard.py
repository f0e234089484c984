"""The guard with a real site: signed catalog, store, log. Only the Hub and the clock are played."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jupyter_envguard.catalog import State, Statement
from jupyter_envguard.catalog.names import format_time
from jupyter_envguard.errors import EnvGuardError, Unavailable
from jupyter_envguard.image import Finding, Image
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.kernels.subject import Subject, Subjects
from jupyter_envguard.store import Presence
from jupyter_envguard.store.leases import is_leased
from tests.packs import SITE_PACKAGES, PackBuilder
from tests.sites import REQUEST_URL, SiteBuilder, short_folder


class Told:
    """Plays the Hub."""

    def __init__(self) -> None:
        self.answer: Subject | EnvGuardError = Subject("ada", frozenset({"data-science"}), "hub")

    def __call__(self) -> Subject:
        if isinstance(self.answer, EnvGuardError):
            raise self.answer
        return self.answer


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def own() -> Iterator[tuple[SiteBuilder, Image]]:
    """A site whose image a test may spoil."""
    with short_folder() as folder:
        site = SiteBuilder(folder / "site", folder / "s")
        image = site.image(PackBuilder.honest().file(f"{SITE_PACKAGES}/ipykernel_launcher.py").write(folder))
        site.offer(image, "datasci", "2026.05")
        yield site, image


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(site: SiteBuilder, told: Told, clock: Clock) -> Guard:
    return Guard(site.path, Subjects(told, max_age=0), clock=clock)


def code(call: object, *args: object) -> str:
    with pytest.raises(EnvGuardError) as caught:
        call(*args)
    assert caught.value.message
    return caught.value.code


class TestListing:
    def test_an_empty_catalog_offers_nothing(self, guard: Guard):
        listing = guard.listing()
        assert (dict(listing.allowed), listing.default, listing.problem) == ({}, "", None)

    def test_offers_what_is_approved(self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]):
        site.offer(images[0], "datasci", "2026.05", groups=("data-science",))
        assert list(guard.listing().allowed) == ["datasci"]

    def test_offers_nothing_that_is_for_others(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "2026.05", groups=("students",))
        assert not guard.listing().allowed

    def test_the_same_object_comes_back_while_nothing_changes(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "2026.05")
        assert guard.listing() is guard.listing(wait=True)

    def test_sees_a_revocation_at_once(self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]):
        site.offer(images[0], "datasci", "2026.05")
        assert guard.listing().allowed
        site.revoke("datasci", "2026.05")
        assert not guard.listing().allowed

    def test_sees_a_change_of_groups(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image], told: Told
    ):
        site.offer(images[0], "datasci", "2026.05", groups=("data-science",))
        assert guard.listing(wait=True).allowed
        told.answer = Subject("ada", frozenset(), "hub")
        assert not guard.listing(wait=True).allowed

    def test_sees_an_expiry_without_a_change(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image], clock: Clock
    ):
        ends = clock.now.replace(microsecond=0) + timedelta(days=3)
        site.offer(images[0], "datasci", "2026.05", expires=ends.strftime("%Y-%m-%dT%H:%M:%SZ"))
        clock.now = ends - timedelta(seconds=1)
        assert guard.listing().allowed
        clock.now = ends
        assert not guard.listing().allowed
        assert code(guard.resolve, "datasci") == "expired"

    def test_sees_the_end_of_a_grace_without_a_change(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image], clock: Clock
    ):
        begins = clock.now.replace(microsecond=0)
        ends = begins + timedelta(days=3)
        said = Statement("boss", format_time(begins), "CVE-2026-1")
        site.offer(
            images[0], "datasci", "2026.05", state=State.REVOKED, changed=said, grace=format_time(ends)
        )
        clock.now = ends - timedelta(seconds=1)
        guard.permit("datasci", "k-1")
        (record,) = site.events()
        assert (record.event.type, record.event.outcome) == ("kernel.start", "allowed")
        assert record.event.detail["grace"] == format_time(ends)
        clock.now = ends
        assert code(guard.permit, "datasci", "k-2") == "revoked"
        assert [found.event.type for found in site.events()] == ["kernel.start", "kernel.denied"]

    def test_the_default_is_a_current_python_kernel(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "acme", "1", language="R")
        site.offer(images[0], "datasci", "1")
        site.offer(images[1], "datasci", "2")
        assert guard.listing().default == "datasci"

    def test_without_a_python_kernel_the_default_is_another(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "acme", "1", language="R")
        assert guard.listing().default == "acme"


class TestProblems:
    def test_a_silent_hub(self, guard: Guard, told: Told):
        told.answer = Unavailable("groups-unknown", "down")
        assert guard.listing().problem.code == "groups-unknown"
        assert code(guard.resolve, "datasci") == "groups-unknown"

    def test_a_missing_site_file(self, told: Told, tmp_path: Path):
        guard = Guard(tmp_path / "none.yaml", Subjects(told))
        assert guard.listing().problem.code == "file-not-found"
        assert not guard.listing().allowed
        assert code(guard.permit, "datasci", "k") == "file-not-found"

    def test_no_site_at_all(self, told: Told):
        guard = Guard(Path(), Subjects(told))
        assert guard.listing().problem.code == "not-configured"

    def test_a_site_file_with_a_mistake(self, guard: Guard, site: SiteBuilder):
        site.path.write_text("version: 1\nstor: x\n")
        assert guard.listing().problem.code == "site-invalid"

    def test_a_site_file_that_is_corrected_serves_without_a_restart(self, guard: Guard, site: SiteBuilder):
        good = site.path.read_text()
        site.path.write_text("")
        assert guard.listing().problem is not None
        site.path.write_text(good)
        assert guard.listing().problem is None

    def test_a_catalog_that_was_changed_after_signing(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "2026.05")
        assert guard.listing().allowed
        for path in (site.folder / "catalog" / "targets").iterdir():
            path.write_bytes(path.read_bytes().replace(b"approved", b"APPROVED"))
        timestamp = site.folder / "catalog/metadata/timestamp.json"
        os.utime(timestamp)
        assert guard.listing().problem.code.startswith("catalog-")
        assert not guard.listing().allowed

    def test_a_catalog_that_is_gone_before_it_was_read(self, guard: Guard, site: SiteBuilder):
        (site.folder / "catalog").rename(site.folder / "elsewhere")
        assert guard.listing().problem.code == "catalog-unreachable"

    def test_a_root_of_trust_that_is_gone(self, guard: Guard, site: SiteBuilder):
        (site.folder / "root.json").unlink()
        assert guard.listing().problem.code == "trust-missing"


class TestResolve:
    def test_names_are_the_same_in_any_case(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "2026.05")
        assert guard.resolve("DataSci").entry.id == "datasci@2026.05"

    def test_an_older_release_has_its_own_name(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        older = Statement("boss", "2026-10-01T08:00:00Z", "good")
        site.offer(images[0], "datasci", "2026.05", approval=older, changed=older)
        site.offer(images[1], "datasci", "2026.11")
        assert guard.resolve("datasci").entry.release == "2026.11"
        assert guard.resolve("datasci--2026.05").entry.release == "2026.05"

    def test_the_current_release_can_be_pinned_too(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "2026.05")
        assert guard.resolve("datasci--2026.05").kernel_name == "datasci"

    @pytest.mark.parametrize(
        "name",
        [
            "python3",
            "PYTHON3",
            "",
            "..",
            "../datasci",
            "datasci/../datasci",
            "datasci\0",
            "datasci--",
            "x" * 9999,
        ],
    )
    def test_a_name_that_means_nothing_is_not_approved(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image], name: str
    ):
        site.offer(images[0], "datasci", "2026.05")
        with pytest.raises(EnvGuardError) as caught:
            guard.resolve(name)
        assert caught.value.code == "kernel-not-approved"
        assert "Approved for you: datasci." in caught.value.hint
        assert ("Start the kernel 'datasci'" in caught.value.hint) is (name.lower() == "python3")
        assert REQUEST_URL in caught.value.hint
        assert len(caught.value.message) < 200
        assert caught.value.message.isprintable()

    def test_says_when_there_is_nothing_at_all(self, guard: Guard):
        assert code(guard.resolve, "python3") == "no-kernel-approved"

    def test_names_a_few_of_many(self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]):
        one = site.offer(images[0], "env0", "1")
        site.publish(*(replace(one, name=f"env{i}") for i in range(20)))
        with pytest.raises(EnvGuardError) as caught:
            guard.resolve("python3")
        assert "and 12 more" in caught.value.hint

    def test_a_revoked_release_says_who_and_why(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "2026.05")
        site.revoke("datasci", "2026.05")
        with pytest.raises(EnvGuardError) as caught:
            guard.resolve("datasci")
        assert caught.value.code == "revoked"
        assert "CVE-2026-1" in caught.value.message


class TestPermit:
    def test_gives_the_command_and_records_the_start(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        entry = site.offer(images[0], "datasci", "2026.05")
        permit = guard.permit("datasci", "k-1")
        assert permit.launch.argv[0] == f"{images[0].path}/bin/python"
        (record,) = site.events()
        event = record.event
        assert (event.type, event.outcome, event.release) == ("kernel.start", "allowed", "datasci@2026.05")
        assert (event.kernel_id, event.actor.name, event.actor.auth) == ("k-1", "ada", "hub-token")
        assert event.digests["manifest"] == entry.manifest
        assert event.catalog == guard.listing().version
        assert record.source.trust == "self-reported"

    def test_records_a_refusal(self, guard: Guard, site: SiteBuilder):
        assert code(guard.permit, "evil", "k-1") == "no-kernel-approved"
        (record,) = site.events()
        assert (record.event.type, record.event.outcome) == ("kernel.denied", "denied")
        assert (record.event.reason, record.event.detail["kernel_name"]) == ("no-kernel-approved", "evil")

    def test_refusals_that_repeat_are_counted(self, guard: Guard, site: SiteBuilder):
        for _ in range(25):
            assert code(guard.permit, "evil", "k-1") == "no-kernel-approved"
        assert len(site.events()) == 20
        guard.record_rests(every=True)
        last = site.events()[-1].event
        assert (last.type, last.outcome, last.detail["more"]) == ("kernel.denied", "denied", 5)

    def test_check_records_a_refusal_and_no_agreement(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "2026.05")
        assert guard.check("datasci").kernel_name == "datasci"
        assert code(guard.check, "evil\n") == "kernel-not-approved"
        (record,) = site.events()
        assert record.event.detail["kernel_name"] == "evil\\n"

    def test_an_image_that_is_not_here(self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]):
        site.offer(replace(images[0], pack="sha256:" + "0" * 64), "datasci", "2026.05")
        assert code(guard.permit, "datasci", "k") == "image-missing"
        assert guard.facts(guard.resolve("datasci").entry).packages == 0

    def test_check_records_that_an_image_is_not_here(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(replace(images[0], pack="sha256:" + "0" * 64), "datasci", "2026.05")
        assert code(guard.check, "datasci") == "image-missing"
        assert [(r.event.type, r.event.reason) for r in site.events()] == [("kernel.denied", "image-missing")]

    def test_check_blames_the_image_and_not_the_pack_when_its_python_was_replaced(
        self, told: Told, own: tuple[SiteBuilder, Image]
    ):
        site, image = own
        image.python.unlink()
        image.python.symlink_to("/bin/true")
        assert code(Guard(site.path, Subjects(told)).check, "datasci") == "image-drifted"

    @pytest.mark.parametrize("what", ["manifest", "spec"])
    def test_an_image_that_is_not_the_approved_one(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image], what: str
    ):
        site.offer(images[0], "datasci", "2026.05", **{what: "sha256:" + "0" * 64})
        assert code(guard.permit, "datasci", "k") == "image-drifted"
        if what == "spec":
            assert code(guard.spec, guard.resolve("datasci").entry) == "spec-drifted"

    @pytest.mark.parametrize("change", ["content", "extra", "mode"])
    def test_an_image_that_was_changed(self, told: Told, own: tuple[SiteBuilder, Image], change: str):
        site, image = own
        guard = Guard(site.path, Subjects(told))
        guard.permit("datasci", "k")
        target = image.path / SITE_PACKAGES / "encodings.py"
        match change:
            case "content":
                target.chmod(0o644)
                target.write_bytes(b"# ENCODINGS\n")
                target.chmod(0o444)
            case "extra":
                target.with_name("evil.py").touch()
            case "mode":
                target.chmod(0o644)
        assert code(guard.permit, "datasci", "k") == "image-drifted"
        assert [record.event.type for record in site.events()] == ["kernel.start", "kernel.denied"]

    def test_an_image_is_in_use_while_it_is_checked(
        self, told: Told, own: tuple[SiteBuilder, Image], monkeypatch: pytest.MonkeyPatch
    ):
        site, image = own
        check, in_use = Presence.check, []

        def checked(presence: Presence, image: Image) -> tuple[Finding, ...]:
            in_use.append(is_leased(image.meta))
            return check(presence, image)

        monkeypatch.setattr(Presence, "check", checked)
        Guard(site.path, Subjects(told)).permit("datasci", "k")
        assert in_use == [True]
        assert not is_leased(image.meta)

    def test_what_is_there_instead_of_what_was_checked_is_checked_again(
        self, told: Told, own: tuple[SiteBuilder, Image]
    ):
        site, image = own
        guard = Guard(site.path, Subjects(told))
        permit = guard.permit("datasci", "k")
        guard.confirm(permit)
        image.path.chmod(0o755)
        image.path.rename(image.path.with_name("other"))
        assert code(guard.confirm, permit) == "image-missing"
        shutil.copytree(image.path.with_name("other"), image.path, symlinks=True)
        (image.path / SITE_PACKAGES / "evil.py").touch()
        assert code(guard.confirm, permit) == "image-drifted"

    def test_the_full_mode_sees_what_a_stat_cannot(self, told: Told, own: tuple[SiteBuilder, Image]):
        site, image = own
        target = image.path / SITE_PACKAGES / "encodings.py"
        before = target.stat()
        target.chmod(0o644)
        target.write_bytes(b"# ENCODINGS\n")
        target.chmod(0o444)
        os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
        Guard(site.path, Subjects(told)).permit("datasci", "k")
        assert code(Guard(site.path, Subjects(told), verify="full").permit, "datasci", "k") == "image-drifted"

    def test_what_cannot_be_recorded_does_not_start(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "2026.05")
        site.spool.rmdir()
        assert code(guard.permit, "datasci", "k") == "audit-unavailable"

    def test_unless_the_site_does_not_mind(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "2026.05")
        site.path.write_text(site.path.read_text().replace("required: true", "required: false"))
        site.spool.rmdir()
        assert guard.permit("datasci", "k").kernel_id == "k"

    def test_a_refusal_that_cannot_be_recorded_stays_what_it_is(self, guard: Guard, site: SiteBuilder):
        site.spool.rmdir()
        assert code(guard.permit, "evil", "k") == "no-kernel-approved"

    def test_many_threads_at_once_agree(self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]):
        site.offer(images[0], "datasci", "2026.05")
        found: list[str] = []

        def ask() -> None:
            found.append(guard.permit("datasci", "k").offer.kernel_name)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == ["datasci"] * 8
        assert len(site.events()) == 8


class TestFacts:
    def test_counts_packages_without_parsing(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        entry = site.offer(images[0], "datasci", "2026.05")
        assert guard.facts(entry).packages == len(guard.spec(entry).packages) == 2

    def test_remembers(self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]):
        entry = site.offer(images[0], "datasci", "2026.05")
        assert guard.facts(entry) is guard.facts(entry)
