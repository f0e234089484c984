"""Two releases of one environment between which packages changed in every way that matters."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.packs import PackBuilder

Record = tuple[str, str, str, str]
"""Name, version, build and licence."""

ALWAYS: tuple[Record, ...] = (
    ("libgdal-core", "3.12.0", "h7f0c39d_1", "MIT"),
    ("proj", "9.7.0", "hb72c0af_0", "MIT"),
    ("shapely", "2.1.2", "py311h2b1e1c5_2", "BSD-3-Clause"),
)
OLD: tuple[Record, ...] = (
    ("openssl", "3.6.0", "h26f9b46_0", "Apache-2.0"),
    ("xarray", "2026.4.0", "pyhd8ed1ab_0", "Apache-2.0"),
    ("rasterio", "1.4.3", "py311h34f9ec5_0", "BSD-3-Clause"),
    ("geopandas", "1.1.1", "pyhd8ed1ab_1", "BSD-3-Clause"),
    ("fiona", "1.10.1", "py311h4b2c5ba_4", "BSD-3-Clause"),
    ("cartopy", "0.26.0", "py311h8f6a3c1_0", "LGPL-3.0-or-later"),
)
NEW: tuple[Record, ...] = (
    ("openssl", "3.6.0", "h26f9b46_0", "Apache-2.0"),
    ("xarray", "2026.10.0", "pyhd8ed1ab_0", "Apache-2.0"),
    ("rasterio", "2.0.0", "py311h34f9ec5_0", "BSD-3-Clause"),
    ("geopandas", "1.1.0", "pyhd8ed1ab_0", "BSD-3-Clause"),
    ("pyogrio", "0.12.1", "py311h8e2d3d1_0", "MIT"),
    ("cartopy", "0.27.0", "py311h8f6a3c1_0", "BSD-3-Clause"),
)
"""OpenSSL is built anew under the same name, version and build: only its hash tells."""


def write(folder: Path) -> tuple[Path, Path]:
    """Write the packs of the older and of the newer release into `folder`."""
    return _write(folder, "earth-old", ALWAYS + OLD), _write(folder, "earth-new", ALWAYS + NEW)


def _write(folder: Path, title: str, records: tuple[Record, ...]) -> Path:
    pack = PackBuilder.honest()
    for name, version, build, license_name in records:
        seed = title if name == "openssl" else f"{name} {version} {build}"
        digest = hashlib.sha256(seed.encode()).hexdigest()
        more = {"license": license_name, "sha256": digest, "size": 1_000 * len(seed)}
        pack.record(name, version, build, requested_spec=name, **more)
    return pack.write(folder, name=title)
