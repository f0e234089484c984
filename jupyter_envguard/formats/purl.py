"""Package URLs: one name for a package that scanners of all kinds understand.

>>> from jupyter_envguard.spec import Package
>>> purl(Package(name="numpy", version="2.2.6", build="py311_0", subdir="linux-64"))
'pkg:conda/numpy@2.2.6?build=py311_0&subdir=linux-64'
"""

from __future__ import annotations

import re
from urllib.parse import quote

from jupyter_envguard.dependencies import canonical
from jupyter_envguard.spec import Package

ADDRESS = re.compile(r"(?:https?|file|ftp)://[A-Za-z0-9._~:/?@!$&()*+,;=%-]+\Z")
"""An address that every reader of a document takes for one."""
TYPES = {"conda": ".conda", "tar.bz2": ".tar.bz2"}


def purl(package: Package) -> str:
    """Return the package URL of `package` (purl specification, types conda and pypi)."""
    name = canonical(package.name) if package.manager == "pypi" else package.name.lower()
    version = f"@{_safe(package.version)}" if package.version else ""
    return f"pkg:{package.manager}/{_safe(name)}{version}{_qualifiers(package)}"


def address_of(package: Package) -> str:
    """Return where the file of `package` came from, empty when that is no plain address."""
    return package.url if ADDRESS.match(package.url) else ""


def _qualifiers(package: Package) -> str:
    if package.manager == "pypi":
        return ""
    kind = next((name for name, suffix in TYPES.items() if package.url.endswith(suffix)), "")
    pairs = {
        "build": package.build,
        "channel": package.channel.rstrip("/").rpartition("/")[2],
        "subdir": package.subdir,
        "type": kind,
    }
    said = [f"{key}={_safe(value)}" for key, value in pairs.items() if value]
    return "?" + "&".join(said) if said else ""


def _safe(text: str) -> str:
    return quote(text, safe="")
