"""What the guard permits to start: decided, checked, recorded."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from jupyter_envguard.image import Finding, Image
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.kernels.subject import Subjects
from jupyter_envguard.store import Presence
from jupyter_envguard.store.leases import is_leased
from tests.kernels.guards import Told, code
from tests.packs import SITE_PACKAGES, PackBuilder
from tests.sites import SiteBuilder, short_folder


@pytest.fixture
def own() -> Iterator[tuple[SiteBuilder, Image]]:
    """A site whose image a test may spoil."""
    with short_folder() as folder:
        site = SiteBuilder(folder / "site", folder / "s")
        image = site.image(PackBuilder.honest().file(f"{SITE_PACKAGES}/ipykernel_launcher.py").write(folder))
        site.offer(image, "datasci", "2026.05")
        yield site, image


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
