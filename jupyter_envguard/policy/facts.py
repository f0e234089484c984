"""What rules look at: the inventory, the policy, the host, and what follows from them.

Indexes that several rules need are made once, when the first rule asks.
"""

from __future__ import annotations

import base64
import binascii
import csv
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from jupyter_envguard.inventory import Inventory, Kind, RecordedFile
from jupyter_envguard.policy.core import Host, Policy

SITE_PACKAGES = re.compile(r"(lib(?:64)?/python[^/]+/site-packages)/")
KERNEL_JSON = re.compile(r"share/jupyter/kernels/[^/]+/kernel\.json\Z")
PYTHON_LIBRARY = re.compile(r"lib(?:64)?/python[^/]+/")


@dataclass(frozen=True, slots=True)
class Distribution:
    """One `.dist-info` folder: what Python knows as an installed distribution."""

    folder: str
    """Path of the folder."""
    name: str
    """Its name, as PEP 503 writes names."""
    by_conda: bool
    """Whether a conda record claims it; otherwise pip or a relative installed it."""
    files: Mapping[str, str]
    """What pip's RECORD claims: bare hex SHA-256 by path, empty where it states none; none by conda."""


@dataclass(frozen=True)
class Facts:
    """Everything a rule may know. Nothing is read from disk; equal facts give equal verdicts."""

    inventory: Inventory
    """What the pack holds."""
    policy: Policy
    """What the site demands."""
    host: Host
    """Where it will run."""

    @cached_property
    def claims(self) -> Mapping[str, tuple[RecordedFile, ...]]:
        """What conda records claim, by path; two packages may claim one.

        conda and mamba record the files of `noarch: python` packages in detail as
        they were packaged (`site-packages/six.py`), and where they are as bare names.
        """
        found: dict[str, tuple[RecordedFile, ...]] = {}
        for record in self.inventory.records:
            for file in record.files:
                for packaged, installed in (("site-packages/", f"{self.site}/"), ("python-scripts/", "bin/")):
                    if file.path.startswith(packaged):
                        file = replace(file, path=installed + file.path.removeprefix(packaged))
                found[file.path] = (*found.get(file.path, ()), file)
        return found

    @cached_property
    def site(self) -> str:
        """The folder in which Python looks for packages."""
        version = ".".join(self.inventory.python_version.split(".")[:2])
        expected = f"lib/python{version}/site-packages"
        seen = {match[1] for match in map(SITE_PACKAGES.match, self.inventory.members) if match}
        return expected if expected in seen else min(seen, default=expected)

    @cached_property
    def distributions(self) -> tuple[Distribution, ...]:
        """Every `.dist-info` folder, sorted by path."""
        return tuple(self._distribution(folder) for folder in sorted(self._dist_infos()))

    @cached_property
    def pip_files(self) -> Mapping[str, str]:
        """What pip's own records claim, hash by path."""
        claimed: dict[str, str] = {}
        for distribution in self.distributions:
            claimed |= distribution.files
        return claimed

    @cached_property
    def prefixes(self) -> tuple[str, ...]:
        """Every prefix that stands in a file now and will be the environment's own path, longest first."""
        found = {item.placeholder for item in self.inventory.prefixed} | {self.inventory.build_prefix}
        return tuple(sorted(found - {""}, key=len, reverse=True))

    @cached_property
    def placeholders(self) -> frozenset[tuple[str, str]]:
        """Every path with each prefix that is known to stand in it."""
        return frozenset((item.path, item.placeholder) for item in self.inventory.prefixed)

    @cached_property
    def kernels(self) -> Mapping[str, Any]:
        """The parsed kernel.json files by path; what is no JSON object, or no plain file, is None."""
        found = filter(KERNEL_JSON.match, self.inventory.members)
        return {path: parsed_object(self.text(path)) for path in found}

    def text(self, path: str) -> str:
        """Return the text of a small file, whatever its bytes; empty when it was not captured."""
        return self.inventory.texts.get(path, b"").decode("utf-8-sig", "replace")

    def has(self, path: str) -> bool:
        """Tell whether `path` is something other than a folder."""
        member = self.inventory.members.get(path)
        return member is not None and member.kind is not Kind.DIRECTORY

    def sha256(self, path: str) -> str:
        """Return the bare hex hash of the file at `path`, through a hard link; empty when it is none."""
        member = self.inventory.members.get(path)
        if member is not None and member.kind is Kind.HARDLINK:
            return self.inventory.sha256.get(path) or self.sha256(member.target)
        return self.inventory.sha256.get(path, "")

    def inside(self, program: str) -> str:
        """Return the path in the environment that an absolute path, or a bare name, stands for.

        Empty when it lies outside. Absolute paths start with one of `prefixes`, or
        with `{prefix}` as kernelspecs may write it.
        """
        if "/" not in program:
            return f"bin/{program}"
        for prefix in ("{prefix}", *self.prefixes):
            if program.startswith(f"{prefix}/"):
                path = posixpath.normpath(program[len(prefix) + 1 :])
                return "" if path.startswith(("..", "/")) else path
        return ""

    def _dist_infos(self) -> Iterator[str]:
        seen: set[str] = set()
        for path in self.inventory.members:
            folder, found, _ = path.partition(".dist-info/")
            if found and SITE_PACKAGES.match(path) and "/" not in folder.partition("/site-packages/")[2]:
                seen.add(f"{folder}.dist-info")
        yield from seen

    def _distribution(self, folder: str) -> Distribution:
        name = posixpath.basename(folder).removesuffix(".dist-info").partition("-")[0]
        by_conda = any(
            f"{folder}/{file}" in self.claims for file in ("METADATA", "RECORD", "INSTALLER", "WHEEL")
        )
        record = "" if by_conda else self.text(f"{folder}/RECORD")
        files = _recorded(record, posixpath.dirname(folder))
        return Distribution(folder, canonical_name(name), by_conda, files)


def canonical_name(name: str) -> str:
    """Return a distribution's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parsed_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object in `text`, or None when there is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _recorded(record: str, site: str) -> dict[str, str]:
    """Return hash by path of a RECORD (PEP 376), leaving out what lies outside of the environment."""
    found = {}
    for row in _rows(record):
        path = posixpath.normpath(posixpath.join(site, row[0]))
        if not path.startswith(("/", "..")):
            found[path] = _hex(row[1]) if len(row) > 1 else ""
    return found


def _rows(record: str) -> Iterator[list[str]]:
    try:
        yield from (row for row in csv.reader(record.splitlines()) if row and row[0])
    except csv.Error:
        return


def _hex(stated: str) -> str:
    algorithm, _, digest = stated.partition("=")
    if algorithm != "sha256":
        return ""
    try:
        return base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4)).hex()
    except (binascii.Error, ValueError):
        return ""
