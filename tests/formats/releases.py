"""Releases to export: one by hand, and any that a hostile pack could make."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from jupyter_envguard.formats.exported import Exported
from jupyter_envguard.spec import Package, Spec

FORGE = "https://conda.anaconda.org/conda-forge"
PYTHON = Package(
    name="python",
    version="3.11.9",
    build="h955ad1f_0",
    channel=FORGE,
    subdir="linux-64",
    url=f"{FORGE}/linux-64/python-3.11.9-h955ad1f_0.conda",
    sha256="a" * 64,
    md5="b" * 32,
    license="Python-2.0",
    requested=True,
    depends=("__glibc >=2.17,<3.0.a0",),
)
NUMPY = Package(
    name="numpy",
    version="2.2.6",
    build="py311_0",
    channel=FORGE,
    subdir="linux-64",
    url=f"{FORGE}/linux-64/numpy-2.2.6-py311_0.tar.bz2",
    sha256="c" * 64,
    md5="d" * 32,
    license="BSD-3-Clause AND LicenseRef-Extra",
    requested=True,
    depends=("python >=3.11,<3.12.0a0", "libblas"),
)
RISK = Package(
    name="acme_risk",
    version="1.0",
    manager="pypi",
    sha256="e" * 64,
    license="All rights reserved",
    depends=("NumPy>=2; python_version > '3'", 'pytest; extra == "test"'),
)

HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
TEXT = st.text(max_size=12)
PACKAGES = st.builds(
    Package,
    name=st.text(min_size=1, max_size=12),
    version=TEXT,
    build=TEXT,
    channel=TEXT,
    subdir=TEXT,
    manager=st.sampled_from(["conda", "pypi"]),
    url=TEXT | st.just("https://example.org/a.conda"),
    sha256=st.sampled_from(["", "f" * 64]) | TEXT,
    md5=st.sampled_from(["", "0" * 32]),
    license=TEXT | st.sampled_from(["MIT", "BSD", "LicenseRef-x", "MIT AND (Apache-2.0 OR LicenseRef-y)"]),
    depends=st.lists(TEXT | st.sampled_from(["a", "b >=1", "c[x]; extra == 'y'"]), max_size=3).map(tuple),
    requested=st.booleans(),
)
SPECS = st.builds(Spec, st.just("linux-64"), st.lists(PACKAGES, max_size=5).map(tuple))


def exported(*packages: Package, **changes: Any) -> Exported:
    return of(Spec("linux-64", packages or (PYTHON, NUMPY, RISK)), **changes)


def of(spec: Spec, **changes: Any) -> Exported:
    fields = {
        "name": "datasci",
        "release": "2026.11",
        "spec": spec,
        "digest": spec.digest(),
        "pack": f"sha256:{'1' * 64}",
        "manifest": f"sha256:{'2' * 64}",
        "created": "2026-11-01T08:00:00Z",
    }
    return Exported(**fields | changes)
