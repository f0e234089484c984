"""The images on this machine: added whole or not at all, found by the digest of their pack.

>>> store = Store(Path("/opt/envguard"))
>>> image = store.add(pack)                       # doctest: +SKIP
>>> store.get(inventory.digest).python            # doctest: +SKIP
PosixPath('/opt/envguard/3f0c…/bin/python')

`Store` is the one interface to images. Below `root` lie

    <32 hex digits>/           an image: the environment itself, read-only
    .meta/<32 hex digits>/     manifest, spec.json, pack.json of that image
    .staging/ .locks/ .trash/  work of processes that add and remove

and renaming an image to its place is the commit: before it, nobody sees
anything; after it, everything is there and on the disk. The name of an image is
its prefix, so it is known before the image is. A lock for each name lets one
process at a time add or remove it, and falls when the process dies; whatever a
dead process left is then nobody's, and goes when the name is next worked on.
Readers take no lock and need no right to write.

Other ways to bring an image to its path (links into a shared store of objects,
mounts) belong behind these same methods; callers only know `Image`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from jupyter_envguard.errors import InvalidInput, NotFound, Unavailable, Untrusted
from jupyter_envguard.files import explained, locked, sync_folder
from jupyter_envguard.image import (
    Finding,
    Image,
    Owner,
    VerifyMode,
    build,
    is_recorded,
    read_image,
    verify,
    write_documents,
)
from jupyter_envguard.inventory import Inventory
from jupyter_envguard.pack import Pack, Progress
from jupyter_envguard.spec import check_digest

ROOT_BYTES = 120
"""Longest root: binaries reserve 255 bytes for a prefix, and scripts can start with 127."""

NAME_DIGITS = 32
"""Hexadecimal digits of the pack's digest in the name of an image: 128 bits."""

LOCK_SECONDS = 1800.0
"""How long to wait for another process that adds or removes the same image."""

MOST_REUSED = 4
"""Approved images whose byte code is looked through; each costs the time to read its manifest."""

_ROOT = re.compile(r"(/[A-Za-z0-9._+@=~-]+)+\Z")
_NAME = re.compile(r"[0-9a-f]{32}\Z")

__all__ = ["Image", "Store", "Weakness"]


@dataclass(frozen=True, slots=True)
class Weakness:
    """Something about the place of a store that lets others than its owner in, or keeps users out."""

    path: str
    """The folder that it is about."""
    message: str
    """What is wrong, in one sentence."""
    fix: str
    """What to do about it."""


class Store:
    """Images below `root`; raises `store-root-invalid` for a path that can be no root.

    Nothing is made before the first `add`. `lock_seconds` is how long `add` and
    `remove` wait for another process that works on the same image.
    """

    def __init__(self, root: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        text = str(root)
        if len(text) > ROOT_BYTES or not _ROOT.match(text) or ".." in root.parts:
            raise InvalidInput(
                "store-root-invalid",
                f"{text!r} cannot be the root of a store.",
                f"Name an absolute path of at most {ROOT_BYTES} letters, digits and . _ + @ = ~ -; "
                "it is written into the files of every environment.",
            )
        self.root = root
        self.lock_seconds = lock_seconds
        self._meta = root / ".meta"
        self._staging = root / ".staging"
        self._locks = root / ".locks"
        self._trash = root / ".trash"

    def path_of(self, pack_digest: str) -> Path:
        """Return where the image of the pack lies or would lie: the same on every machine with this root."""
        return self.root / check_digest(pack_digest, "pack digest")[7 : 7 + NAME_DIGITS]

    def add(
        self,
        pack: Pack,
        progress: Progress | None = None,
        *,
        approved: Mapping[str, str] = MappingProxyType({}),
    ) -> Image:
        """Make the image of `pack` unless it is there already, and return it.

        `progress` is called with bytes done and all bytes, from zero for each of
        the two passes. `approved` maps digests of packs to the digests of their
        manifests, as the signed catalog has them, the most similar first: from such
        images byte code of the same sources is taken, which saves half the work for
        the next release of an environment. The image comes out the same without.

        Raises the refusals of `build`, `store-root-unsafe`, `disk-full`,
        `permission-denied`, `io-error`, and `locked` when another process works on
        the same image for too long; then nothing is left half-made.
        """
        inventory = pack.inventory(progress)
        path = self.path_of(inventory.digest)
        with explained(f"add an image to {self.root}"):
            if not self._is_published(path.name):
                owner = self._prepare()
                with locked(self._locks / path.name, self.lock_seconds):
                    _give(self._locks / path.name, owner)
                    if not self._is_published(path.name):
                        self._clear(path.name)
                        self._make(pack, inventory, owner, progress, self._images(approved))
        return self.get(inventory.digest)

    def get(self, pack_digest: str) -> Image:
        """Return the image of the pack; raise `image-missing`, or `image-damaged` when its record is."""
        path = self.path_of(pack_digest)
        self._require(path.name, pack_digest)
        return read_image(path, self._meta / path.name, pack_digest)

    def verify(self, image: Image, mode: VerifyMode = "full") -> tuple[Finding, ...]:
        """Return how the image differs from its manifest; see `image.verify` for the modes and errors."""
        with explained(f"verify {image.path}"):
            owner = self.root.stat().st_uid
        return verify(image.path, image.manifest, mode, owner=owner)

    def remove(self, pack_digest: str) -> None:
        """Remove the image of the pack; raise `image-missing` when it is not there.

        It vanishes at once and whole. Kernels that run from it keep the files
        that they have open and miss the others.
        """
        name = self.path_of(pack_digest).name
        self._require(name, pack_digest)
        with explained(f"remove an image from {self.root}"), locked(self._locks / name, self.lock_seconds):
            self._require(name, pack_digest)
            self._clear(name)
            self._empty_trash()

    def sweep(self) -> int:
        """Remove what dead processes have left behind, and return how many leftovers there were."""
        found = 0
        with explained(f"sweep {self.root}"):
            for name in self._leftovers():
                with contextlib.suppress(Unavailable), locked(self._locks / name, 0):
                    if not self._is_published(name):  # else it was published while we looked
                        found += self._clear(name)
            found += self._empty_trash()
        return found

    def weaknesses(self) -> tuple[Weakness, ...]:
        """Return what is wrong with the place of the store, for a person who sets up a machine."""
        folders = [folder for folder in (*reversed(self.root.parents), self.root) if os.path.lexists(folder)]
        if self.root not in folders:
            return (Weakness(str(self.root), "It does not exist.", "Import a pack, which makes it."),)
        owner = self.root.stat().st_uid
        found = [weakness for folder in folders for weakness in _weaknesses_of(folder, owner)]
        if os.statvfs(self.root).f_flag & os.ST_NOEXEC:
            message = "Its file system is mounted noexec, so nothing starts from it."
            found.append(Weakness(str(self.root), message, "Mount it without noexec."))
        return tuple(found)

    def _prepare(self) -> Owner | None:
        """Make the folders of the store; return who owns it when that is not this user."""
        if not self.root.exists():
            self.root.mkdir(parents=True)
            self.root.chmod(0o755)
        self._check_root()
        place = self.root.stat()
        owner = None if place.st_uid == os.geteuid() else (place.st_uid, place.st_gid)
        if owner and os.geteuid() != 0:
            raise Unavailable(
                "permission-denied",
                f"{self.root} belongs to uid {place.st_uid}, and only that user and root add images to it.",
                "Run as the owner of the store.",
            )
        for folder, mode in (
            (self._meta, 0o755),
            (self._staging, 0o755),
            (self._locks, 0o700),
            (self._trash, 0o700),
        ):
            if not _is_folder(folder):
                _make_folder(folder, mode, owner)
        return owner

    def _check_root(self) -> None:
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

    def _images(self, approved: Mapping[str, str]) -> list[Image]:
        """Return the first few images that are here and are what `approved` says."""
        found: list[Image] = []
        for pack, manifest in approved.items():
            if len(found) < MOST_REUSED:
                with contextlib.suppress(NotFound, Untrusted):
                    image = self.get(pack)
                    if image.manifest.digest() == manifest:
                        found.append(image)
        return found

    def _make(
        self,
        pack: Pack,
        inventory: Inventory,
        owner: Owner | None,
        progress: Progress | None,
        similar: Sequence[Image],
    ) -> None:
        path = self.path_of(inventory.digest)
        staging = self._staging / path.name
        try:
            for folder in (staging, staging / "tree", staging / "meta"):
                _make_folder(folder, 0o700, owner)
            tree = staging / "tree"
            manifest = build(pack, inventory, tree, path, progress, owner=owner, approved=similar)
            for document in write_documents(staging / "meta", inventory, manifest):
                _give(document, owner)
            (staging / "meta").chmod(0o755)
            _sync_file_system(staging)
            self._publish(staging, path.name)
        finally:
            with contextlib.suppress(OSError):  # what stays is swept; the failure in hand is the news
                self._retire(staging)
                self._empty_trash()

    def _publish(self, staging: Path, name: str) -> None:
        """Move what was staged to its place; the last rename is the commit.

        A folder that its owner may not write to cannot be moved to another folder,
        but can be renamed where it is. So the tree is moved first, under a name
        that nobody looks for, then made read-only, then renamed.
        """
        hidden = self.root / f".{name}"
        (staging / "meta").rename(self._meta / name)
        sync_folder(self._meta)
        (staging / "tree").rename(hidden)
        hidden.chmod(0o555)
        sync_folder(hidden)
        hidden.rename(self.root / name)
        sync_folder(self.root)

    def _is_published(self, name: str) -> bool:
        return _is_folder(self.root / name) and is_recorded(self._meta / name)

    def _leftovers(self) -> list[str]:
        """Return the names with traces in the store that are not published."""
        names = {path.name for folder in (self._staging, self._meta, self.root) for path in _listed(folder)}
        names = {name.removeprefix(".") for name in names}
        return sorted(name for name in names if _NAME.match(name) and not self._is_published(name))

    def _clear(self, name: str) -> int:
        """Take away every trace of `name`, the image first; return how many there were. Needs its lock."""
        hidden = self.root / f".{name}"
        found = self._retire(hidden)
        if _is_folder(self.root / name):
            (self.root / name).rename(hidden)
        return found + sum(map(self._retire, (hidden, self._meta / name, self._staging / name)))

    def _retire(self, path: Path) -> int:
        """Move the folder `path` to the trash, whatever is in it and whoever still writes there."""
        if not _is_folder(path):
            return 0
        path.chmod(0o700)
        path.rename(self._trash / f"{path.name.removeprefix('.')}.{secrets.token_hex(8)}")
        return 1

    def _empty_trash(self) -> int:
        """Delete what is in the trash; what resists stays for the next time."""
        found = 0
        for path in _listed(self._trash):
            with contextlib.suppress(OSError):
                _delete(path)
                found += 1
        return found

    def _require(self, name: str, pack_digest: str) -> None:
        with explained(f"look for an image in {self.root}"):
            found = self._is_published(name)
        if not found:
            raise NotFound(
                "image-missing",
                f"The environment of the pack {pack_digest} is not in {self.root}.",
                "Import its pack on this machine.",
            )


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


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _listed(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if _is_folder(folder) else []


def _make_folder(path: Path, mode: int, owner: Owner | None) -> None:
    path.mkdir(exist_ok=True)
    path.chmod(mode)
    _give(path, owner)


def _give(path: Path, owner: Owner | None) -> None:
    if owner:
        os.chown(path, *owner, follow_symlinks=False)


def _sync_file_system(path: Path) -> None:
    """Bring the whole file system of `path` to the disk, which is faster than file by file."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(handle)


def _delete(path: Path) -> None:
    """Delete the folder `path` with everything in it, also folders that are read-only."""
    path.chmod(0o700)
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _delete(Path(entry.path))
            else:
                Path(entry.path).unlink()
    path.rmdir()
