"""What a watch notices about a real site."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jupyter_envguard.catalog.names import format_time
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.kernels.subject import Subject, Subjects
from jupyter_envguard.requests import Asked, Decision
from jupyter_envguard.requests.decisions import Decisions
from jupyter_envguard.server.requesting import outbox
from jupyter_envguard.server.watch import Happening, Watch
from jupyter_envguard.site import load
from tests.catalogs import WHEN
from tests.sites import SiteBuilder

ASKED = Asked(kind="package", subject="xgboost", reason="We need it for the quarterly report.")


@pytest.fixture
def guard(site: SiteBuilder) -> Guard:
    return Guard(site.path, Subjects(lambda: Subject("ada", frozenset(), "hub")))


def decline(guard: Guard) -> str:
    """Make a request and have it declined."""
    site = guard.sources.site
    made = outbox(guard, "ada").make(ASKED)
    decision = Decision(request=made.digest(), state="declined", who="boss", when=WHEN, reason="No.")
    Decisions(site.decisions, site.path).write(made, decision)
    return made.id


def test_the_first_look_has_nothing_to_compare_with(
    guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
):
    site.offer(images[0], "datasci", "1")
    watch = Watch(guard)
    assert watch.catalog().data == {"version": 0}
    assert watch.look() == ()
    assert watch.catalog().data == {"version": site.catalog.version}
    assert watch.look() == ()


def test_a_publication_is_noticed(guard: Guard, site: SiteBuilder, images: tuple[Image, Image]):
    watch = Watch(guard)
    watch.look()
    site.offer(images[0], "datasci", "1")
    assert watch.look() == (Happening("catalog", {"version": site.catalog.version}),)
    assert watch.look() == ()


def test_a_catalog_that_cannot_be_read_is_noticed_and_so_is_its_return(guard: Guard, site: SiteBuilder):
    watch = Watch(guard)
    watch.look()
    path = site.folder / "catalog/metadata/timestamp.json"
    whole = path.read_bytes()
    path.write_bytes(b"{}")
    assert watch.look() == (Happening("catalog", {"version": 0}),)
    path.write_bytes(whole)
    assert watch.look() == (Happening("catalog", {"version": site.catalog.version}),)


def test_a_release_that_ends_by_itself_is_noticed(
    guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
):
    now = [datetime.now(UTC)]
    site.offer(images[0], "datasci", "1", expires=format_time(now[0] + timedelta(hours=1)))
    watch = Watch(guard, clock=lambda: now[0])
    watch.look()
    now[0] += timedelta(hours=2)
    assert [happening.event for happening in watch.look()] == ["catalog"]
    assert watch.look() == ()


def test_a_decision_is_noticed_once(guard: Guard):
    before = decline(guard)
    watch = Watch(guard)
    assert watch.look() == ()
    now = decline(guard)
    assert watch.look() == (Happening("request", {"id": now, "state": "declined"}),)
    assert watch.look() == ()
    assert before != now


def test_decisions_about_others_are_none_of_ours(guard: Guard, site: SiteBuilder):
    watch = Watch(guard)
    watch.look()
    made = outbox(guard, "eve").make(ASKED)
    decision = Decision(request=made.digest(), state="declined", who="boss", when=WHEN, reason="No.")
    Decisions(load(site.path).decisions, site.path).write(made, decision)
    assert watch.look() == ()


def test_a_spool_that_is_not_there_is_no_news(guard: Guard, site: SiteBuilder):
    site.spool.rmdir()
    assert Watch(guard).look() == ()


def test_a_site_that_cannot_be_read_is_no_news(tmp_path: Path):
    watch = Watch(Guard(tmp_path / "none.yaml", Subjects(lambda: Subject("ada", frozenset(), "hub"))))
    assert watch.look() == ()
    assert watch.catalog().data == {"version": 0}
