"""What a pack holds, as read and never executed: members, records, and the spec.

`pack` makes an `Inventory` in one bounded pass over the archive; `policy` judges
it; `image` is built from the same archive. The three never import each other,
they share these values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from jupyter_envguard.spec import Spec


class Kind(StrEnum):
    """The four kinds of member that a pack may hold."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"


@dataclass(frozen=True, slots=True)
class Member:
    """One path in a pack, already checked: relative, normal, without surprises."""

    path: str
    """Path relative to the environment, `/` between parts, no `.` or `..`."""
    kind: Kind
    """What it is."""
    mode: int = 0o644
    """Permission bits as archived (never setuid, setgid or sticky)."""
    size: int = 0
    """Bytes of content; 0 unless it is a file."""
    target: str = ""
    """For a symlink the text of the link, for a hard link the other member's path."""
    mtime: int = 0
    """Seconds since the epoch as archived; 0 from a zip, which has local time only."""


@dataclass(frozen=True, slots=True)
class Prefixed:
    """A file that carries a prefix which must be rewritten."""

    path: str
    """Path of the file in the environment."""
    placeholder: str
    """The prefix that stands in the file now."""
    mode: str
    """`text` or `binary`."""


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """What a conda record claims about one of its files."""

    path: str
    """Path relative to the environment."""
    sha256: str = ""
    """Bare hex hash of the file as packaged, empty when the record has none."""
    sha256_in_prefix: str = ""
    """Bare hex hash of the file as installed where it was built, often absent."""
    size: int = 0
    """Bytes as packaged; 0 when unknown."""
    kind: str = "hardlink"
    """conda's `path_type`: hardlink, softlink, directory, pyc_file, …"""
    placeholder: str = ""
    """`prefix_placeholder`, empty when the file carries no prefix."""
    mode: str = ""
    """`file_mode` of the placeholder: text, binary or empty."""


@dataclass(frozen=True, slots=True)
class CondaRecord:
    """One `conda-meta/*.json`, the parts that we use."""

    path: str
    """Where the record lies, such as `conda-meta/numpy-2.2.6-py311_0.json`."""
    name: str
    """Package name as the record states it."""
    version: str
    """Version as the record states it."""
    build: str
    """Build string as the record states it."""
    subdir: str
    """Subdir as the record states it."""
    files: tuple[RecordedFile, ...]
    """Every path it claims."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that one pass over a pack found out."""

    digest: str
    """`sha256:` digest of the archive's bytes."""
    size: int
    """Bytes of the archive."""
    format: str
    """`tar`, `tar.gz`, `tar.bz2`, `tar.xz`, `tar.zst`, `zip` or `squashfs`."""
    members: Mapping[str, Member]
    """Every member by path, in archive order, parents included where listed."""
    sha256: Mapping[str, str]
    """Bare hex hash of the content as archived, of every file and hard link."""
    spec: Spec
    """The spec read from the records."""
    records: tuple[CondaRecord, ...]
    """The conda records, sorted by path."""
    prefixed: tuple[Prefixed, ...] = ()
    """Prefixes to rewrite, from conda-pack's own records and from `paths_data`."""
    build_prefix: str = ""
    """The prefix the environment had where it was packed, empty when unknown."""
    texts: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    """Content of the small files that rules look at (.pth, kernel.json, dist-info, …)."""
    machines: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """ELF files by path: `x86_64`, `aarch64`, or `elf:<number>` for anything else."""
    leaks: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Files that hold the build prefix though no record says so, with the prefix found.

    Records below `conda-meta` and byte code in `__pycache__` are left out: neither
    is used as it is.
    """
    placeholders: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Files that hold a placeholder of conda though no record says so, with the longest path found."""
    foreign: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Programs, libraries and settings that name a folder of a person, with the longest path found."""

    @property
    def python_version(self) -> str:
        """Version of the `python` package, empty when the pack has none."""
        found = self.spec.find("python")
        return found.version if found else ""

    def kernel_specs(self) -> dict[str, Any]:
        """Return the names of kernels the pack brings along, by path of their kernel.json."""
        return {
            path.split("/")[-2]: path
            for path in self.texts
            if path.startswith("share/jupyter/kernels/")
            and path.count("/") == 4
            and path.endswith("/kernel.json")
        }
