"""Where things lie below the root of a store, and whether the root is a good place for one."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.spec import check_digest
from jupyter_envguard.store.mounts import kind_of

ROOT_BYTES = 120
"""Longest root: binaries reserve 255 bytes for a prefix, and scripts can start with 127."""

NAME_DIGITS = 32
"""Hexadecimal digits of the pack's digest in the name of an image: 128 bits."""

NETWORKED = frozenset({"9p", "afs", "ceph", "cifs", "fuse.sshfs", "lustre", "nfs", "nfs4", "smb3"})
"""File systems that machines share."""

_ROOT = re.compile(r"(/[A-Za-z0-9._+@=~-]+)+\Z")
_NAME = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True, slots=True)
class Weakness:
    """Something about the place of a store that lets others than its owner in, or keeps users out."""

    path: str
    """The folder that it is about."""
    message: str
    """What is wrong, in one sentence."""
    fix: str
    """What to do about it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of the store at `root`; raises `store-root-invalid` for a path that can be no root."""

    root: Path
    """Images lie right here, under their names."""

    def __post_init__(self) -> None:
        text = str(self.root)
        if len(text) > ROOT_BYTES or not _ROOT.match(text) or ".." in self.root.parts:
            raise InvalidInput(
                "store-root-invalid",
                f"{text!r} cannot be the root of a store.",
                f"Name an absolute path of at most {ROOT_BYTES} letters, digits and . _ + @ = ~ -; "
                "it is written into the files of every environment.",
            )

    @property
    def meta(self) -> Path:
        """A folder for each image, with its documents and its lease."""
        return self.root / ".meta"

    @property
    def objects(self) -> Path:
        """Contents of files by their hash, shared by the images."""
        return self.root / ".objects"

    @property
    def forms(self) -> Path:
        """One-file forms of images, to be mounted."""
        return self.root / ".forms"

    @property
    def staging(self) -> Path:
        """The only place where anything is half-made."""
        return self.root / ".staging"

    @property
    def locks(self) -> Path:
        """Locks of those who change something."""
        return self.root / ".locks"

    @property
    def trash(self) -> Path:
        """What is still to be deleted."""
        return self.root / ".trash"

    @property
    def quarantine(self) -> Path:
        """What was tampered with, kept for whoever finds out why."""
        return self.root / ".quarantine"

    @property
    def kept(self) -> Path:
        """What imports and fetches that were ended have left for the next attempt."""
        return self.root / ".kept"

    def folders(self) -> tuple[tuple[Path, int], ...]:
        """Return every folder below the root with its mode."""
        return (
            (self.meta, 0o755),
            (self.objects, 0o755),
            (self.forms, 0o755),
            (self.staging, 0o755),
            (self.locks, 0o700),
            (self.trash, 0o700),
            (self.quarantine, 0o700),
            (self.kept, 0o700),
        )

    def path_of(self, pack_digest: str) -> Path:
        """Return where the image of the pack lies or would lie: the same on every machine with this root."""
        return self.root / check_digest(pack_digest, "pack digest")[7 : 7 + NAME_DIGITS]

    def check(self) -> None:
        """Raise `store-root-invalid` or `store-root-unsafe` unless the root, which exists, is good."""
        if self.root.resolve() != self.root:
            raise InvalidInput(
                "store-root-invalid",
                f"{self.root} is reached through a symbolic link; it is really {self.root.resolve()}.",
                "Name the real path as the root of the store: it is written into every environment.",
            )
        if self.root.stat().st_mode & stat.S_IWOTH:
            raise InvalidInput(
                "store-root-unsafe",
                f"Everybody may write to {self.root}, so nothing in it could be trusted.",
                f"chmod o-w {self.root}",
            )

    def weaknesses(self) -> tuple[Weakness, ...]:
        """Return what is wrong with the place, for a person who sets up a machine."""
        folders = [folder for folder in (*reversed(self.root.parents), self.root) if os.path.lexists(folder)]
        if self.root not in folders:
            return (Weakness(str(self.root), "It does not exist.", "Import a pack, which makes it."),)
        owner = self.root.stat().st_uid
        found = [weakness for folder in folders for weakness in _weaknesses_of(folder, owner)]
        if os.statvfs(self.root).f_flag & os.ST_NOEXEC:
            message = "Its file system is mounted noexec, so nothing starts from it."
            found.append(Weakness(str(self.root), message, "Mount it without noexec."))
        if (kind := kind_of(self.root)) in NETWORKED:
            message = f"Its file system ({kind}) is shared by machines, on which locks may not hold."
            found.append(
                Weakness(str(self.root), message, "Put the store on a local disk, and fetch from there.")
            )
        return tuple(found)


def is_name(text: str) -> bool:
    """Tell whether `text` can be the name of an image."""
    return _NAME.match(text) is not None


def _weaknesses_of(folder: Path, owner: int) -> Iterator[Weakness]:
    there = folder.lstat()
    if stat.S_ISLNK(there.st_mode):
        yield Weakness(str(folder), "It is a symbolic link.", "Name the real path as the root of the store.")
        return
    if there.st_uid not in (0, owner):
        message = f"It belongs to uid {there.st_uid}, who can replace what is below."
        yield Weakness(str(folder), message, f"chown root {folder}")
    sticky = there.st_mode & stat.S_ISVTX
    for bit, who, fix in ((stat.S_IWOTH, "Everybody", "o-w"), (stat.S_IWGRP, f"Group {there.st_gid}", "g-w")):
        if there.st_mode & bit and not sticky:
            yield Weakness(str(folder), f"{who} can replace what is below.", f"chmod {fix} {folder}")
    if not there.st_mode & stat.S_IXOTH:
        yield Weakness(str(folder), "Users cannot reach what is below.", f"chmod o+x {folder}")
