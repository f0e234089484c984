from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jupyter_envguard.catalog import Catalog
from jupyter_envguard.errors import Denied, EnvGuardError, InvalidInput, NotFound, Unavailable, Untrusted
from jupyter_envguard.kernels.listing import Listing, closed, listing_for
from jupyter_envguard.kernels.subject import Subject
from tests.catalogs import NOW, WHEN, entry

ADA = Subject("ada", frozenset({"data-science"}), "hub")


def listing(*entries: object, now: datetime = NOW) -> Listing:
    return listing_for(ADA, Catalog(7, WHEN, NOW + timedelta(days=30), entries), now)


def test_an_empty_catalog_allows_nothing():
    found = listing()
    assert (dict(found.allowed), found.default, found.version) == ({}, "", 7)


def test_allows_by_kernel_name():
    assert list(listing(entry(), entry("r"), entry("secret", groups=("x",))).allowed) == ["datasci", "r"]


def test_finds_what_is_not_allowed_too():
    found = listing(entry("secret", groups=("x",))).find("secret")
    assert found is not None
    assert not found.decision


@pytest.mark.parametrize("name", ["datasci", "DATASCI", "datasci--2026.05", "DataSci--2026.05"])
def test_finds_by_every_way_to_write_a_name(name: str):
    assert listing(entry()).find(name).entry.id == "datasci@2026.05"


@pytest.mark.parametrize("name", ["", "--", "datasci--", "datasci--1", "datasci@2026.05", "x", "datasci "])
def test_finds_nothing_by_another(name: str):
    assert listing(entry()).find(name) is None


def test_lasts_until_the_first_end_ahead():
    soon, later = "2026-11-28T00:00:00Z", "2026-12-01T00:00:00Z"
    found = listing(entry("a", expires=later), entry("b", expires=soon), entry("c", expires=WHEN))
    assert found.until == datetime(2026, 11, 28, tzinfo=UTC)


def test_lasts_as_long_as_the_signatures():
    assert listing(entry()).until == NOW + timedelta(days=30)


def test_signatures_that_have_ended_last_no_time():
    now = NOW + timedelta(days=30)
    assert listing(entry(), now=now).until == now


def test_the_default_is_python_where_there_is_one():
    assert listing(entry("a", language="R"), entry("b")).default == "b"
    assert listing(entry("a", language="R")).default == "a"


@pytest.mark.parametrize("family", [Denied, Untrusted, Unavailable])
def test_a_closed_listing_keeps_its_reason(family: type[EnvGuardError]):
    error = family("io-error", "m", "h")
    assert closed(ADA, NOW, error).problem is error


@pytest.mark.parametrize("family", [InvalidInput, NotFound])
def test_a_fault_of_the_site_is_one_of_the_machine(family: type[EnvGuardError]):
    found = closed(None, NOW, family("io-error", "m", "h"))
    assert isinstance(found.problem, Unavailable)
    assert (found.problem.code, found.problem.message, found.problem.hint) == ("io-error", "m", "h")
    assert (found.version, dict(found.allowed)) == (0, {})


def test_nobody_known_is_a_problem():
    with pytest.raises(Unavailable, match="m"):
        _ = closed(None, NOW, Unavailable("io-error", "m")).known
    assert closed(ADA, NOW, Unavailable("io-error", "m")).known is ADA
