"""Makes conda environments from a local channel and packs them, with py-rattler and conda-pack."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rattler import Channel, MatchSpec, RepoDataRecord, VirtualPackage, install, solve

from demo.condapkg import EPOCH
from demo.cpython import SITE_PACKAGES, TAG
from demo.recipes import Recipe

FORMATS = ("tar.gz", "tar.zst", "tar", "tar.bz2", "tar.xz", "zip", "squashfs")
"""What conda-pack writes and EnvGuard reads."""


def make(prefix: Path, recipe: Recipe, channel: Path, wheelhouse: Path, packages: Path) -> None:
    """Solve `recipe` and install it at `prefix`, through the package cache `packages`.

    `prefix` and `packages` are absolute: py-rattler writes them into files as they are.
    """
    asyncio.run(_install(prefix, recipe, channel, packages))
    (prefix / "CACHEDIR.TAG").unlink(missing_ok=True)  # rattler's mark; backups would skip the environment
    _compile_noarch(prefix)
    for requirement in recipe.pip:
        _pip(prefix, wheelhouse, requirement)
    if recipe.edit:
        _edit(prefix / SITE_PACKAGES / recipe.edit, packages, recipe.edit)


def pack(prefix: Path, archive: Path, form: str) -> None:
    """Write the environment at `prefix` to `archive` in one of the `FORMATS`.

    The package cache must still be there: conda-pack takes files that carry the
    prefix from it, and goes on without a word when it is gone.
    """
    words = [
        "--prefix",
        str(prefix),
        "--output",
        str(archive),
        "--format",
        form,
        "--n-threads",
        "-1",
        "--quiet",
    ]
    if form == "zip":
        words.append("--zip-symlinks")
    command = [sys.executable, "-c", "from conda_pack.cli import main; main()", *words]
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"  # where Debian's mksquashfs may be
    done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    if done.returncode or not archive.is_file():
        raise RuntimeError(f"conda-pack could not write {archive.name}: {done.stderr.strip()}")
    if "package cache" in done.stderr:
        raise RuntimeError(f"conda-pack did not find the package cache: {done.stderr.strip()}")
    archive.chmod(0o644)  # conda-pack leaves it to its maker alone


async def _install(prefix: Path, recipe: Recipe, channel: Path, packages: Path) -> None:
    records = await solve(
        sources=[Channel(channel.as_uri())],
        specs=list(recipe.specs),
        virtual_packages=VirtualPackage.detect(),
    )
    await install(
        records,
        target_prefix=prefix,
        cache_dir=packages,
        show_progress=False,
        # py-rattler 0.28 wants the object inside: a MatchSpec is a TypeError
        requested_specs=[MatchSpec(spec)._match_spec for spec in recipe.specs],
    )
    _write_history(prefix, recipe.specs, records)


def _write_history(prefix: Path, specs: Sequence[str], records: Sequence[RepoDataRecord]) -> None:
    """Write `conda-meta/history` as conda does; rattler leaves it empty."""
    urls = sorted(
        f"+{record.channel.rstrip('/')}/{record.subdir}::{record.name.normalized}-{record.version}-{record.build}"
        for record in records
        if record.channel
    )
    time = datetime.fromtimestamp(EPOCH, UTC).strftime("%Y-%m-%d %H:%M:%S")
    head = [
        f"==> {time} <==",
        f"# cmd: py-rattler install {' '.join(spec.replace(' ', '') for spec in specs)}",
    ]
    lines = [*head, *urls, f"# update specs: {json.dumps([spec.replace(' ', '') for spec in specs])}"]
    (prefix / "conda-meta/history").write_text("\n".join(lines) + "\n")


def _compile_noarch(prefix: Path) -> None:
    """Compile what `noarch` packages brought, and record it, as conda does.

    rattler does neither, and conda-pack leaves out byte code that no record names.
    """
    command = [
        str(prefix / "bin/python"),
        "-I",
        "-m",
        "compileall",
        "-q",
        "-j",
        "0",
        str(prefix / SITE_PACKAGES),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(
            f"the Python of {prefix} could not compile its packages: {done.stdout}{done.stderr}"
        )
    for path in (prefix / "conda-meta").glob("*.json"):
        record = json.loads(path.read_text())
        if record.get("noarch") == "python":
            _record_bytecode(prefix, record)
            path.write_text(json.dumps(record, indent=2))


def _record_bytecode(prefix: Path, record: dict[str, Any]) -> None:
    for source in [name for name in record["files"] if name.endswith(".py")]:
        folder, _, name = source.rpartition("/")
        cached = f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-{TAG}.pyc"
        if (prefix / cached).is_file():
            record["files"].append(cached)
            record["paths_data"]["paths"].append({"_path": cached, "path_type": "pyc_file"})


def _pip(prefix: Path, wheelhouse: Path, requirement: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(prefix / "bin/python"),
        "--disable-pip-version-check",
    ]
    options = [
        "--quiet",
        "--no-index",
        "--no-deps",
        "--root-user-action=ignore",
        "--find-links",
        str(wheelhouse),
    ]
    done = subprocess.run(
        [*command, "install", *options, requirement], capture_output=True, text=True, env=_clean_environment()
    )
    if done.returncode:
        raise RuntimeError(f"pip could not install {requirement} into {prefix}: {done.stderr.strip()}")


def _clean_environment() -> dict[str, str]:
    foreign = ("PIP_", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"PIP_CONFIG_FILE": os.devnull, "PYTHONNOUSERSITE": "1"}


def _edit(installed: Path, packages: Path, name: str) -> None:
    """Change one byte of a file, in the environment and in the package cache, and leave its size and time.

    conda-pack reads either, so both are edited; the records keep the old hash.
    """
    for path in (installed, *packages.glob(f"*/site-packages/{name}")):
        before, status = path.read_bytes(), path.stat()
        at = before.index(b"#") + 1  # within a comment
        changed = b"!" if before[at : at + 1] != b"!" else b"?"
        path.unlink()  # it may be one file under both names
        path.write_bytes(before[:at] + changed + before[at + 1 :])
        path.chmod(status.st_mode & 0o777)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
