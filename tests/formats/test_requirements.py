from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from packaging.requirements import Requirement

from jupyter_envguard.formats.requirements import requirements
from jupyter_envguard.spec import Package, Spec
from tests.formats.releases import NUMPY, RISK, SPECS, exported, of


def pins(*packages: Package) -> list[str]:
    return [line for line in requirements(exported(*packages)).splitlines() if line and line[0] != "#"]


def test_pins_with_hashes_where_all_are_known() -> None:
    assert pins(RISK) == [f"acme_risk==1.0 --hash=sha256:{'e' * 64}"]


def test_leaves_all_hashes_out_where_one_is_unknown_and_says_so() -> None:
    other = replace(RISK, name="b", sha256="")
    assert pins(RISK, other) == ["acme_risk==1.0", "b==1.0"]
    assert "# Hashes are left out: that of 1 packages is not known" in requirements(exported(RISK, other))


def test_names_the_address_that_pip_was_given() -> None:
    wheel = replace(RISK, url="https://example.org/acme_risk-1.0-py3-none-any.whl", sha256="")
    assert pins(wheel) == ["acme_risk @ https://example.org/acme_risk-1.0-py3-none-any.whl"]


def test_what_conda_installed_stands_in_comments_and_the_file_says_what_it_is_worth() -> None:
    text = requirements(exported(NUMPY, RISK))
    assert "# conda: numpy 2.2.6 py311_0\n" in text
    assert "does not make the environment again" in text
    assert "does not make" not in requirements(exported(RISK))


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("a\n--index-url=https://evil", "1"),
        ("a", "1\n-r /etc/passwd"),
        ("-e", "."),
        ("a", "1 --pre"),
        ("", "1"),
    ],
)
def test_no_name_and_no_version_is_an_option_or_another_line(name: str, version: str) -> None:
    assert pins(replace(RISK, name=name, version=version)) == []


@given(SPECS)
def test_every_line_is_a_requirement_or_a_comment(spec: Spec) -> None:
    for line in requirements(of(spec)).splitlines():
        if line and not line.startswith("#"):
            Requirement(line.partition(" --hash=")[0].replace("==", "===", 1))


def test_a_hash_cannot_be_an_option() -> None:
    assert pins(replace(RISK, sha256=f"{'e' * 63}\n--index-url=https://evil")) == ["acme_risk==1.0"]
