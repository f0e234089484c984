"""The forms that an image can have on a node, and which of them this machine can do.

A tree always works: links to objects, or copies where a file system has no links.
What is mounted over it is better, because then nobody writes through it, not even
root. `Mounted` is what those forms share: one file, made from the tree once, to be
brought to the path of the image in milliseconds.

    overlay      names and modes from a small image, contents from the objects (Linux 6.5)
    erofs        everything in one file, mounted without a loop device (Linux 6.12)
    squashfs     everything in one file, through a loop device
    squashfuse   the same file, read by a process: for machines without the right to mount
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from jupyter_envguard.errors import Unavailable
from jupyter_envguard.image import Line, Manifest, Owner
from jupyter_envguard.image.manifest import PERMISSIONS
from jupyter_envguard.store import mounts
from jupyter_envguard.store.objects import SHARED_BYTES, Objects

FILE_SYSTEMS = Path("/proc/filesystems")

SHOWN_CHARACTERS = 300
"""Of what a program says when it fails."""


@dataclass(frozen=True, slots=True)
class Making:
    """What a form is made from."""

    tree: Path
    """The image as a tree."""
    manifest: Manifest
    """What is in it."""
    objects: Objects
    """Where its contents are."""
    scratch: Path
    """An empty folder for the way."""
    owner: Owner
    """Who everything in the form belongs to."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a form is mounted."""

    at: Path
    """The folder that will be the image."""
    objects: Path
    """The folder of the objects."""
    scratch: Path
    """An empty folder for the way."""


class Mounted(Protocol):
    """A form that is one file and is mounted."""

    name: str
    """What it is called, and how its files end."""
    kinds: frozenset[str]
    """Types of file system as which it appears."""
    holds_everything: bool
    """Whether the one file holds every byte of the image."""

    def obstacle(self) -> str:
        """Return why this machine cannot mount this form, empty when it can."""

    def make(self, making: Making, target: Path) -> None:
        """Make the file `target`; raises `form-failed`."""

    def mount(self, form: Path, place: Place) -> None:
        """Mount the file `form` at `place`; raises `OSError`."""


class Overlay:
    """A small image of names, over the objects."""

    name = "overlay"
    kinds = frozenset({"overlay"})
    holds_everything = False

    def obstacle(self) -> str:
        """Return why not."""
        return _cannot_mount("overlay", (6, 5)) or _cannot_mount("squashfs", (0, 0)) or _lacks_loop()

    def make(self, making: Making, target: Path) -> None:
        """Make an image of a tree in which every shared file is a hole that names its object.

        The tree is made in memory: making and deleting as many files on a disk takes
        many times as long.
        """
        skeleton = making.scratch
        mounts.mount(mounts.SOURCE, skeleton, "tmpfs", "mode=700", flags=mounts.NO_SETUID | mounts.NO_DEVICES)
        for line in making.manifest.lines:
            path = skeleton / line.path
            if line.kind == "d":
                path.mkdir(0o700)
            elif line.kind == "l":
                path.symlink_to(line.content)
            else:
                self._place(making, line, path)
        for line in reversed(making.manifest.lines):
            if line.kind == "d":
                (skeleton / line.path).chmod(0o555)
        skeleton.chmod(0o555)
        _make_squashfs(skeleton, making, target, "-xattrs")

    def _place(self, making: Making, line: Line, path: Path) -> None:
        known = making.objects.path(line)
        if line.size >= SHARED_BYTES and known.exists():
            path.touch()
            os.truncate(path, line.size)
            os.setxattr(path, "trusted.overlay.metacopy", b"")
            redirect = f"/{known.parent.name}/{known.name}".encode()
            os.setxattr(path, "trusted.overlay.redirect", redirect)
        else:
            shutil.copyfile(making.tree / line.path, path, follow_symlinks=False)
        path.chmod(PERMISSIONS[line.mode])

    def mount(self, form: Path, place: Place) -> None:
        """Mount the names where nobody looks, then both together; the first mount lives on in the second."""
        _mount_loop(form, place.scratch)
        try:
            options = f"lowerdir={place.scratch}::{place.objects},metacopy=on,redirect_dir=on"
            mounts.mount(mounts.SOURCE, place.at, "overlay", options)
        finally:
            mounts.unmount(place.scratch, detach=True)


class Erofs:
    """One file, mounted as it is."""

    name = "erofs"
    kinds = frozenset({"erofs"})
    holds_everything = True

    def obstacle(self) -> str:
        """Return why not."""
        return _cannot_mount("erofs", (6, 12)) or _lacks("mkfs.erofs", "erofs-utils")

    def make(self, making: Making, target: Path) -> None:
        """Make the same bytes every time: fixed times and an identifier from the manifest."""
        uid, gid = making.owner
        identity = uuid.UUID(making.manifest.digest()[7:39])
        time = making.manifest.header.seal.mtime
        options = ["-zlz4", f"-T{time}", f"-U{identity}", "--quiet", "-x-1"]
        _run("mkfs.erofs", *options, f"--force-uid={uid}", f"--force-gid={gid}", target, making.tree)

    def mount(self, form: Path, place: Place) -> None:
        """Mount the file."""
        mounts.mount(str(form), place.at, "erofs")


class Squashfs:
    """One file, through a loop device."""

    name = "squashfs"
    kinds = frozenset({"squashfs"})
    holds_everything = True

    def obstacle(self) -> str:
        """Return why not."""
        return _cannot_mount("squashfs", (0, 0)) or _lacks_loop() or _lacks("mksquashfs", "squashfs-tools")

    def make(self, making: Making, target: Path) -> None:
        """Make it."""
        _make_squashfs(making.tree, making, target, "-no-xattrs")

    def mount(self, form: Path, place: Place) -> None:
        """Mount the file."""
        _mount_loop(form, place.at)


class Squashfuse(Squashfs):
    """One file that a process reads."""

    name = "squashfuse"
    kinds = frozenset({"fuse.squashfuse"})

    def obstacle(self) -> str:
        """Return why not."""
        if not os.access("/dev/fuse", os.R_OK | os.W_OK):
            return "this user may not use /dev/fuse"
        needed = (("squashfuse",) * 2, (mounts.FUSERMOUNT, "fuse3"), ("mksquashfs", "squashfs-tools"))
        return next(filter(None, (_lacks(*pair) for pair in needed)), "")

    def mount(self, form: Path, place: Place) -> None:
        """Start the process, which lets go of us."""
        seen_by = ",allow_other" if os.geteuid() == 0 else ""  # nobody else may ask for it
        _run("squashfuse", "-o", f"ro,nosuid,nodev{seen_by}", form, place.at)


TIERS: Mapping[str, Mounted] = MappingProxyType(
    {tier.name: tier for tier in (Overlay(), Erofs(), Squashfs(), Squashfuse())}
)
"""The forms that are mounted, the best first."""


def best() -> Mounted | None:
    """Return the best form that this machine can mount, or None."""
    return next((tier for tier in TIERS.values() if not tier.obstacle()), None)


def linux_version(release: str) -> tuple[int, int]:
    """Return the first two numbers of a kernel's release, zeros for one that has none."""
    found = re.match(r"(\d+)\.(\d+)", release)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _cannot_mount(kind: str, since: tuple[int, int]) -> str:
    if not mounts.may_mount():
        return "this process may not mount (CAP_SYS_ADMIN)"
    if linux_version(os.uname().release) < since:
        return f"Linux {since[0]}.{since[1]} or newer is needed"
    if kind not in FILE_SYSTEMS.read_text().split():
        return f"the kernel does not know {kind} (modprobe {kind})"
    return ""


def _lacks_loop() -> str:
    return "" if mounts.LOOP_CONTROL.exists() else f"there is no {mounts.LOOP_CONTROL}"


def _lacks(program: str, package: str) -> str:
    return (
        ""
        if shutil.which(program, path=mounts.PROGRAMS)
        else f"{program} is not installed (package {package})"
    )


def _mount_loop(form: Path, at: Path) -> None:
    with mounts.loop_device(form) as device:
        mounts.mount(device, at, "squashfs")


def _make_squashfs(tree: Path, making: Making, target: Path, xattrs: str) -> None:
    uid, gid = making.owner
    time = str(making.manifest.header.seal.mtime)
    options = ["-noappend", "-no-progress", "-quiet", "-comp", "zstd", "-Xcompression-level", "3", xattrs]
    times = ["-all-time", time, "-mkfs-time", time]
    owner = ["-force-uid", str(uid), "-force-gid", str(gid)]
    _run("mksquashfs", tree, target, *options, *times, *owner)


def _run(program: str, *arguments: str | Path) -> None:
    found = shutil.which(program, path=mounts.PROGRAMS) or program
    try:
        done = subprocess.run(
            [found, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env={"PATH": mounts.PROGRAMS},
            cwd="/",
            check=False,
        )
        said = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
        why = said if done.returncode else ""
    except OSError as error:
        why = str(error.strerror)
    if why:
        raise Unavailable(
            "form-failed",
            f"{program} failed: {why[:SHOWN_CHARACTERS]}.",
            "Look for room on the disk, and run jupyter envguard doctor.",
        )
