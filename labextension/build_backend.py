"""The PEP 517 backend: setuptools, once a true bundle of the panel lies in `dist/`.

`setup.cfg` lists the bundle by glob, and setuptools expands globs before any
command runs; a `cmdclass` that bundles comes too late and ships a wheel without
JavaScript. Hence a backend: it bundles first, then lets setuptools start.

A bundle ships only if it is *true*: complete, made for production, and made
from the very sources that lie beside it. `dist/build.json` records the digest of
those sources, so a bundle left over from yesterday is made anew. An sdist carries
the sources and the bundle, and therefore installs on a machine without Node.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  (the hooks that are not wrapped below)
from setuptools.dist import Distribution

HERE = Path(__file__).resolve().parent
DIST = HERE / "dist"
RECORD = DIST / "build.json"
SOURCES = ("package.json", "package-lock.json", "tsconfig.json", "src", "style", "schema")
BUNDLER = ["jupyter-builder>=1.3,<2"]
INSTALL = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
BUILD = ["npm", "run", "build:prod"]

# setuptools' editable_wheel asks the distribution for `has_data`, but the method is called
# `has_data_files`: without the alias `pip install -e` silently drops every data file.
Distribution.has_data = Distribution.has_data_files


class BundleError(SystemExit):
    """The panel cannot be shipped as it is; the text says why and what to do."""


def digest_of_sources() -> str:
    """Return the digest of everything that the bundle is made from."""
    found = hashlib.sha256()
    for path in sorted(_files(SOURCES)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        found.update(f"{content}  {path.relative_to(HERE).as_posix()}\n".encode())
    return "sha256:" + found.hexdigest()


def problem() -> str:
    """Return in one sentence why `dist/` must not ship, or nothing if it may."""
    entries = sorted(path.name for path in DIST.glob("static/remoteEntry*.js"))
    if len(entries) != 1 or not (DIST / "package.json").is_file():
        return f"labextension/dist has no complete bundle ({len(entries)} remoteEntry files)."
    if any(DIST.rglob("*.map")) or not (DIST / "static" / "third-party-licenses.json").is_file():
        return "labextension/dist holds a development build."
    built = json.loads((DIST / "package.json").read_text("utf-8"))["jupyterlab"]["_build"]
    if built["load"] != f"static/{entries[0]}":
        return f"labextension/dist/package.json loads {built['load']}, which is not there."
    if not RECORD.is_file() or json.loads(RECORD.read_text("utf-8")) != _record():
        return "labextension/dist was not built from the sources beside it; it is stale."
    return ""


def bundle() -> None:
    """Make `dist/` anew with npm unless it is true already, and refuse to go on if it is not."""
    with _alone():
        found = problem()
        if not found:
            return
        if not shutil.which("npm"):
            raise BundleError(
                f"{found}\nnpm is needed to build it: install Node.js 20.19 or newer, then retry."
            )
        for leftover in (DIST, HERE / "lib"):
            shutil.rmtree(leftover, ignore_errors=True)
        if not _is_installed():
            _run(INSTALL)
        _run(BUILD)
        RECORD.write_text(json.dumps(_record(), indent=2) + "\n", "utf-8")
        if found := problem():
            raise BundleError(f"{found}\nThe build ended without an error, yet its result cannot ship.")


def get_requires_for_build_sdist(config_settings: object = None) -> list[str]:  # noqa: ARG001 - PEP 517's
    """Ask for the bundler only where a bundle must be made."""
    return BUNDLER if problem() else []


get_requires_for_build_wheel = get_requires_for_build_editable = get_requires_for_build_sdist


def _bundled(build: Callable[..., str]) -> Callable[..., str]:
    """Wrap a setuptools hook so that it finds the bundle in place."""

    @functools.wraps(build)
    def hook(*arguments: object, **settings: object) -> str:
        bundle()
        return build(*arguments, **settings)

    return hook


build_sdist = _bundled(build_meta.build_sdist)
build_wheel = _bundled(build_meta.build_wheel)
build_editable = _bundled(build_meta.build_editable)


def _record() -> dict[str, str]:
    return {"mode": "production", "sources": digest_of_sources()}


def _files(names: tuple[str, ...]) -> Iterator[Path]:
    """Yield the source files; what an editor hides beside them is none."""
    for name in names:
        found = [HERE / name] if (HERE / name).is_file() else (HERE / name).rglob("*")
        yield from (path for path in found if path.is_file() and not path.name.startswith("."))


def _is_installed() -> bool:
    """Whether `node_modules` came to be after the lock; npm writes the file that is asked for last."""
    done, lock = HERE / "node_modules" / ".package-lock.json", HERE / "package-lock.json"
    return done.is_file() and done.stat().st_mtime >= lock.stat().st_mtime


def _run(command: list[str]) -> None:
    # Scripts of the environment that builds come last on PATH: with `--no-build-isolation`
    # nobody has put its `jupyter-builder` there.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    done = subprocess.run(command, cwd=HERE, env={**os.environ, "PATH": path}, check=False)
    if done.returncode:
        raise BundleError(
            f"`{' '.join(command)}` failed in labextension/ (exit {done.returncode}); see above."
        )


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the folder, so that two builds of one tree do not delete each other's bundle."""
    with (HERE / ".build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
