from __future__ import annotations

import pytest
from hypothesis import given, settings

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.formats.registry import FORMATS, format_of
from jupyter_envguard.spec import Package, Spec
from tests.formats.releases import NUMPY, PYTHON, RISK, SPECS, exported, of


@pytest.mark.parametrize("name", [*FORMATS])
def test_each_writes_the_same_bytes_for_the_same_release(name: str) -> None:
    form = format_of(name)
    assert form.write(exported()) == form.write(exported()) != b""


def test_names_and_suffixes_are_unlike() -> None:
    assert len({form.suffix for form in FORMATS.values()}) == len(FORMATS)


@pytest.mark.parametrize("name", ["", "cyclondx", "../x", "x" * 1000])
def test_there_is_no_other(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        format_of(name)
    assert refused.value.code == "invalid-argument"
    assert refused.value.hint
    assert len(refused.value.message) < 100


@pytest.mark.parametrize(
    ("packages", "exact"),
    [
        ((PYTHON, NUMPY), {"explicit", "conda-lock"}),
        ((PYTHON, RISK), set()),
        ((Package(name="a", version="1", url="https://x.org/a.conda"),), {"explicit"}),
    ],
)
def test_says_which_can_be_rebuilt(packages: tuple[Package, ...], exact: set[str]) -> None:
    assert {name for name, form in FORMATS.items() if form.is_exact(Spec("linux-64", packages))} == exact


@settings(deadline=None)
@given(SPECS)
def test_any_spec_can_be_written_in_any_format(spec: Spec) -> None:
    for form in FORMATS.values():
        assert isinstance(form.write(of(spec)), bytes)
