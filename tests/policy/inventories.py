"""Small inventories: an honest one, and ways to change one thing in it."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings

from jupyter_envguard.inventory import CondaRecord, Inventory, Kind, Member, Prefixed, RecordedFile
from jupyter_envguard.policy import DEFAULT, Finding, Host, Policy, evaluate
from jupyter_envguard.spec import Package, Spec

calm = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
"""For properties whose truth does not depend on how busy the machine is."""

SITE = "lib/python3.11/site-packages"
PLACEHOLDER = "/home/conda/feedstock_root/build_artifacts/_h_env_placehold_placehold"
BUILD_PREFIX = "/home/builder/envs/sci"
HOST = Host("linux-64", datetime.date(2026, 6, 1))
HASH = "a" * 64

PYTHON = Package(
    name="python",
    version="3.11.7",
    build="h0_0_cpython",
    subdir="linux-64",
    sha256=HASH,
    license="Python-2.0",
)
IPYKERNEL = Package(
    name="ipykernel", version="6.29.5", build="pyh0_0", subdir="noarch", sha256=HASH, license="BSD-3-Clause"
)
KERNEL_JSON = "share/jupyter/kernels/python3/kernel.json"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def kernel_json(*argv: str, **more: Any) -> bytes:
    return json.dumps({"argv": list(argv), "language": "python", "display_name": "Python 3", **more}).encode()


HONEST_FILES: Mapping[str, bytes] = {
    "bin/python": b"\x7fELF python",
    f"{SITE}/ipykernel_launcher.py": b"print('kernel')\n",
    KERNEL_JSON: kernel_json("python", "-m", "ipykernel_launcher", "-f", "{connection_file}"),
}


def record(package: Package, *files: RecordedFile) -> CondaRecord:
    path = f"conda-meta/{package.name}-{package.version}-{package.build}.json"
    return CondaRecord(path, package.name, package.version, package.build, package.subdir, files)


def claim(path: str, content: bytes, **more: Any) -> RecordedFile:
    return RecordedFile(path, **{"sha256": sha256(content), "size": len(content), **more})


def honest() -> Inventory:
    """Return what the reader would find in a small pack with nothing wrong in it."""
    launcher, kernel = f"{SITE}/ipykernel_launcher.py", KERNEL_JSON
    return with_files(
        Inventory(
            digest=f"sha256:{HASH}",
            size=1,
            format="tar.gz",
            members={},
            sha256={},
            spec=Spec("linux-64", (PYTHON, IPYKERNEL)),
            records=(
                record(
                    IPYKERNEL, claim(launcher, HONEST_FILES[launcher]), claim(kernel, HONEST_FILES[kernel])
                ),
                record(PYTHON, claim("bin/python", HONEST_FILES["bin/python"])),
            ),
            machines={"bin/python": "x86_64"},
            build_prefix=BUILD_PREFIX,
        ),
        {**HONEST_FILES, "bin/conda-unpack": b"# conda-unpack\n"},
    )


def with_files(inventory: Inventory, files: Mapping[str, bytes], **more: Any) -> Inventory:
    """Return `inventory` with files added or replaced; all content counts as captured text."""
    return replace(
        inventory,
        members={
            **inventory.members,
            **{path: Member(path, Kind.FILE, size=len(files[path])) for path in files},
        },
        sha256={**inventory.sha256, **{path: sha256(content) for path, content in files.items()}},
        texts={**inventory.texts, **files},
        **more,
    )


def with_members(inventory: Inventory, *members: Member) -> Inventory:
    """Return `inventory` with members that have no content."""
    return replace(inventory, members={**inventory.members, **{member.path: member for member in members}})


def without(inventory: Inventory, path: str) -> Inventory:
    """Return `inventory` without the file at `path`."""
    members = {name: member for name, member in inventory.members.items() if name != path}
    texts = {name: text for name, text in inventory.texts.items() if name != path}
    return replace(inventory, members=members, texts=texts)


def with_claims(inventory: Inventory, *claims: RecordedFile) -> Inventory:
    """Return `inventory` with files claimed by the record of python."""
    kernel, python = inventory.records
    return replace(inventory, records=(kernel, replace(python, files=(*python.files, *claims))))


def with_packages(inventory: Inventory, *packages: Package) -> Inventory:
    """Return `inventory` with packages added to its spec."""
    return replace(inventory, spec=Spec(inventory.spec.platform, (*inventory.spec.packages, *packages)))


def with_kernel(inventory: Inventory, content: bytes, name: str = "python3") -> Inventory:
    """Return `inventory` with another kernel.json, which no record is asked about."""
    return with_files(inventory, {f"share/jupyter/kernels/{name}/kernel.json": content})


def with_prefixes(inventory: Inventory, *prefixed: Prefixed) -> Inventory:
    """Return `inventory` with files whose prefix is to be rewritten."""
    return replace(inventory, prefixed=(*inventory.prefixed, *prefixed))


def from_pip(inventory: Inventory, name: str, files: Mapping[str, bytes], **metadata: bytes) -> Inventory:
    """Return `inventory` with a distribution that pip installed, its RECORD included.

    `metadata` are more files of the dist-info folder, such as `direct_url`.
    """
    folder = f"{SITE}/{name}-1.0.dist-info"
    written = {**files, f"{folder}/METADATA": b"Name: x\n", f"{folder}/INSTALLER": b"pip\n"}
    written |= {f"{folder}/{file}.json": content for file, content in metadata.items()}
    rows = [
        f"{_relative(path)},sha256={_base64(content)},{len(content)}" for path, content in written.items()
    ]
    rows.append(f"{name}-1.0.dist-info/RECORD,,")
    return with_files(inventory, {**written, f"{folder}/RECORD": "\n".join(rows).encode()})


def _relative(path: str) -> str:
    return path.removeprefix(f"{SITE}/") if path.startswith(SITE) else f"../../../{path}"


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def found(rule: str, inventory: Inventory, host: Host = HOST, **policy: Any) -> tuple[Finding, ...]:
    """Return the findings of one rule."""
    verdict = evaluate(inventory, Policy(rules=(rule,), **policy), host)
    assert all(finding.rule == rule for finding in verdict.findings), verdict.findings
    return verdict.findings


def judged(inventory: Inventory, host: Host = HOST) -> list[str]:
    """Return the rules of which the default policy has findings."""
    return [finding.rule for finding in evaluate(inventory, DEFAULT, host).findings]
