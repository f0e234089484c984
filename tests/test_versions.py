from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.versions import Constraint, version_key

RISING = ["0", "1.0.dev3", "1.0a1", "1.0rc1", "1.0", "1.0+cpu", "1.0.post1", "1.0.1", "1.9", "1.10", "1!0.1"]
PEP440 = st.from_regex(
    r"([0-9]{1,2}!)?[0-9]{1,3}(\.[0-9]{1,2}){0,3}((a|b|rc)[0-9])?(\.post[0-9])?", fullmatch=True
)
ANYTHING = st.text(max_size=12)


class TestVersionKey:
    def test_orders_what_people_order(self) -> None:
        keys = [version_key(version) for version in RISING]
        assert keys == sorted(keys)
        assert len(set(keys)) == len(keys)

    @pytest.mark.parametrize(
        ("one", "two"), [("1", "1.0.0"), ("1.0RC1", "1rc1"), ("2026.05", "2026.5"), ("0!3", "3")]
    )
    def test_takes_for_the_same_what_is(self, one: str, two: str) -> None:
        assert version_key(one) == version_key(two)

    @given(PEP440, PEP440)
    def test_agrees_with_pypi(self, one: str, two: str) -> None:
        try:
            expected = Version(one) < Version(two)
        except InvalidVersion:
            return
        assert (version_key(one) < version_key(two)) is expected

    @given(st.lists(ANYTHING, max_size=5))
    def test_orders_anything(self, versions: list[str]) -> None:
        assert sorted(map(version_key, versions)) == sorted(map(version_key, reversed(versions)))

    def test_a_number_may_be_as_long_as_it_likes(self) -> None:
        assert version_key("9" * 10_000) < version_key("1" + "0" * 10_000)


class TestTable:
    """What the panel is tested by as well: `labextension/tests/versions.spec.ts` reads the same file."""

    TABLE = json.loads(Path(__file__).with_name("versions.json").read_text("utf-8"))

    @pytest.mark.parametrize("part", ["rising", "drawn"])
    def test_rises_from_group_to_group(self, part: str) -> None:
        groups = self.TABLE[part]
        assert len(groups) > 20
        keys = [version_key(group[0]) for group in groups]
        assert all(one < two for one, two in pairwise(keys))
        assert [
            group for group, key in zip(groups, keys, strict=True) if {*map(version_key, group)} != {key}
        ] == []

    def test_bounds_hold_for_the_first_and_not_for_the_second(self) -> None:
        for text, allowed, refused in self.TABLE["bounds"]:
            constraint = Constraint.parse(text)
            assert (constraint.allows(allowed), constraint.allows(refused)) == (True, False), text


class TestConstraint:
    @pytest.mark.parametrize(
        ("text", "allowed", "refused"),
        [
            ("2.4", "2.4.0", "2.4.1"),
            ("==2.4", "2.4+cpu", "2.4.1"),
            ("==2.4+cpu", "2.4+cpu", "2.4"),
            ("==2.4.*", "2.4.9", "2.40"),
            ("=2.4", "2.4.1", "2.40"),
            ("=2026.05", "2026.5.1", "2026.50"),
            ("=2.0", "2", "2.1"),
            ("!=2.4", "2.4.1", "2.4.0"),
            ("!=2.4.*", "2.5", "2.4.1"),
            (">=2.4,<3", "2.11", "3.0"),
            (">2.4", "2.4.1", "2.4+cpu"),
            ("<=2.4", "2.4rc1", "2.5"),
            ("<2.4", "2.4rc1", "2.4"),
            ("~=2.4.1", "2.4.9", "2.5"),
            ("~=2.4", "2.9", "3"),
            ("=1.9|>=2.4", "1.9.3", "2.0"),
            (" >= 2.4 , < 3", "2.5", "3"),
            ("2.*", "2.9", "3"),
        ],
    )
    def test_allows_what_it_says(self, text: str, allowed: str, refused: str) -> None:
        constraint = Constraint.parse(text.replace("= ", "=").replace("< ", "<"))
        assert constraint.allows(allowed)
        assert not constraint.allows(refused)

    @pytest.mark.parametrize(
        "text", ["", ">=", "2,", "|", ">=2.*", "~=2", "<2.*", "===2", "2 3", "=>2", "..", "*"]
    )
    def test_refuses_what_is_none(self, text: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            Constraint.parse(text)
        assert refused.value.code == "invalid-argument"

    @given(ANYTHING, ANYTHING)
    def test_never_fails_but_by_refusing(self, text: str, version: str) -> None:
        try:
            constraint = Constraint.parse(text)
        except InvalidInput:
            return
        assert constraint.allows(version) in (True, False)

    @given(PEP440)
    def test_a_version_is_in_its_own_bounds(self, version: str) -> None:
        assert Constraint.parse(f">={version},<={version},=={version}").allows(version)
