"""Real packs, made by conda-pack from a real environment, say the same in every format."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from demo.conda import FORMATS
from demo.environments import Packs, build, default_cache
from jupyter_envguard.inventory import Inventory, Kind, Member
from jupyter_envguard.pack import open_pack

pytestmark = pytest.mark.packs


def inventory(path: Path) -> Inventory:
    with open_pack(path) as pack:
        return pack.inventory()


@pytest.fixture(scope="module")
def minimal(packs: Packs) -> Inventory:
    return inventory(packs.minimal)


def comparable(found: Inventory) -> Inventory:
    """Return what must be equal in every format: how members are ordered and dated need not be."""
    files = {path: m for path, m in sorted(found.members.items()) if m.kind is not Kind.DIRECTORY}
    plain = {path: Member(path, m.kind, 0, m.size, m.target) for path, m in files.items()}
    same = {path: found.sha256[path] for path in sorted(found.sha256) if path != "bin/conda-unpack"}
    texts = dict(sorted(found.texts.items()))
    return replace(found, digest="", size=0, format="", members=plain, sha256=same, texts=texts)


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_holds_the_same_environment(suffix: str, packs: Packs) -> None:
    found = inventory(build("calc", default_cache(), suffix, progress=lambda sentence: None))
    assert found.format == suffix
    assert comparable(found) == comparable(inventory(packs.calc))


def test_members_are_those_that_tarfile_lists(packs: Packs, minimal: Inventory) -> None:
    with tarfile.open(packs.minimal) as archive:
        listed = {info.name: (info.size, info.mode, info.linkname) for info in archive}
    assert listed == {path: (m.size, m.mode, m.target) for path, m in minimal.members.items()}


def test_hashes_are_those_of_what_gnu_tar_extracts(packs: Packs, minimal: Inventory, tmp_path: Path) -> None:
    subprocess.run(["tar", "-C", tmp_path, "-xf", packs.minimal], check=True)
    assert {
        path: hashlib.sha256((tmp_path / path).read_bytes()).hexdigest() for path in minimal.sha256
    } == minimal.sha256


def test_the_records_agree_with_the_members(minimal: Inventory) -> None:
    assert minimal.python_version.startswith("3.")
    assert minimal.spec.find("ipykernel") is not None
    assert not minimal.spec.is_mixed
    assert all(package.sha256 and package.url and package.channel for package in minimal.spec.packages)
    assert len(minimal.records) == len(minimal.spec.packages)
    assert minimal.kernel_specs() == {"python3": "share/jupyter/kernels/python3/kernel.json"}
    assert minimal.prefixed
    assert minimal.leaks == {}
    claimed = {file.path: file.sha256 for record in minimal.records for file in record.files if file.sha256}
    rewritten = {item.path for item in minimal.prefixed}
    differing = {p for p, h in claimed.items() if p in minimal.sha256 and minimal.sha256[p] != h}
    assert differing <= rewritten | {p for p in claimed if p.startswith("bin/")}


def test_what_pip_put_on_top_is_found(packs: Packs) -> None:
    found = inventory(packs.pip_on_top)
    assert found.spec.is_mixed
    assert [(p.name, p.manager) for p in found.spec.packages if p.manager == "pypi"] == [("humanize", "pypi")]
    assert found.build_prefix


def test_a_kernel_that_is_not_python_is_found(packs: Packs) -> None:
    assert "calc" in inventory(packs.calc).kernel_specs()


def test_the_tampered_pack_differs_in_one_file(packs: Packs, minimal: Inventory) -> None:
    found = inventory(packs.tampered)
    own = {"bin/conda-unpack", "conda-meta/history"}
    changed = {p for p, h in found.sha256.items() if minimal.sha256.get(p) != h} - own
    assert len(changed) == 1
    assert found.spec.digest() == minimal.spec.digest()
