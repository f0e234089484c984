from __future__ import annotations

import pytest
from hypothesis import given
from packageurl import PackageURL

from jupyter_envguard.formats.purl import address_of, purl
from jupyter_envguard.spec import Package
from tests.formats.releases import NUMPY, PACKAGES, PYTHON, RISK


def test_names_a_package_of_conda() -> None:
    assert (
        purl(PYTHON)
        == "pkg:conda/python@3.11.9?build=h955ad1f_0&channel=conda-forge&subdir=linux-64&type=conda"
    )
    assert purl(NUMPY).endswith("&type=tar.bz2")


def test_names_a_package_of_pypi() -> None:
    assert purl(RISK) == "pkg:pypi/acme-risk@1.0"


def test_leaves_out_what_is_unknown() -> None:
    assert purl(Package(name="a", version="")) == "pkg:conda/a"


@given(PACKAGES)
def test_others_read_what_was_written(package: Package) -> None:
    if not package.name.strip("/ ") or not package.version.strip():
        return
    read = PackageURL.from_string(purl(package))
    assert read.type == package.manager
    assert (read.version or "").strip() == package.version.strip()


@pytest.mark.parametrize(
    "url", ["", "a b", "https://x/\nhttps://y", "javascript:alert(1)", 'https://x/"', "https://ü"]
)
def test_what_is_no_plain_address_is_none(url: str) -> None:
    assert address_of(Package(name="a", version="1", url=url)) == ""
