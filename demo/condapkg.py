"""Writes conda packages (`.conda`), byte for byte the same from the same content.

A package is two zstd tars in an uncompressed zip: the files, and `info/` that
describes them. Files that carry the prefix hold `PLACEHOLDER` in its place, and
`info/paths.json` says so, as conda-build does.
"""

from __future__ import annotations

import hashlib
import io
import json
import posixpath
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import zstandard

EPOCH = 1_700_000_000
"""Seconds since the epoch that every member and every `.pyc` carries."""
PLACEHOLDER = ("/home/conda/feedstock_root/build_artifacts/envguard/_h_env" + "_placehold" * 25)[:255]
"""What stands where the prefix belongs; 255 bytes, as in conda-build, so that any prefix fits in binaries."""
ZSTD_LEVEL = 3
"""The channel is local and short-lived: speed before size."""


@dataclass(frozen=True, slots=True)
class File:
    """One path of a package, relative to the environment."""

    path: str
    """Where it goes."""
    data: bytes = b""
    """Its content, with `PLACEHOLDER` where the prefix belongs."""
    mode: int = 0o644
    """Permission bits."""
    link: str = ""
    """For a symlink its text, empty for a file."""
    prefix: Literal["", "text", "binary"] = ""
    """How installers must rewrite `PLACEHOLDER`, empty when it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What `info/index.json` and its neighbours state."""

    name: str
    """Name as conda knows it."""
    version: str
    """Version."""
    build: str
    """Build string."""
    license: str
    """SPDX expression."""
    subdir: str
    """`noarch` or the platform, such as `linux-64`."""
    depends: tuple[str, ...] = ()
    """What must be there too."""
    constrains: tuple[str, ...] = ()
    """What must not be there in another version."""
    noarch: Literal["", "python", "generic"] = ""
    """Kind of a `noarch` package."""
    entry_points: tuple[str, ...] = ()
    """Commands that the installer writes for a `noarch: python` package."""
    summary: str = ""
    """One line that says what it is."""
    home: str = ""
    """Where the project lives."""
    licenses: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    """Licence files by name."""


def write(channel: Path, package: Package, files: Iterable[File]) -> Path:
    """Write `package` below `channel` and return the path of the new `.conda` file.

    Raises `ValueError` when two files claim one path, or when one is marked to
    carry the prefix and does not, or carries it unmarked.
    """
    members = sorted(files, key=lambda file: file.path)
    _check(package, members)
    stem = f"{package.name}-{package.version}-{package.build}"
    target = channel / package.subdir / f"{stem}.conda"
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    info = [File(f"info/{name}", data) for name, data in sorted(_info(package, members).items())]
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        _store(archive, "metadata.json", _json({"conda_pkg_format_version": 2}))
        _store(archive, f"pkg-{stem}.tar.zst", _tar_zst(members))
        _store(archive, f"info-{stem}.tar.zst", _tar_zst(info))
    return part.replace(target)


def _check(package: Package, files: Sequence[File]) -> None:
    paths = [file.path for file in files]
    twice = sorted({path for path in paths if paths.count(path) > 1}) if len(set(paths)) < len(paths) else []
    if twice:
        raise ValueError(f"{package.name} {package.version} has two files at {', '.join(twice)}")
    for file in files:
        if (PLACEHOLDER.encode() in file.data) != bool(file.prefix):
            raise ValueError(
                f"{package.name} {package.version}: {file.path} is marked wrongly as to its prefix"
            )


def _info(package: Package, files: Sequence[File]) -> dict[str, bytes]:
    info = {
        "index.json": _json(_index(package)),
        "paths.json": _json({"paths": _paths(files), "paths_version": 1}),
        "files": "".join(f"{file.path}\n" for file in files).encode(),
        "hash_input.json": _json({}),
        "about.json": _json(
            {"summary": package.summary, "license": package.license, "home": package.home, "channels": []}
        ),
    }
    prefixed = "".join(f'"{PLACEHOLDER}" {file.prefix} "{file.path}"\n' for file in files if file.prefix)
    if prefixed:
        info["has_prefix"] = prefixed.encode()
    if package.noarch == "python":
        noarch = {"type": "python", "entry_points": list(package.entry_points)}
        info["link.json"] = _json({"noarch": noarch, "package_metadata_version": 1})
    return info | {f"licenses/{name}": data for name, data in package.licenses.items()}


def _index(package: Package) -> dict[str, Any]:
    index: dict[str, Any] = {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "build_number": 0,
        "depends": list(package.depends),
        "constrains": list(package.constrains),
        "license": package.license,
        "subdir": package.subdir,
        "timestamp": EPOCH * 1000,
    }
    if package.noarch:
        return index | {"noarch": package.noarch}
    return index | {"platform": "linux", "arch": {"64": "x86_64"}.get(package.subdir[6:], package.subdir[6:])}


def _paths(files: Sequence[File]) -> list[dict[str, Any]]:
    by_path = {file.path: file for file in files}
    rows = []
    for file in files:
        row: dict[str, Any] = {"_path": file.path, "path_type": "softlink" if file.link else "hardlink"}
        if file.link:  # conda records the content that the link leads to
            file = by_path[posixpath.normpath(posixpath.join(posixpath.dirname(file.path), file.link))]
        row |= {"sha256": hashlib.sha256(file.data).hexdigest(), "size_in_bytes": len(file.data)}
        if file.prefix and row["path_type"] == "hardlink":
            row |= {"prefix_placeholder": PLACEHOLDER, "file_mode": file.prefix}
        rows.append(row)
    return rows


def _tar_zst(files: Iterable[File]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in files:
            member = tarfile.TarInfo(file.path)
            member.mtime, member.mode = EPOCH, file.mode
            if file.link:
                member.type, member.linkname, member.mode = tarfile.SYMTYPE, file.link, 0o777
            else:
                member.size = len(file.data)
            tar.addfile(member, io.BytesIO(file.data))
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(buffer.getvalue())


def _store(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, (2023, 11, 14, 22, 13, 20)), data)


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode()
