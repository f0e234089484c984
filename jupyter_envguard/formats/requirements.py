"""`requirements.txt`: what pip installed, pinned, with hashes where all of them are known.

pip cannot install what conda did, so that stands in comments and the file says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jupyter_envguard.formats.exported import Exported
from jupyter_envguard.formats.hashes import hashes_of
from jupyter_envguard.formats.purl import address_of
from jupyter_envguard.spec import Package

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\Z")
"""Nothing that could be an option or another line."""


def requirements(exported: Exported) -> str:
    """Return what pip installed in `exported` as a requirements file, every line harmless."""
    spec = exported.spec
    pypi = [package for package in spec.packages if package.manager == "pypi"]
    conda = [package for package in spec.packages if package.manager == "conda"]
    return "\n".join([*_head(exported, pypi, conda), *_pins(pypi), "", *map(_comment, conda)]).rstrip() + "\n"


def _head(exported: Exported, pypi: list[Package], conda: list[Package]) -> Iterator[str]:
    yield f"# {exported.id}, platform {_flat(exported.spec.platform)}"
    yield f"# spec: {exported.digest}"
    yield f"# pip installed {len(pypi)} packages, conda {len(conda)}."
    if conda:
        yield "# This file does not make the environment again: comments below name what conda installed."
    lacking = sum("sha256" not in hashes_of(package) for package in pypi)
    if lacking:
        yield f"# Hashes are left out: that of {lacking} packages is not known, and pip wants all or none."


def _pins(packages: list[Package]) -> Iterator[str]:
    with_hashes = all("sha256" in hashes_of(package) for package in packages)
    for package in packages:
        if not NAME.match(package.name) or not VERSION.match(package.version):
            yield f"# cannot be written here: {_flat(package.name)} {_flat(package.version)}"
            continue
        address = address_of(package)
        pin = f"{package.name} @ {address}" if address else f"{package.name}=={package.version}"
        yield f"{pin} --hash=sha256:{package.sha256}" if with_hashes else pin


def _comment(package: Package) -> str:
    return f"# conda: {_flat(package.name)} {_flat(package.version)} {_flat(package.build)}".rstrip()


def _flat(text: str) -> str:
    """Return `text` on one line, whatever a reader takes for the end of one."""
    return ascii(" ".join(text.split()))[1:-1]
