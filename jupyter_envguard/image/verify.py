"""Compare a tree on a disk with its manifest, and name every path that differs.

`full` reads every byte. `stat` reads none: it sees what was added, removed,
replaced, re-moded or given another owner or size, and every change of content
by somebody who did not set the time back, which takes intent and the owner's
rights. Neither follows a link, neither trusts anything in the tree.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from jupyter_envguard.files import explained
from jupyter_envguard.image.manifest import PERMISSIONS, Line, Manifest

VerifyMode = Literal["full", "stat"]
Problem = Literal["missing", "extra", "type", "mode", "owner", "link", "changed"]
Hashes = Mapping[tuple[int, int], str]
"""Bare hex hashes of files by device and inode."""

BIG_BYTES = 256 * 1024
"""From this size on hashing a file in another thread pays; below it threads only wait for each other."""

MOST_THREADS = 8
"""Files hashed at a time, on machines that have as many cores."""

_CHUNK = 1024 * 1024
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which a path is not as the manifest says."""

    path: str
    """Path below the prefix, `.` for the root of the tree."""
    problem: Problem
    """`missing`, `extra`, other `type`, `mode`, `owner` or `link` target, or `changed` content."""
    detail: str
    """What was expected and what is there, for a person."""


def verify(
    root: Path,
    manifest: Manifest,
    mode: VerifyMode = "full",
    *,
    owner: int | None = None,
    hashes: Hashes = MappingProxyType({}),
) -> tuple[Finding, ...]:
    """Return every difference between the tree at `root` and `manifest`, sorted by path.

    `owner` is the uid that everything has to belong to, by default that of
    `root`. `hashes` are those of files that were read a moment ago and are not read
    again. Raises `file-not-found` when `root` is gone, and `permission-denied`
    or `io-error` when it cannot be read: then nothing is known.
    """
    with explained(f"verify {root}"):
        top = os.lstat(root)
        found = [*_differences(".", _ROOT, top, top.st_uid if owner is None else owner)]
        if stat.S_ISDIR(top.st_mode):
            check = _Check(root, manifest, mode, top.st_uid if owner is None else owner, hashes)
            found += check.run()
    return tuple(sorted(found, key=lambda finding: (finding.path, finding.problem)))


_ROOT = Line(".", "d", "x", 0, "")
_TYPES = {"f": stat.S_IFREG, "d": stat.S_IFDIR, "l": stat.S_IFLNK}
_FILE_MODES = {mode: stat.S_IFREG | bits for mode, bits in PERMISSIONS.items()}
_FOLDER_MODE = stat.S_IFDIR | PERMISSIONS["x"]
_NAMES = {stat.S_IFREG: "a file", stat.S_IFDIR: "a folder", stat.S_IFLNK: "a symbolic link"}


class _Check:
    """One walk over a tree."""

    def __init__(self, root: Path, manifest: Manifest, mode: VerifyMode, owner: int, hashes: Hashes) -> None:
        self._root = str(root)
        self._expected = {line.path: line for line in manifest.lines}
        self._mtime_ns = manifest.header.seal.mtime * 10**9
        self._full = mode == "full"
        self._owner = owner
        self._hashes = hashes
        self._to_read: list[Line] = []

    def run(self) -> list[Finding]:
        found = [*self._walk("")]
        found += [Finding(line.path, "missing", "It is not there.") for line in self._expected.values()]
        found += self._read()
        return found

    def _walk(self, folder: str) -> Iterator[Finding]:
        below = f"{folder}/" if folder else ""
        inner = []
        with _entries(f"{self._root}/{folder}") as entries:
            for entry in entries:
                path = below + entry.name
                line = self._expected.pop(path, None)
                there = entry.stat(follow_symlinks=False)
                if line is None:
                    yield Finding(
                        _readable(path), "extra", f"The manifest knows no such path; {_name(there)} is there."
                    )
                    continue
                if not self._is_as_sealed(line, there):
                    yield from self._compare(path, line, there)
                if line.kind == "d" and entry.is_dir(follow_symlinks=False):
                    inner.append(path)
        for path in inner:
            yield from self._walk(path)

    def _is_as_sealed(self, line: Line, there: os.stat_result) -> bool:
        """Tell at one glance what holds for nearly every path: there is nothing more to look at."""
        if line.kind == "f":
            return (
                there.st_mode == _FILE_MODES[line.mode]
                and there.st_size == line.size
                and there.st_mtime_ns == self._mtime_ns
                and there.st_uid == self._owner
                and not self._full
            )
        return line.kind == "d" and there.st_mode == _FOLDER_MODE and there.st_uid == self._owner

    def _compare(self, path: str, line: Line, there: os.stat_result) -> Iterator[Finding]:
        yield from _differences(path, line, there, self._owner)
        if stat.S_IFMT(there.st_mode) != _TYPES[line.kind]:
            return
        if line.kind == "l":
            target = os.readlink(f"{self._root}/{path}")  # noqa: PTH115 - thousands of them
            if target != line.content:
                yield Finding(path, "link", f"It points to {target!r}, expected {line.content!r}.")
        elif line.kind == "f":
            if there.st_size != line.size:
                yield Finding(path, "changed", f"It has {there.st_size} bytes, expected {line.size}.")
            elif self._full and self._hashes.get((there.st_dev, there.st_ino)) == line.content:
                return
            elif self._full:
                self._to_read.append(line)
            elif there.st_mtime_ns != self._mtime_ns:
                yield Finding(path, "changed", "It was written to after it was sealed.")

    def _read(self) -> list[Finding]:
        big = [line for line in self._to_read if line.size >= BIG_BYTES]
        small = [line for line in self._to_read if line.size < BIG_BYTES]
        threads = min(len(os.sched_getaffinity(0)), MOST_THREADS)
        with ThreadPoolExecutor(threads) as pool:
            # this thread has the small ones, the others share the big ones
            slices = [pool.submit(self._hash, big[start::threads]) for start in range(threads)]
            found = self._hash(small)
            for each in slices:
                found += each.result()
        return found

    def _hash(self, lines: Sequence[Line]) -> list[Finding]:
        return [
            Finding(line.path, "changed", "Its content is not the approved one.")
            for line in lines
            if _sha256(f"{self._root}/{line.path}") != line.content
        ]


@contextlib.contextmanager
def _entries(folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    """Yield what is in `folder`; each is looked at from there, so that long paths are not walked anew."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with os.scandir(handle) as entries:
            yield entries
    finally:
        os.close(handle)


def _differences(path: str, line: Line, there: os.stat_result, owner: int) -> Iterator[Finding]:
    if stat.S_IFMT(there.st_mode) != _TYPES[line.kind]:
        yield Finding(path, "type", f"It is {_name(there)}, expected {_NAMES[_TYPES[line.kind]]}.")
        return
    if there.st_uid != owner:
        yield Finding(path, "owner", f"It belongs to uid {there.st_uid}, expected {owner}.")
    mode = stat.S_IMODE(there.st_mode)
    if line.kind != "l" and mode != PERMISSIONS[line.mode]:
        yield Finding(path, "mode", f"Its mode is {mode:04o}, expected {PERMISSIONS[line.mode]:04o}.")


def _name(there: os.stat_result) -> str:
    return _NAMES.get(stat.S_IFMT(there.st_mode), "something else")


def _readable(path: str) -> str:
    """Return `path` as text that every terminal and file takes, whatever bytes it was made of."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    handle = os.open(path, _FLAGS)
    try:
        while chunk := os.read(handle, _CHUNK):
            digest.update(chunk)
    finally:
        os.close(handle)
    return digest.hexdigest()
