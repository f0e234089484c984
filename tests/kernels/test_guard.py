"""The guard with a real site: signed catalog, store, log. Only the Hub and the clock are played."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jupyter_envguard.catalog import State, Statement
from jupyter_envguard.catalog.names import format_time
from jupyter_envguard.errors import EnvGuardError, Unavailable
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.kernels.subject import Subject, Subjects
from tests.kernels.guards import Clock, Told, code
from tests.sites import REQUEST_URL, SiteBuilder


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
