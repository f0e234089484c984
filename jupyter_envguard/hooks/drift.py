"""Looks after each cell whether the kernel still runs what was approved, and tells its server.

    foreign-package  an installed distribution outside the environment is imported
    shadowed-name    a module outside has the name of one inside
    foreign-native   a file outside is mapped as code

A user's own helper modules are none of these. Only what is new since the last look is
looked at, and nothing is put in the way of imports: a module that comes and goes within
one cell is not seen, nor is code without a file. It looks out for accidents, and is no
match for whoever hides.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from os import close, listdir, read  # bound now: a cell may replace them
from os import open as open_file
from os.path import abspath, basename, dirname, isfile, realpath
from typing import Any, NamedTuple

from . import report

SYSTEM = (
    *("/lib/", "/lib32/", "/lib64/", "/libx32/", "/usr/lib/", "/usr/lib32/", "/usr/lib64/", "/usr/libx32/"),
    *("/usr/local/cuda", "/usr/local/nvidia/"),
)
"""Libraries of the machine, which every program needs; their owner must be somebody else than the user."""
INSTALLED = ("site-packages", "dist-packages")
"""Folders that hold nothing but installed packages."""
EXECUTABLE = re.compile(rb"^\S+ ..x\S \S+ \S+ \S+ +(/.*)$", re.MULTILINE)
"""A line of `/proc/self/maps` about a file that is mapped as code."""
CODE_SIZE = re.compile(rb"^VmLib:\s*(\d+)", re.MULTILINE)
"""Where `/proc/self/status` says how much memory is mapped as code besides the program itself."""
MAX_LISTING_BYTES = 256 * 1024
"""Of a distribution's list of files, how much is read for the names of its modules."""
MOST_FINDINGS = 200
"""Findings of one kernel that are told."""

_OURS = dirname(realpath(__file__)) + "/"
_CHUNK = 1 << 20


class Finding(NamedTuple):
    """One thing that is not of the environment."""

    kind: str
    """Which kind, see above."""
    name: str
    """Distribution with its version, module, or file."""
    where: str
    """The path."""


class Watch:
    """What one process has loaded, and what of it was new at the last look."""

    def __init__(self) -> None:
        """Note where the environment lies, before anybody can say otherwise."""
        self._prefix = realpath(sys.prefix) + "/"
        self._home = (self._prefix, abspath(sys.prefix) + "/", _OURS)
        self._path = [realpath(entry) for entry in sys.path]
        self._loaded = sys.modules
        self._modules: dict[str, int] = {}
        self._mapped: set[bytes] = set()
        self._code_size = b""
        self._told: set[Finding] = set()
        self._approved: set[str] = set()
        self._distributions: dict[tuple[str, int], dict[str, str]] = {}

    def look(self) -> list[Finding]:
        """Return what was loaded since the last look and is not of the environment, each thing once."""
        found = dict.fromkeys([*self._new_modules(), *self._new_files()])
        new = [finding for finding in found if finding not in self._told]
        new = new[: MOST_FINDINGS - len(self._told)]
        self._told.update(new)
        return new

    def _new_modules(self) -> Iterator[Finding]:
        known = self._modules
        for name, module in list(self._loaded.items()):
            if known.get(name) != id(module):
                known[name] = id(module)
                for path in _origins(module):
                    if not self._is_inside(path):
                        yield from self._outside(str(name), abspath(path))

    def _new_files(self) -> Iterator[Finding]:
        # Listing what is mapped takes a millisecond or more; that something was is told in less than a tenth.
        size = CODE_SIZE.search(_read_all("/proc/self/status"))
        if size is not None and size[1] == self._code_size:
            return
        self._code_size = size[1] if size is not None else b""
        mapped = set(EXECUTABLE.findall(_read_all("/proc/self/maps")))
        for line in mapped - self._mapped:
            path = os.fsdecode(line)
            if not path.startswith(self._prefix) and not is_of_the_system(path):
                yield Finding("foreign-native", basename(path), path)
        self._mapped |= mapped

    def _is_inside(self, path: str) -> bool:
        # Nobody can put a link into the environment, so within it the text of a path is enough.
        if path.startswith(self._home) and "/../" not in path:
            return True
        return (realpath(dirname(path)) + "/").startswith((self._prefix, _OURS))

    def _outside(self, name: str, path: str) -> Iterator[Finding]:
        """Say what a module outside of the environment is; nothing for a user's own."""
        top, _, rest = name.partition(".")
        levels = rest.count(".") + bool(rest) + basename(path).startswith("__init__.")
        root = dirname(path)
        for _ in range(levels):
            root = dirname(root)
        if top in self._names():
            yield Finding("shadowed-name", top, root)
        elif top in self._installed(root):
            yield Finding("foreign-package", self._installed(root)[top], root)
        elif basename(root) in INSTALLED or _is_archive(root):
            yield Finding("foreign-package", top, root)

    def _names(self) -> set[str]:
        """Return the names of the environment's modules; listed when the first module comes from outside."""
        if not self._approved:
            inside = {entry for entry in self._path if (entry + "/").startswith(self._prefix)}
            self._approved.update(sys.builtin_module_names)
            for folder in inside:
                names = (name.partition(".")[0] for name in _listed(folder) if not name.endswith("-info"))
                self._approved.update(filter(str.isidentifier, names))
            self._approved.discard("__main__")
        return self._approved

    def _installed(self, root: str) -> dict[str, str]:
        """Return the distributions in the folder `root` by the names of their modules."""
        kept = root, _changed(root)  # packages come to folders from which something was imported before
        if kept not in self._distributions:
            self._distributions[kept] = dict(_modules_of_distributions(root))
        return self._distributions[kept]


def watch(shell: Any) -> None:
    """Look now and after each cell of IPython's `shell`; tell what is found, and now also that nothing is."""
    watching = Watch()

    def look(_result: Any = None, is_told: bool = False) -> None:
        try:
            found = watching.look()
            if found or is_told:
                _tell(found)
        except Exception:  # noqa: BLE001 - whatever a cell has done to this process, the next one runs
            return

    look(is_told=True)
    shell.events.register("post_run_cell", look)


def is_of_the_system(path: str) -> bool:
    """Tell whether the file at `path` is a library of the machine that this user cannot have written."""
    if not path.startswith(SYSTEM) or any(f"/{folder}/" in path for folder in INSTALLED):
        return False
    try:
        found = os.stat(path)
    except OSError:
        return False
    return not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and found.st_uid in (0, 65534)


def _tell(found: list[Finding]) -> None:
    """Tell each of the findings, or that there are none."""
    if not found:
        report.report(about="drift")
    for finding in found:
        report.report(
            about="drift", **{key: report.shortened(text) for key, text in finding._asdict().items()}
        )


def _origins(module: Any) -> Iterator[str]:
    """Yield the files that `module` says it comes from, without running anything of it."""
    try:
        # A lazy module would load itself if it were asked in the usual way.
        space = object.__getattribute__(module, "__dict__")
        claims = [space.get("__file__"), getattr(space.get("__spec__"), "origin", None)]
        found = [claim for claim in claims if isinstance(claim, str) and "/" in claim]
    except Exception:  # noqa: BLE001 - anything can be put into sys.modules
        return
    yield from found if found[:1] != found[1:] else found[:1]


def _modules_of_distributions(root: str) -> Iterator[tuple[str, str]]:
    for entry in _listed(root):
        stem, _, kind = entry.rpartition(".")
        if kind in ("dist-info", "egg-info"):
            shown = " ".join(stem.split("-")[:2])
            folder = os.path.join(root, entry)
            yield from ((name, shown) for name in _recorded(folder))
            yield stem.split("-")[0], shown


def _recorded(folder: str) -> Iterator[str]:
    """Yield the names of the modules that a distribution's own lists begin with."""
    for line in _text(os.path.join(folder, "top_level.txt")).splitlines():
        yield line.strip()
    for line in _text(os.path.join(folder, "RECORD")).splitlines():
        name = line.partition(",")[0].partition("/")[0].partition(".")[0]
        if name.isidentifier():
            yield name


def _is_archive(root: str) -> bool:
    """Tell whether `root` lies in a file, as the folders of a zip do."""
    while len(root) > 1 and not os.path.lexists(root):
        root = dirname(root)
    return isfile(root)


def _changed(folder: str) -> int:
    """Return when a name in `folder` last came or went."""
    try:
        return os.stat(folder).st_ctime_ns
    except OSError:
        return 0


def _listed(folder: str) -> list[str]:
    try:
        return listdir(folder)
    except OSError:
        return []


def _text(path: str) -> str:
    try:
        handle = open_file(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return read(handle, MAX_LISTING_BYTES).decode("utf-8", "replace")
        finally:
            close(handle)
    except OSError:
        return ""


def _read_all(path: str) -> bytes:
    handle, parts = open_file(path, os.O_RDONLY), []
    try:
        while part := read(handle, _CHUNK):
            parts.append(part)
    finally:
        close(handle)
    return b"".join(parts)
