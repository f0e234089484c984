"""Fetches wheels from PyPI and turns them into conda packages.

A pure wheel becomes `noarch: python`, as conda-build makes it: below
`site-packages/`, without byte code, its commands as entry points. Any other
becomes a package of this platform and this Python.
"""

from __future__ import annotations

import base64
import configparser
import csv
import email.message
import email.parser
import hashlib
import io
import json
import multiprocessing
import os
import posixpath
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from demo.bytecode import compiled
from demo.condapkg import PLACEHOLDER, File, Package, write
from demo.cpython import SHORT, SITE_PACKAGES, SUBDIR, TAG
from demo.recipes import PINS, conda_spec, requirements

_NOT_TAKEN = frozenset({"RECORD", "RECORD.jws", "INSTALLER", "REQUESTED", "direct_url.json"})
_STUBS = re.compile(r"jedi/third_party/(django-stubs|typeshed/(third_party|stubs))/")
"""Some 5,000 files that would make jedi the biggest package and change nothing that is shown here."""
_DATA = re.compile(r"[^/]+\.data/(purelib|platlib|scripts|data|headers)/(.+)")
_KERNELSPEC = re.compile(r"share/jupyter/kernels/[^/]+/kernel\.json")
_LICENCE = re.compile(r"(LICEN[SC]E|COPYING|NOTICE)[^/]*$", re.IGNORECASE)

_COMMAND = """\
#!{prefix}/bin/python
import re
import sys

from {module} import {first}

if __name__ == "__main__":
    sys.argv[0] = re.sub(r"(-script\\.pyw?|\\.exe)?$", "", sys.argv[0])
    sys.exit({function}())
"""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel on disk, with what its name and its metadata say."""

    path: Path
    """The file."""
    name: str
    """Normalised name of the project."""
    version: str
    """Version."""
    pure: bool
    """Whether it runs on every platform."""
    dist_info: str
    """Name of its `.dist-info` directory."""
    metadata: email.message.Message
    """What `METADATA` says."""

    def requires(self, extras: Sequence[str] = ("",)) -> Iterator[Requirement]:
        """Yield what it needs here, with any of the `extras`."""
        for text in self.metadata.get_all("Requires-Dist") or ():
            requirement = Requirement(str(text))
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                yield requirement

    def license(self, unread: str | None = None) -> str:
        """Return the SPDX expression that the metadata state, else the one that we have read ourselves.

        Without either it is `unread`; raises `KeyError` when that is not given.
        """
        stated = self.metadata.get("License-Expression")
        if not stated and self.name not in PINS and unread is not None:
            return unread
        return str(stated or PINS[self.name].license)


def download(folder: Path, rounds: Iterable[Sequence[str]] | None = None) -> None:
    """Fetch the wheels of all `rounds` of pins into `folder`, those of the demo unless others are named.

    Raises `RuntimeError` with pip's own words when it cannot.
    """
    for pins in requirements() if rounds is None else rounds:
        command = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "download",
            "--quiet",
            "--no-deps",
        ]
        done = subprocess.run(
            [*command, "--only-binary=:all:", "--dest", str(folder), *pins], capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"pip could not fetch the wheels of the demo:\n{done.stderr.strip()}")


def convert_all(wheels: Iterable[Path], channel: Path, unread: str | None = None) -> list[Path]:
    """Write a conda package below `channel` for every wheel, on all processors; return the packages.

    `unread` is as `convert` has it.
    """
    opened = sorted((read(path) for path in wheels), key=lambda wheel: wheel.path.name)
    extras = {wheel.name: wheel.path for wheel in opened}
    spawn = multiprocessing.get_context("spawn")  # threads may be running here: never fork
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn) as processors:
        work = partial(convert, channel, extras, unread=unread)
        return list(processors.map(work, [wheel.path for wheel in opened]))


def read(path: Path) -> Wheel:
    """Return the wheel at `path`."""
    name, version, _, tags = parse_wheel_filename(path.name)
    with zipfile.ZipFile(path) as archive:
        metadata = next(
            name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)
        )
        parsed = email.parser.BytesParser().parsebytes(archive.read(metadata))
    pure = all(tag.platform == "any" for tag in tags)
    return Wheel(path, str(name), str(version), pure, metadata.split("/")[0], parsed)


def convert(channel: Path, siblings: Mapping[str, Path], path: Path, unread: str | None = None) -> Path:
    """Write the wheel at `path` as a conda package; `siblings` are the wheels whose extras it may name.

    `unread` is the licence of packages whose licence nobody has read.
    """
    wheel = read(path)
    commands = dict(_commands(wheel))
    files = {file.path: file for file in _files(wheel)}
    if not wheel.pure:
        files |= {file.path: file for file in _scripts(commands)}
        files |= {made.path: made for file in list(files.values()) for made in _compiled(file)}
    files |= {file.path: file for file in _record(wheel, list(files.values()))}
    package = Package(
        name=wheel.name,
        version=wheel.version,
        build="pyh0_0" if wheel.pure else f"py{TAG}h0_0",
        license=wheel.license(unread),
        subdir="noarch" if wheel.pure else SUBDIR,
        noarch="python" if wheel.pure else "",
        depends=_depends(wheel, siblings),
        entry_points=tuple(f"{name} = {target}" for name, target in commands.items()) if wheel.pure else (),
        summary=str(wheel.metadata.get("Summary") or ""),
        home=_home(wheel.metadata),
        licenses=_licences(wheel),
    )
    return write(channel, package, files.values())


def _depends(wheel: Wheel, siblings: Mapping[str, Path]) -> tuple[str, ...]:
    depends = set()
    for requirement in wheel.requires():
        depends.add(conda_spec(requirement))
        sibling = siblings.get(canonicalize_name(requirement.name))
        if requirement.extras and sibling:  # conda has no extras: what they add becomes ours
            depends |= {conda_spec(added) for added in read(sibling).requires(tuple(requirement.extras))}
    if wheel.pure:
        bounds = str(wheel.metadata.get("Requires-Python") or ">=3.11").replace(" ", "").split(",")
        python = "python " + ",".join(bound for bound in bounds if not bound.startswith("!="))
        return (*sorted(depends), python)
    minor = sys.version_info.minor + 1
    return (*sorted(depends), f"python >={SHORT},<3.{minor}.0a0", f"python_abi {SHORT}.* *_cp{TAG}")


def _home(metadata: email.message.Message) -> str:
    if metadata.get("Home-page"):
        return str(metadata["Home-page"])
    urls = dict(str(url).split(", ", 1) for url in metadata.get_all("Project-URL") or ())
    return next(
        (urls[key] for key in urls if key.lower() in ("homepage", "home", "source", "repository")), ""
    )


def _licences(wheel: Wheel) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel.path) as archive:
        names = [name for name in archive.namelist() if name.startswith(f"{wheel.dist_info}/")]
        return {posixpath.basename(name): archive.read(name) for name in names if _LICENCE.search(name)}


def _commands(wheel: Wheel) -> Iterator[tuple[str, str]]:
    name = f"{wheel.dist_info}/entry_points.txt"
    with zipfile.ZipFile(wheel.path) as archive:
        if name not in archive.namelist():
            return
        parser = configparser.RawConfigParser(delimiters=("=",))
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(archive.read(name).decode())
    if parser.has_section("console_scripts"):
        for command, target in parser.items("console_scripts"):
            yield command, target.split("[")[0].strip()


def _scripts(commands: Mapping[str, str]) -> Iterator[File]:
    for command, target in commands.items():
        module, function = target.split(":")
        text = _COMMAND.format(
            prefix=PLACEHOLDER, module=module, first=function.split(".")[0], function=function
        )
        yield File(f"bin/{command}", text.encode(), 0o755, prefix="text")


def _files(wheel: Wheel) -> Iterator[File]:
    root = "site-packages" if wheel.pure else SITE_PACKAGES
    with zipfile.ZipFile(wheel.path) as archive:
        for member in archive.infolist():
            name = member.filename
            of_dist_info = name.removeprefix(f"{wheel.dist_info}/")
            if member.is_dir() or _STUBS.match(name) or (of_dist_info != name and of_dist_info in _NOT_TAKEN):
                continue
            data = archive.read(member)
            match = _DATA.fullmatch(name)
            executable = (member.external_attr >> 16) & 0o111 or (match and match[1] == "scripts")
            yield _placed(wheel, root, name, match, data, 0o755 if executable else 0o644)
    yield File(f"{root}/{wheel.dist_info}/INSTALLER", b"conda\n")


def _placed(wheel: Wheel, root: str, name: str, match: re.Match[str] | None, data: bytes, mode: int) -> File:
    path = f"{root}/{name}"
    if match:
        scripts = "python-scripts" if wheel.pure else "bin"
        folders = {"purelib": root, "platlib": root, "headers": "include", "scripts": scripts}
        path = posixpath.join(folders.get(match[1], ""), match[2])
    if path.startswith(("bin/", "python-scripts/")) and data.startswith(b"#!python"):
        data = re.sub(rb"^#!pythonw?", f"#!{PLACEHOLDER}/bin/python".encode(), data)
        return File(path, data, mode, prefix="text")
    if _KERNELSPEC.fullmatch(path):
        return File(path, _kernelspec(data), mode, prefix="text")
    return File(path, data, mode)


def _kernelspec(data: bytes) -> bytes:
    """Return a kernel.json whose Python is that of the environment, as conda-forge's ipykernel has it."""
    spec = json.loads(data)
    if spec["argv"][0].startswith("python"):
        spec["argv"][0] = f"{PLACEHOLDER}/bin/python"
    return json.dumps(spec, indent=1).encode()


def _compiled(file: File) -> Iterator[File]:
    if file.path.endswith(".py"):
        yield from compiled(file.path, file.data)


def _record(wheel: Wheel, files: Sequence[File]) -> Iterator[File]:
    """Yield the RECORD of what is below site-packages; pip and importlib.metadata read it."""
    root = "site-packages/" if wheel.pure else f"{SITE_PACKAGES}/"
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for file in files:
        if file.path.startswith(root):
            digest = base64.urlsafe_b64encode(hashlib.sha256(file.data).digest()).rstrip(b"=").decode()
            rows.writerow([file.path.removeprefix(root), f"sha256={digest}", len(file.data)])
    record = f"{wheel.dist_info}/RECORD"
    rows.writerow([record, "", ""])
    yield File(root + record, text.getvalue().encode())
