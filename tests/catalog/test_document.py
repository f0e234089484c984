from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.catalog import Catalog, Entry, State, Statement
from jupyter_envguard.catalog.names import format_time
from jupyter_envguard.errors import InvalidInput, NotFound
from tests.catalogs import NOW, WHEN, entry

EXPIRES = NOW + timedelta(days=30)


def catalog(*entries: Entry) -> Catalog:
    return Catalog(3, WHEN, EXPIRES, entries)


def approved(release: str, day: int, **changes: Any) -> Entry:
    return entry(release=release, approval=Statement("boss", f"2026-11-{day:02}T00:00:00Z"), **changes)


def offered(*entries: Entry, groups: tuple[str, ...] = ("data-science",)) -> list[tuple[str, str, bool]]:
    offers = catalog(*entries).offers("ada", groups, NOW)
    return [(offer.kernel_name, offer.entry.id, bool(offer.decision)) for offer in offers]


class TestCatalog:
    def test_survives_a_round_trip(self) -> None:
        whole = catalog(entry(), entry(release="2026.11"))
        assert Catalog.from_bytes(whole.canonical(), EXPIRES) == whole

    def test_may_be_empty(self) -> None:
        assert (
            catalog().canonical() == b'{"entries":[],"format":1,"issued":"2026-11-01T08:00:00Z","version":3}'
        )

    def test_does_not_depend_on_the_order_of_entries(self) -> None:
        one, two = entry("a"), entry("b")
        assert catalog(one, two).canonical() == catalog(two, one).canonical()

    def test_lists_a_release_once(self) -> None:
        with pytest.raises(InvalidInput, match=r"datasci@2026\.05 twice"):
            catalog(entry(), entry(state=State.REVOKED))

    def test_finds_a_release(self) -> None:
        assert catalog(entry()).find("datasci", "2026.05") == entry()
        assert catalog(entry()).find("datasci", "2026.11") is None

    def test_requires_a_release(self) -> None:
        assert catalog(entry()).require("datasci", "2026.05") == entry()

    def test_says_what_was_meant(self) -> None:
        with pytest.raises(NotFound, match=r"no datsci@2026\.05") as caught:
            catalog(entry()).require("datsci", "2026.05")
        assert caught.value.hint == "Did you mean 'datasci@2026.05'?"
        assert caught.value.code == "release-unknown"

    def test_has_nothing_to_suggest_when_empty(self) -> None:
        with pytest.raises(NotFound) as caught:
            catalog().require("datasci", "2026.05")
        assert caught.value.hint == "See jupyter envguard list."


class TestFromBytes:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xff",
            b"[]",
            b"7",
            b"{}",
            b"[" * 100_000,
            json.dumps(catalog().as_json() | {"format": 2}).encode(),
            json.dumps(catalog().as_json() | {"format": True}).encode(),
            json.dumps(catalog().as_json() | {"version": 0}).encode(),
            json.dumps(catalog().as_json() | {"version": "3"}).encode(),
            json.dumps(catalog().as_json() | {"issued": "now"}).encode(),
            json.dumps(catalog().as_json() | {"entries": {}}).encode(),
            json.dumps(catalog().as_json() | {"entries": [{}]}).encode(),
            json.dumps(catalog().as_json() | {"entries": [entry().as_json()] * 2}).encode(),
            json.dumps(catalog().as_json() | {"extra": 1}).encode(),
        ],
        ids=range(15),
    )
    def test_refuses_what_it_cannot_read(self, content: bytes) -> None:
        with pytest.raises(InvalidInput) as caught:
            Catalog.from_bytes(content, EXPIRES)
        assert caught.value.code == "catalog-invalid"


class TestOffers:
    def test_what_has_grace_comes_after_all_that_stands(self) -> None:
        said = Statement("boss", "2026-11-20T08:00:00Z", "newer")
        old = entry(release="1", state=State.DEPRECATED)
        graced = entry(release="2", state=State.REVOKED, grace="2026-11-30T08:00:00Z", approval=said)
        first, second = catalog(old, graced).offers("ada", ("data-science",), NOW)
        assert (first.entry.release, second.entry.release, bool(second.decision)) == ("1", "2", True)

    def test_are_none_from_an_empty_catalog(self) -> None:
        assert offered() == []

    def test_give_the_only_release_the_bare_name(self) -> None:
        assert offered(entry()) == [("datasci", "datasci@2026.05", True)]

    def test_give_the_newest_approval_the_bare_name(self) -> None:
        assert offered(approved("1", 5), approved("2", 3)) == [
            ("datasci", "datasci@1", True),
            ("datasci--2", "datasci@2", True),
        ]

    def test_prefer_an_approved_release_to_a_deprecated_one(self) -> None:
        found = offered(approved("1", 1), approved("2", 9, state=State.DEPRECATED))
        assert [kernel for kernel, _, _ in found] == ["datasci", "datasci--2"]
        assert found[0][1] == "datasci@1"

    def test_prefer_an_allowed_release_to_a_newer_one_that_is_not(self) -> None:
        found = offered(approved("1", 1), approved("2", 9, groups=("staff",)))
        assert found == [("datasci", "datasci@1", True), ("datasci--2", "datasci@2", False)]

    def test_explain_the_bare_name_when_no_release_is_allowed(self) -> None:
        found = offered(approved("1", 1), approved("2", 9), groups=())
        assert found == [("datasci", "datasci@2", False), ("datasci--1", "datasci@1", False)]

    def test_come_by_environment(self) -> None:
        assert [kernel for kernel, _, _ in offered(entry("b"), entry("a"))] == ["a", "b"]

    def test_know_which_is_current(self) -> None:
        offers = catalog(approved("1", 5), approved("2", 3)).offers("ada", ["data-science"], NOW)
        assert [offer.is_current for offer in offers] == [True, False]

    def test_put_a_release_in_review_behind_an_expired_one(self) -> None:
        waiting = entry(release="3", state=State.IN_REVIEW, approval=None)
        found = offered(approved("1", 1, expires=format_time(NOW)), waiting)
        assert [release for _, release, _ in found] == ["datasci@1", "datasci@3"]

    @given(
        st.lists(
            st.builds(
                entry,
                name=st.sampled_from(["a", "b"]),
                release=st.sampled_from(["1", "2", "3"]),
                state=st.sampled_from(State),
                groups=st.sampled_from([(), ("data-science",)]),
            ),
            unique_by=lambda item: item.id,
        ),
        st.randoms(),
    )
    def test_name_every_release_once_whatever_the_order(self, entries: list[Entry], random: Any) -> None:
        found = offered(*entries)
        kernels = [kernel for kernel, _, _ in found]
        assert len(set(kernels)) == len(kernels) == len(entries)
        for name in {item.name for item in entries}:
            allowed = {release: ok for kernel, release, ok in found if kernel.split("--")[0] == name}
            current = next(release for kernel, release, _ in found if kernel == name)
            assert allowed[current] == any(allowed.values())
        random.shuffle(entries)
        assert offered(*entries) == found
