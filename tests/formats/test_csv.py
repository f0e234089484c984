from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.formats.csv import HEAD, csv_table, harmless, written
from jupyter_envguard.spec import Package, Spec


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_an_empty_spec_is_a_head() -> None:
    assert read(csv_table(Spec("linux-64", ()))) == [list(HEAD)]


def test_every_package_is_a_line() -> None:
    numpy = Package(
        name="numpy", version="2.2.6", build="py311_0", license="BSD-3-Clause", size=7, requested=True
    )
    (_, line) = read(csv_table(Spec("linux-64", (numpy,))))
    assert dict(zip(HEAD, line, strict=True)) == {
        "name": "numpy",
        "version": "2.2.6",
        "build": "py311_0",
        "channel": "",
        "subdir": "",
        "manager": "conda",
        "license": "BSD-3-Clause",
        "sha256": "",
        "size": "7",
        "requested": "yes",
        "url": "",
    }


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2)))
def test_any_text_comes_back_but_for_the_mark(rows: list[list[str]]) -> None:
    assert read(written(("a", "b"), rows))[1:] == [[harmless(cell) for cell in row] for row in rows]
