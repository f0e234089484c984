"""`conda-lock.yml`, format 1: what conda-lock and micromamba install as it stands.

    conda-lock install --name copy conda-lock.yml

Each package has its address and hashes. One without an address, or a conda package
without an MD5, which the format demands, is named in a comment instead.
"""

from __future__ import annotations

from collections.abc import Iterator

from jupyter_envguard.dependencies import requirement_name
from jupyter_envguard.formats.environment_yaml import quoted
from jupyter_envguard.formats.exported import Exported
from jupyter_envguard.formats.hashes import hashes_of
from jupyter_envguard.formats.purl import address_of
from jupyter_envguard.spec import Package, Spec

MANAGERS = {"conda": "conda", "pypi": "pip"}


def conda_lock(exported: Exported) -> str:
    """Return `exported` as a lock file for its platform."""
    return "\n".join([*_head(exported), *_metadata(exported), *_packages(exported.spec)]) + "\n"


def can_be_locked(package: Package) -> bool:
    """Tell whether the format can say where `package` is and what it hashes to."""
    wanted = "md5" if package.manager == "conda" else "sha256"
    return bool(address_of(package)) and wanted in hashes_of(package)


def _head(exported: Exported) -> Iterator[str]:
    yield f"# {exported.id}"
    yield f"# spec: {exported.digest}"
    for package in exported.spec.packages:
        if not can_be_locked(package):
            yield f"# left out, address or hash unknown: {quoted(f'{package.name} {package.version}')}"


def _metadata(exported: Exported) -> Iterator[str]:
    spec = exported.spec
    channels = dict.fromkeys(p.channel for p in spec.packages if p.manager == "conda" and p.channel)
    yield "version: 1"
    yield "metadata:"
    yield "  content_hash:"
    yield f"    {quoted(spec.platform)}: {quoted(exported.bare_digest)}"
    yield "  channels:" + ("" if channels else " []")
    for channel in channels:
        yield f"  - url: {quoted(channel)}"
        yield "    used_env_vars: []"
    yield "  platforms:"
    yield f"  - {quoted(spec.platform)}"
    yield "  sources: []"
    yield "  time_metadata:"
    yield f"    created_at: {quoted(exported.created)}"


def _packages(spec: Spec) -> Iterator[str]:
    found = [package for package in spec.packages if can_be_locked(package)]
    yield "package:" + ("" if found else " []")
    for package in found:
        yield f"- name: {quoted(package.name)}"
        yield f"  version: {quoted(package.version)}"
        yield f"  manager: {MANAGERS[package.manager]}"
        yield f"  platform: {quoted(spec.platform)}"
        needs = dict(_needs(package))
        yield "  dependencies:" + ("" if needs else " {}")
        yield from (f"    {quoted(name)}: {quoted(versions)}" for name, versions in needs.items())
        yield f"  url: {quoted(address_of(package))}"
        yield "  hash:"
        yield from (f"    {name}: {quoted(value)}" for name, value in hashes_of(package).items())
        if package.build:
            yield f"  build: {quoted(package.build)}"
        yield "  category: main"
        yield "  optional: false"


def _needs(package: Package) -> Iterator[tuple[str, str]]:
    for requirement in package.depends:
        name = requirement_name(requirement)
        if name:
            yield name, requirement.partition(name)[2].partition(";")[0].strip() or "*"
