"""What lies around a path."""

from __future__ import annotations

from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.paths import above, is_within

NAMES = st.lists(st.sampled_from("abc"), max_size=4)
PATHS = NAMES.map(lambda names: "/" + "/".join(names))


@given(PATHS)
def test_above_are_the_parents(path: str) -> None:
    assert list(above(path)) == [str(parent) for parent in PurePosixPath(path).parents]


@given(PATHS, st.sets(PATHS))
def test_within_is_what_is_named_or_lies_in_it(path: str, places: set[str]) -> None:
    assert is_within(path, places) == any(PurePosixPath(path).is_relative_to(place) for place in places)
