"""What root leaves for hooks, read by the hooks that it is for."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jupyter_envguard import courtesy
from jupyter_envguard.catalog import State, Statement
from jupyter_envguard.catalog.names import format_time
from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.hooks import card, rules, trusted
from jupyter_envguard.image import Image
from jupyter_envguard.site import load
from tests.packs import PackBuilder
from tests.sites import SiteBuilder, short_folder

REQUEST = "https://hub.example.org/hub/user-redirect/lab?envguard-request={subject}&envguard-environment={environment}"


@pytest.fixture(scope="module")
def images() -> Iterator[tuple[Image, Image]]:
    with short_folder() as folder:
        builder = SiteBuilder(folder / "site", folder / "s")
        packs = [
            PackBuilder.honest().record("Acme_Tool", number).write(folder, name=number)
            for number in ("1.0", "2.0")
        ]
        yield builder.image(packs[0]), builder.image(packs[1])


@pytest.fixture
def site(images: tuple[Image, Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SiteBuilder:
    """A site whose hooks look into a folder of the test."""
    monkeypatch.setattr(trusted, "ACL_FILE", str(tmp_path / "etc/acl.json"))
    monkeypatch.setattr(trusted, "SESSIONS", str(tmp_path / "run"))
    monkeypatch.delenv(card.SPECS, raising=False)
    made = SiteBuilder(tmp_path / "site", store=images[0].path.parent)
    made.path.write_text(made.path.read_text().replace("https://example.org/ask", REQUEST))
    return made


def write(site: SiteBuilder) -> courtesy.Written:
    return courtesy.write_rules(load(site.path), Path(trusted.ACL_FILE))


def listed() -> list[tuple[str, str, int]]:
    return [
        (found["kernel"], found["release"], len(found["packages"]))
        for found in trusted.environments("folder")
    ]


class TestRules:
    def test_hooks_refuse_by_them_and_name_the_environment(
        self, site: SiteBuilder, images: tuple[Image, Image]
    ) -> None:
        site.offer(images[0], "sci", "2026.05")
        site.offer(images[1], "nlp", "2026.11")
        assert (write(site).listed, write(site).problem) == (2, None)
        found = rules.decide("pip:install", "pip install", str(images[0].path), ["acme-tool>1"])
        assert found.message == (
            "'pip install' is turned off for the approved environment 'sci@2026.05'; nothing was changed."
        )
        assert found.link.endswith("/lab?envguard-request=acme-tool%3E1&envguard-environment=sci")
        assert card.already(["acme.tool"]) == [
            "2.0 of Acme_Tool is already in kernel nlp.",
            "1.0 of Acme_Tool is already in kernel sci.",
        ]

    def test_can_be_read_by_everybody(self, site: SiteBuilder) -> None:
        written = write(site)
        for path in (written.rules, written.environments):
            assert stat.S_IMODE(path.stat().st_mode) == 0o644

    def test_hold_without_names_where_the_catalog_cannot_be_read(
        self, site: SiteBuilder, images: tuple[Image, Image]
    ) -> None:
        site.offer(images[0], "sci", "1")
        (site.folder / "root.json").unlink()
        found = write(site)
        assert (found.listed, found.problem and found.problem.code) == (0, "trust-missing")
        assert "for approved environments;" in rules.decide("pip:install", "x", str(images[0].path)).message

    def test_a_place_that_cannot_be_written_to_is_said(self, site: SiteBuilder, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(EnvGuardError):
            courtesy.write_rules(load(site.path), tmp_path / "file/acl.json")


class TestEnvironments:
    def test_the_current_release_has_the_bare_name(
        self, site: SiteBuilder, images: tuple[Image, Image]
    ) -> None:
        site.offer(images[0], "sci", "1", state=State.DEPRECATED)
        site.offer(images[1], "sci", "2")
        write(site)
        assert [(kernel, release) for kernel, release, _ in listed()] == [("sci", "2"), ("sci--1", "1")]

    def test_a_revoked_release_has_a_name_and_nothing_to_offer(
        self, site: SiteBuilder, images: tuple[Image, Image]
    ) -> None:
        site.offer(images[0], "sci", "1")
        site.revoke("sci", "1")
        write(site)
        assert listed() == [("sci", "1", 0)]
        assert "'sci@1'" in rules.decide("pip:install", "x", str(images[0].path)).message

    def test_a_revoked_release_with_grace_is_offered_until_that_ends(
        self, site: SiteBuilder, images: tuple[Image, Image]
    ) -> None:
        now = datetime.now(UTC)
        said = Statement("boss", format_time(now - timedelta(days=1)), "old")
        until = format_time(now + timedelta(days=1))
        site.offer(images[0], "sci", "1", users=("ada",))
        site.change("sci", "1", state=State.REVOKED, changed=said, grace=until)
        write(site)
        (found,) = trusted.environments("folder")
        assert (found["users"], found["packages"]["acme-tool"]) == (["ada"], ["Acme_Tool", "1.0"])
        later = courtesy.environments_file(site.catalog, site.store, now + timedelta(days=2))
        found = json.loads(later.splitlines()[1])
        assert (found["users"], found["groups"], found["packages"]) == ([], [], {})

    def test_what_may_start_goes_before_grace_as_kernels_do(
        self, site: SiteBuilder, images: tuple[Image, Image]
    ) -> None:
        now = datetime.now(UTC)
        said = Statement("boss", format_time(now - timedelta(days=1)), "old")
        site.offer(images[0], "sci", "1", state=State.DEPRECATED)
        site.offer(images[1], "sci", "2")
        until = format_time(now + timedelta(days=1))
        site.change("sci", "2", state=State.REVOKED, changed=said, grace=until)
        write(site)
        names = [(offer.kernel_name, offer.entry.release) for offer in site.catalog.offers("ada", (), now)]
        assert [found[:2] for found in listed()] == names == [("sci", "1"), ("sci--2", "2")]

    def test_an_image_that_is_not_here_or_not_the_approved_one_is_left_out(
        self, site: SiteBuilder, images: tuple[Image, Image], tmp_path: Path
    ) -> None:
        site.offer(images[0], "away", "1", pack=f"sha256:{'0' * 64}")
        site.offer(images[0], "other", "1", spec=f"sha256:{'0' * 64}")
        site.offer(images[0], "never", "1", state=State.IN_REVIEW, approval=None, changed=_said())
        write(site)
        assert [kernel for kernel, _, _ in listed()] == ["never"]


def _said() -> Statement:
    return Statement("boss", "2026-11-20T08:00:00Z")


class TestRefresh:
    def test_lists_what_was_decided_since(self, site: SiteBuilder, images: tuple[Image, Image]) -> None:
        write(site)
        site.offer(images[0], "sci", "1")
        assert listed() == []
        assert courtesy.refresh(load(site.path), Path(trusted.ACL_FILE))
        assert [found[:2] for found in listed()] == [("sci", "1")]

    def test_leaves_a_machine_without_hooks_or_with_those_of_another_site_alone(
        self, site: SiteBuilder, images: tuple[Image, Image], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(courtesy, "RULES_PLACE", Path(trusted.ACL_FILE))
        assert not courtesy.refresh(load(site.path))
        assert not Path(trusted.ACL_FILE).parent.exists()
        write(site)
        site.path.write_text(site.path.read_text().replace(str(site.store.root), "/opt/other"))
        site.offer(images[0], "sci", "1")
        assert not courtesy.refresh(load(site.path))
        assert listed() == []

    def test_says_why_it_cannot(self, site: SiteBuilder) -> None:
        write(site)
        (site.folder / "root.json").write_bytes(b"{")
        with pytest.raises(EnvGuardError):
            courtesy.refresh(load(site.path), Path(trusted.ACL_FILE))


class TestSessions:
    def test_hooks_know_groups_and_roles_from_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(trusted, "SESSIONS", str(tmp_path / "run/sessions"))
        monkeypatch.setattr(trusted.os, "geteuid", lambda: 4321)
        path = courtesy.write_session(4321, "ada", {"b", "a"}, ["user"], tmp_path / "run/sessions")
        assert json.loads(path.read_bytes())["groups"] == ["a", "b"]
        found = trusted.session()
        assert (found.user, found.groups, found.roles) == ("ada", {"a", "b"}, {"user"})
