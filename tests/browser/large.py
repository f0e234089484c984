"""A pack of three thousand packages, such as nobody should approve and everybody has."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.packs import PackBuilder

COUNT = 3_000
"""How many packages it holds, those that make it an environment among them."""

WORDS = ("arrow", "blas", "cairo", "dask", "expat", "fontconfig", "gdal", "hdf5", "icu", "jinja")
LICENSES = ("BSD-3-Clause", "MIT", "Apache-2.0", "LGPL-2.1-or-later", "GPL-3.0-only", "")
OTHER_CHANNEL = "https://conda.example.org/in-house"


def write(folder: Path, count: int = COUNT, version: int = 1) -> Path:
    """Write the pack into `folder`; with another `version` some packages are newer and some rebuilt."""
    pack = PackBuilder.honest()
    own = sum(item.name.startswith(b"conda-meta/") and item.name.endswith(b".json") for item in pack.items)
    for number in range(count - own):
        _add(pack, number, version)
    return pack.write(folder, name=f"large-{version}")


def name_of(number: int) -> str:
    """Return the name of one package."""
    return f"{WORDS[number % len(WORDS)]}-{number:04d}"


def _add(pack: PackBuilder, number: int, version: int) -> None:
    name = name_of(number)
    minor = version if number % 7 == 0 else 0
    rebuilt = version if number % 11 == 0 else 0
    more: dict[str, object] = {
        "license": LICENSES[number % len(LICENSES)],
        "size": 1_000 * (number % 977 + 1),
        "sha256": hashlib.sha256(f"{name} {minor} {rebuilt}".encode()).hexdigest(),
        "depends": [f"{name_of(number // 2)} >=1.0", "__glibc >=2.17"] if number else [],
        "requested_spec": name if number % 100 == 0 else "",
    }
    if number % 50 == 3:
        more["channel"] = OTHER_CHANNEL
    pack.record(name, f"1.{number % 13}.{minor}", f"h{number:04x}_{rebuilt}", **more)
