"""Hashes of package files, if that is what a record holds: a pack may have written anything there."""

from __future__ import annotations

import re

from jupyter_envguard.spec import Package

SHAPES = {"md5": re.compile(r"[0-9a-f]{32}\Z"), "sha256": re.compile(r"[0-9a-f]{64}\Z")}


def hashes_of(package: Package) -> dict[str, str]:
    """Return the hexadecimal hashes of the file of `package` by algorithm, `md5` before `sha256`."""
    return {name: value for name, shape in SHAPES.items() if shape.match(value := getattr(package, name))}
