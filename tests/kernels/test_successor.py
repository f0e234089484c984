from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.catalog import Catalog, Entry, State
from jupyter_envguard.kernels.listing import Listing, listing_for
from jupyter_envguard.kernels.subject import Subject
from jupyter_envguard.kernels.successor import stamped, successor
from tests.catalogs import NOW, WHEN, digest, entry

ADA = Subject("ada", frozenset({"data-science"}), "hub")


def listing(*entries: Entry) -> Listing:
    return listing_for(ADA, Catalog(7, WHEN, NOW + timedelta(days=30), entries), NOW)


def revoked(name: str, release: str = "1", **fields: object) -> Entry:
    return entry(name, release, state=State.REVOKED, **fields)


def instead(found: Listing, kernel: str, **options: object) -> str:
    offer = successor(found, kernel, **options)
    return offer.entry.id if offer else ""


def test_an_empty_catalog_has_nothing_to_offer() -> None:
    assert instead(listing(), "python3") == ""


class TestOfARelease:
    def test_is_what_the_catalog_names(self) -> None:
        found = listing(revoked("old", successor="new@1"), entry("new", "1"), entry("old", "2"))
        assert instead(found, "old--1") == "new@1"

    def test_successors_of_successors_count(self) -> None:
        found = listing(revoked("a", successor="b@1"), revoked("b", successor="c@1"), entry("c", "1"))
        assert instead(found, "a") == "c@1"

    def test_a_circle_ends(self) -> None:
        found = listing(revoked("a", successor="b@1"), revoked("b", successor="a@1"))
        assert instead(found, "a") == ""

    def test_one_that_is_for_others_is_no_successor(self) -> None:
        found = listing(revoked("a", successor="b@1"), entry("b", "1", groups=("x",)))
        assert instead(found, "a") == ""

    def test_else_another_release_of_the_environment(self) -> None:
        assert instead(listing(revoked("a"), entry("a", "2")), "a--1") == "a@2"


class TestOfAKernelThatIsGone:
    def test_is_the_release_that_made_the_outputs(self) -> None:
        found = listing(entry("a", "1"), entry("b", "1"))
        for what in ("manifest a1", "spec a1", "a1"):
            assert instead(found, "lost", digest=digest(what)) == "a@1"
        assert instead(found, "lost", digest=digest("other")) == ""

    def test_or_the_successor_of_that(self) -> None:
        found = listing(revoked("a", successor="b@1"), entry("b", "1"))
        assert instead(found, "lost", digest=digest("manifest a1")) == "b@1"

    @pytest.mark.parametrize("target", ["b", "b@1"])
    def test_is_what_the_site_maps_it_to(self, target: str) -> None:
        found = listing(entry("a", "1"), entry("b", "1"))
        assert instead(found, "Lost", mapped={"lost": target}) == "b@1"

    def test_or_what_stands_in_for_that(self) -> None:
        found = listing(revoked("b"), entry("b", "2"), revoked("c", successor="b@2"))
        assert instead(found, "lost", mapped={"lost": "b@1"}) == "b@2"
        assert instead(found, "lost", mapped={"lost": "c@1"}) == "b@2"
        assert instead(found, "lost", mapped={"lost": "nothing"}) == ""

    @pytest.mark.parametrize(
        ("kernel", "release"),
        [("python3", "a@1"), ("Python", "a@1"), ("ir", "stats@1"), ("julia-1.10", ""), ("", ""), ("3", "")],
    )
    def test_is_one_that_speaks_the_language(self, kernel: str, release: str) -> None:
        found = listing(entry("b", "1"), entry("a", "1"), entry("stats", "1", language="R"))
        assert instead(found, kernel) == release

    def test_a_release_that_may_not_start_does_not_fall_back_to_the_language(self) -> None:
        assert instead(listing(revoked("python3"), entry("a", "1")), "python3") == ""


def test_a_stamp_is_found_whether_it_may_start_or_not() -> None:
    found = listing(revoked("a"))
    offer = stamped(found, digest("manifest a1"))
    assert offer is not None
    assert not offer.decision
    assert stamped(found, "") is None


@given(st.text(max_size=20), st.text(max_size=20), st.dictionaries(st.text(max_size=5), st.text(max_size=9)))
def test_whatever_is_asked_the_answer_may_start(kernel: str, stamp: str, mapped: dict[str, str]) -> None:
    offer = successor(listing(entry("a", "1"), revoked("b", successor="a@1")), kernel, stamp, mapped)
    assert offer is None or offer.decision
