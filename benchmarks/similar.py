"""Ten similar environments in one store, without packing ten times half a gigabyte.

Two are real packs. The others are made from the first as a maintainer would change it,
file by file: packages that the second pack has in another version are taken from it, or
a package is left out with all its files. Each has its own path, so every file that
carries the path differs, as it does between real releases. They are received like any
other image, each content verified.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from jupyter_envguard.image import Documents, Image, Line, Manifest
from jupyter_envguard.spec import canonical_json
from jupyter_envguard.store import Delivery, Gathering, Store

CHUNK = 1024 * 1024


class Similar:
    """Makes images in `store` that are like `first`; some have what `following` has newer."""

    def __init__(self, store: Store, first: Image, following: Image) -> None:
        self._store = store
        self._first = first
        self._following = following
        self._packages = packages(first)
        self._newer = packages(following)
        self._changed = [name for name in sorted(self._newer) if self._is_other(name)]
        self._carriers = set(carriers(first)) | set(carriers(following))

    def make(self, count: int) -> Iterator[Image]:
        """Yield so many images, no two of them with the same packages."""
        by_size = sorted(self._packages, key=lambda name: (len(self._packages[name]), name))
        small = [name for name in by_size if name not in self._changed]
        for number in range(count):
            taken = self._changed[number % len(self._changed)] if self._changed else ""
            yield self._make(number, taken, small[number // 2])

    def _make(self, number: int, taken: str, left_out: str) -> Image:
        pack = hashlib.sha256(f"{self._first.pack} {number}".encode()).hexdigest()
        prefix = self._store.path_of(f"sha256:{pack}")
        gone = self._packages[left_out] | self._packages.get(taken, set())
        added = self._newer.get(taken, set())
        lines: dict[str, tuple[Line, Path]] = {}
        for image, wanted in (
            (self._first, lambda path: path not in gone),
            (self._following, added.__contains__),
        ):
            for line in image.manifest.lines:
                if line.kind == "d" or wanted(line.path):
                    lines[line.path] = line, image.path / line.path
        carried = {
            path: self._moved(*found, prefix) for path, found in lines.items() if path in self._carriers
        }
        final = tuple(carried[p][0] if p in carried else lines[p][0] for p in sorted(lines))
        header = replace(self._first.manifest.header, prefix=str(prefix), pack=f"sha256:{pack}")
        return self._receive(
            Manifest(header, final), lines, {line.content: content for line, content in carried.values()}
        )

    def _moved(self, line: Line, path: Path, prefix: Path) -> tuple[Line, bytes]:
        """Return `line` and its content with the path of the new image, which is as long."""
        content = path.read_bytes()
        for image in (self._first, self._following):
            content = content.replace(image.path.name.encode(), prefix.name.encode())
        return line._replace(content=hashlib.sha256(content).hexdigest()), content

    def _receive(
        self, manifest: Manifest, lines: dict[str, tuple[Line, Path]], carried: dict[str, bytes]
    ) -> Image:
        spec = (self._first.meta / "spec.json").read_bytes()
        digests = {
            "pack": manifest.header.pack,
            "manifest": manifest.digest(),
            "spec": self._first.spec_digest,
        }
        record = canonical_json(digests | {"format": "tar.gz", "size": 0})
        sources = {line.content: path for line, path in lines.values()}

        def fill(delivery: Gathering) -> None:
            assert isinstance(delivery, Delivery)
            for wanted in delivery.missing():
                content = carried.get(wanted.sha256)
                delivery.put(
                    wanted, (sources[wanted.sha256].read_bytes(),) if content is None else (content,)
                )

        return self._store.receive(Documents(manifest, manifest.canonical(), spec, record), fill)

    def _is_other(self, name: str) -> bool:
        """Tell whether both packs have the package, in other versions: its record is named after that."""
        records = {path for path in self._packages.get(name, ()) if path.startswith("conda-meta/")}
        return bool(records) and records.isdisjoint(self._newer[name])


def packages(image: Image) -> dict[str, set[str]]:
    """Return the files of every package by its name, byte code and record with them."""
    there = {line.path for line in image.manifest.lines}
    found: dict[str, set[str]] = {}
    for path in sorted(path for path in there if path.startswith("conda-meta/") and path.endswith(".json")):
        record = json.loads((image.path / path).read_bytes())
        files = {path, *record["files"]}
        compiled = {code_of(file) for file in files if file.endswith(".py")}
        found[record["name"]] = (files | compiled) & there
    return found


def code_of(source: str) -> str:
    folder, _, name = source.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-311.pyc"


def carriers(image: Image) -> Iterator[str]:
    """Yield the paths of the files that have the path of the image in them."""
    name = image.path.name.encode()
    for line in image.manifest.lines:
        if line.kind == "f" and line.size >= len(name) and name in (image.path / line.path).read_bytes():
            yield line.path


def room(root: Path, names: list[str]) -> tuple[int, int]:
    """Return bytes and inodes that the images called `names` take, with their documents and objects."""
    seen: set[int] = set()
    size = 0
    for start in (
        *(root / name for name in names),
        *(root / ".meta" / name for name in names),
        root / ".objects",
    ):
        for folder, folders, files in os.walk(start):
            for name in (".", *folders, *files):
                there = os.lstat(f"{folder}/{name}")
                if there.st_ino not in seen:
                    seen.add(there.st_ino)
                    size += there.st_blocks * 512
    return size, len(seen)


def room_of_trees(root: Path, names: list[str]) -> tuple[int, int]:
    """Return bytes and inodes that the images called `names` would take if they shared nothing."""
    size = inodes = 0
    for name in names:
        for folder, folders, files in os.walk(root / name):
            inodes += len(folders) + len(files)
            size += sum(os.lstat(f"{folder}/{each}").st_blocks * 512 for each in (*folders, *files))
    return size, inodes
