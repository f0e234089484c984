from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.formats.comparison import comparison_csv, comparison_markdown
from jupyter_envguard.spec import Package, Spec, diff

OLD = Package(name="numpy", version="2.1", build="py311_0", license="MIT")
NEW = Package(name="numpy", version="2.2", build="py311_1", license="BSD")


def markdown(before: Package | None, after: Package | None) -> str:
    changes = diff(Spec("p", (before,) if before else ()), Spec("p", (after,) if after else ()))
    return comparison_markdown("datasci@1", "datasci@2", changes)


def test_nothing_changed_is_a_sentence() -> None:
    assert markdown(OLD, OLD) == "`datasci@1` and `datasci@2` have the same packages.\n"


def test_a_change_is_a_line() -> None:
    assert "| numpy | upgraded | 2.1 py311\\_0 | 2.2 py311\\_1 | MIT → BSD |" in markdown(OLD, NEW)


def test_what_was_added_has_one_side() -> None:
    assert "| numpy | added | - | 2.2 py311\\_1 | BSD |" in markdown(None, NEW)


def test_a_licence_that_went_is_a_question() -> None:
    assert "| MIT → ? |" in markdown(OLD, Package(name="numpy", version="2.2"))


def test_csv_has_both_sides() -> None:
    (_, line) = comparison_csv(diff(Spec("p", (OLD,)), Spec("p", (NEW,)))).splitlines()
    assert line == "numpy,upgraded,2.1,py311_0,2.2,py311_1,MIT,BSD"


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_text_of_a_package_leaves_its_cell(version: str, terms: str) -> None:
    text = markdown(OLD, Package(name="numpy", version=f"3{version}", build="b", license=terms))
    *_, line = text.rstrip("\n").split("\n")
    assert text.count("\n") == 5
    assert line.replace("\\\\", "").replace("\\|", "").count("|") == 6
