from __future__ import annotations

import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from license_expression import get_spdx_licensing

from jupyter_envguard.formats.licenses import DEPTH, LENGTH, expression, references

SPDX = get_spdx_licensing()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("MIT", "MIT"),
        (" mit ", "MIT"),
        ("BSD-3-Clause AND Apache-2.0", "BSD-3-Clause AND Apache-2.0"),
        ("(mit OR GPL-2.0-or-later) and isc", "(MIT OR GPL-2.0-or-later) AND ISC"),
        ("Apache-2.0 WITH LLVM-exception", "Apache-2.0 WITH LLVM-exception"),
        ("GPL-2.0+", "GPL-2.0+"),
        ("Apache-2.0+", "Apache-2.0+"),
        ("LicenseRef-Public-Domain", "LicenseRef-Public-Domain"),
        ("DocumentRef-a:LicenseRef-b", None),
        ("", None),
        ("BSD", None),
        ("MIT License", None),
        ("MIT AND", None),
        ("AND MIT", None),
        ("MIT)", None),
        ("(MIT", None),
        ("MIT WITH", None),
        ("MIT WITH MIT", None),
        ("MIT/BSD", None),
        ("LLVM-exception", None),
        ("MIT " * LENGTH, None),
        ("(" * 10 + "MIT" + ")" * 10, "(" * 10 + "MIT" + ")" * 10),
        ("(" * (DEPTH + 1) + "MIT" + ")" * (DEPTH + 1), None),
    ],
)
def test_knows_an_expression_when_it_sees_one(text: str, found: str | None) -> None:
    assert expression(text) == found


def test_names_what_is_not_on_the_list() -> None:
    assert references("MIT AND (LicenseRef-a OR LicenseRef-b) AND LicenseRef-a") == (
        "LicenseRef-a",
        "LicenseRef-b",
    )


def test_the_lists_are_those_of_the_specification() -> None:
    official = json.loads(files("cyclonedx.schema._res").joinpath("spdx.SNAPSHOT.schema.json").read_text())[
        "enum"
    ]
    folder = files("jupyter_envguard.formats").joinpath("resources")
    ours = [folder.joinpath(f"spdx-{kind}.txt").read_text().split() for kind in ("licenses", "exceptions")]
    assert sorted(ours[0] + ours[1]) == sorted(official)
    assert {"LLVM-exception", "Classpath-exception-2.0"} <= set(ours[1])


WORDS = st.sampled_from(["MIT", "isc", "GPL-2.0-or-later", "AND", "OR", "WITH", "(", ")", "Zlib", "BSD"])


@given(st.lists(WORDS, min_size=1, max_size=8).map(" ".join))
def test_agrees_with_the_validator(text: str) -> None:
    found = expression(text)
    if found:
        assert SPDX.validate(found).errors == []


@given(st.text(max_size=30))
def test_never_fails(text: str) -> None:
    found = expression(text)
    assert found is None or expression(found) == found
