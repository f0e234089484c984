"""Small environments for tests of images and the store, and what the tests do to them."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

from jupyter_envguard.image import Manifest, build
from jupyter_envguard.inventory import Inventory
from jupyter_envguard.pack import open_pack
from tests.packs import PLACEHOLDER, PackBuilder

LIBRARY = f"lib/python{sys.version_info.major}.{sys.version_info.minor}"
CACHE = f"__pycache__/{{}}.{sys.implementation.cache_tag}.pyc"


def environment(python: str = platform.python_version(), **more: Any) -> PackBuilder:
    """Return an environment with a Python of the version `python`, a module, a script and a binary."""
    library = "lib/python" + ".".join(python.split(".")[:2])
    pack = PackBuilder()
    pack.file("bin/python3", b"\x7fELF", mode=0o755)
    pack.symlink("bin/python", "python3")
    pack.file("bin/tool", b"#!/usr/bin/env python\nimport this\n", mode=0o755)
    pack.file(f"{library}/os.py", b"name = 'posix'\n")
    pack.file(f"{library}/site-packages/hello.py", b"def greet(name):\n    return f'hello {name}'\n")
    pack.file("lib/libfoo.so", b"\x7fELF\0" + PLACEHOLDER.encode() + b"/lib\0end", mode=0o755)
    prefixed = [("lib/libfoo.so", PLACEHOLDER, "binary")]
    pack.prefixes += prefixed
    pack.record("python", python, files=("bin/python3", f"{library}/os.py"), paths=prefixed, **more)
    return pack.file("conda-meta/history", b"# cmd: /home/builder/bin/conda create -n e\n")


def plain() -> PackBuilder:
    """Return an environment without Python, which is sealed without starting a compiler."""
    pack = PackBuilder().file("bin/R", b"#!/bin/sh\n", mode=0o755)
    pack.symlink("bin/Rscript", "R").file("share/doc/NEWS", b"nothing new\n")
    pack.file("lib/R/library.rds", bytes(range(256)) * 20)
    return pack.record("r-base", "4.4.1", files=("bin/R",))


def sealed(
    pack: PackBuilder, folder: Path, prefix: str = "/opt/envguard/e"
) -> tuple[Path, Manifest, Inventory]:
    """Build the tree of `pack` below `folder`; return where it is, its manifest and its inventory."""
    folder.mkdir(exist_ok=True)
    tree = folder / "tree"
    tree.mkdir()
    with open_pack(pack.write(folder, "tar")) as opened:
        inventory = opened.inventory()
        manifest = build(opened, inventory, tree, Path(prefix))
    tree.chmod(0o555)
    return tree, manifest, inventory


def content(tree: Path, path: str) -> bytes:
    return (tree / path).read_bytes()


def snapshot(tree: Path) -> dict[str, Any]:
    """Return everything that matters about every path below `tree`."""
    found = {}
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            there = os.lstat(path)
            inside = os.readlink(path) if os.path.islink(path) else None
            if os.path.isfile(path) and inside is None:
                inside = Path(path).read_bytes()
            found[os.path.relpath(path, tree)] = (there.st_mode, there.st_mtime, there.st_uid, inside)
    return found
