"""Refusals are safe to print and never long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.pack.refusals import changed, damaged, quoted, trailing, truncated, unsupported


@given(st.one_of(st.text(), st.binary()))
def test_names_are_quoted_so_that_a_terminal_does_nothing(name: str | bytes) -> None:
    text = quoted(name)
    assert text.isascii()
    assert text.isprintable()
    assert text[0] in "'\""


def test_long_names_are_shortened() -> None:
    assert len(quoted("n" * 100_000)) < 150
    assert quoted("short") == "'short'"


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (damaged, "pack-corrupt"),
        (truncated, "pack-truncated"),
        (trailing, "pack-trailing-data"),
        (changed, "pack-changed"),
        (unsupported, "pack-compression-unsupported"),
    ],
)
def test_each_refusal_has_its_code_and_a_hint(refusal: object, code: str) -> None:
    error = refusal("something")  # type: ignore[operator]
    assert error.code == code
    assert "something" in error.message
    assert error.hint.endswith(".")
