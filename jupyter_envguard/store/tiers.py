"""The forms that an image can have on a node, and which of them this machine can do.

A tree always works: links to objects, or copies where a file system has no links.
What is mounted over it is better, because then nobody writes through it, not even
root. `Mounted` is what those forms share: one file, made from the tree or from the
objects once, to be brought to the path of the image in milliseconds.

    overlay      names and modes from a small file, contents from the objects (Linux 6.5)
    erofs        everything in one file, mounted without a loop device from a disk (Linux 6.12)
    squashfs     everything in one file, through a loop device
    squashfuse   the same file, read by a process: for machines without the right to mount
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from jupyter_envguard.errors import Unavailable
from jupyter_envguard.image import Line
from jupyter_envguard.store import mounts
from jupyter_envguard.store.making import Making, Place, make_squashfs, run
from jupyter_envguard.store.skeleton import Content, Elsewhere, write_skeleton

FILE_SYSTEMS = Path("/proc/filesystems")

INLINE_BYTES = 64 * 1024
"""Size up to which what is no object goes into the names of an overlay: they are made in memory."""

FILES_MOUNT = (6, 12)
"""Version of Linux from which on it mounts an EROFS file without a loop device."""

CLUSTER_BYTES = 64 * 1024
"""What of a file EROFS compresses at once: a tenth less to carry than with a page, and read as fast."""

SQUASHFS_TOOLS = "squashfs-tools, 4.5 or newer"
"""The package of `mksquashfs`; older ones cannot read a stream."""

SQUASHFUSE = ("squashfuse_ll", "squashfuse")
"""Programs that read squashfs for FUSE. The first lets Linux remember names and modes, so that whoever looks
at all paths for the second time waits a tenth as long; the second is asked each time."""


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
    """A small file of names, over the objects."""

    name = "overlay"
    kinds = frozenset({"overlay"})
    holds_everything = False

    def obstacle(self) -> str:
        """Return why not."""
        return (
            _cannot_mount("overlay", (6, 5))
            or _cannot_mount("erofs", (6, 5))
            or ("" if linux_version(os.uname().release) >= FILES_MOUNT else _lacks_loop())
        )

    def make(self, making: Making, target: Path) -> None:
        """Write the names, and every content that is no object."""

        def content_of(line: Line) -> Content:
            if making.file_of(line):
                return Elsewhere(f"/{making.objects.below(line)}")
            if making.tree is not None and line.size > INLINE_BYTES:
                raise Unavailable(
                    "form-failed",
                    f"{line.path} is no object, so an overlay has nothing to show of it.",
                    "Where the file system of the store has no hard links, use another tier.",
                )
            return making.rest_of(line)

        write_skeleton(making.manifest, making.owner, content_of, target)

    def mount(self, form: Path, place: Place) -> None:
        """Mount the names where nobody looks, then both together; the first mount lives on in the second."""
        try:
            self._mount(place, lambda: mounts.mount(str(form), place.scratch, "erofs"))
        except OSError:  # an older Linux, or too many file systems one upon the other
            self._mount(place, lambda: _mount_loop(form, place.scratch, "erofs"))

    def _mount(self, place: Place, mount_names: Callable[[], None]) -> None:
        mount_names()
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
        return obstacle_to_fetched() or _lacks("mkfs.erofs", "erofs-utils")

    def make(self, making: Making, target: Path) -> None:
        """Make the same bytes every time: fixed times and an identifier from the manifest."""
        uid, gid = making.owner
        identity = uuid.UUID(making.manifest.digest()[7:39])
        time = making.manifest.header.seal.mtime
        options = ["-zlz4", f"-C{CLUSTER_BYTES}", f"-T{time}", f"-U{identity}", "--quiet", "-x-1"]
        with _shown(making) as tree:
            run("mkfs.erofs", *options, f"--force-uid={uid}", f"--force-gid={gid}", target, tree)

    def mount(self, form: Path, place: Place) -> None:
        """Mount the file; through a loop device where Linux reads no image from the file system (tmpfs).

        Raises `tier-unavailable` where there are no loop devices, either.
        """
        try:
            mounts.mount(str(form), place.at, "erofs")
        except OSError as error:
            if error.errno != errno.ENOTBLK:
                raise
            if why := _lacks_loop():
                raise Unavailable(
                    "tier-unavailable",
                    f"A file on {mounts.kind_of(form)} is mounted through a loop device, but {why}.",
                    "Put the store on a disk, or use another tier; images with a tree work without.",
                ) from error
            _mount_loop(form, place.at, "erofs")


class Squashfs:
    """One file, through a loop device."""

    name = "squashfs"
    kinds = frozenset({"squashfs"})
    holds_everything = True

    def obstacle(self) -> str:
        """Return why not."""
        return _cannot_mount("squashfs", (0, 0)) or _lacks_loop() or _lacks("mksquashfs", SQUASHFS_TOOLS)

    def make(self, making: Making, target: Path) -> None:
        """Make it."""
        make_squashfs(making, target)

    def mount(self, form: Path, place: Place) -> None:
        """Mount the file."""
        _mount_loop(form, place.at, "squashfs")


class Squashfuse(Squashfs):
    """One file that a process reads."""

    name = "squashfuse"
    kinds = frozenset({"fuse.squashfuse"})

    def obstacle(self) -> str:
        """Return why not."""
        if not os.access("/dev/fuse", os.R_OK | os.W_OK):
            return "this user may not use /dev/fuse"
        needed = ((_squashfuse(), "squashfuse"), (mounts.FUSERMOUNT, "fuse3"), ("mksquashfs", SQUASHFS_TOOLS))
        return next(filter(None, (_lacks(*pair) for pair in needed)), "")

    def mount(self, form: Path, place: Place) -> None:
        """Start the process, which lets go of us; what is mounted says of which file it is."""
        seen_by = ",allow_other" if os.geteuid() == 0 else ""  # nobody else may ask for it
        options = f"ro,nosuid,nodev,fsname={form},subtype=squashfuse{seen_by}"
        with _writable(place.at):
            run(_squashfuse(), "-o", options, form, place.at)


TIERS: Mapping[str, Mounted] = MappingProxyType(
    {tier.name: tier for tier in (Overlay(), Erofs(), Squashfs(), Squashfuse())}
)
"""The forms that are mounted, the best first."""


def best() -> Mounted | None:
    """Return the best form that this machine can mount, or None."""
    return next((tier for tier in TIERS.values() if not tier.obstacle()), None)


def obstacle_to_fetched() -> str:
    """Return why this process cannot mount a form that it need not make, empty when it can."""
    return _cannot_mount("erofs", FILES_MOUNT)


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


@contextlib.contextmanager
def _writable(folder: Path) -> Iterator[None]:
    """Let a user mount at the read-only `folder` of theirs for as long as the block lasts.

    `fusermount` lets users mount only where they may write. The mode is set back
    through what was opened before, because the path leads to what was mounted.
    """
    if os.geteuid() == 0:
        yield
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        before = stat.S_IMODE(os.fstat(handle).st_mode)
        os.fchmod(handle, before | stat.S_IWUSR)
        try:
            yield
        finally:
            os.fchmod(handle, before)
    finally:
        os.close(handle)


def _squashfuse() -> str:
    """Return the quickest of the programs that is installed, or the one that is to be installed."""
    return next((name for name in SQUASHFUSE if shutil.which(name, path=mounts.PROGRAMS)), SQUASHFUSE[-1])


def _mount_loop(form: Path, at: Path, kind: str) -> None:
    with mounts.loop_device(form) as device:
        mounts.mount(device, at, kind)


@contextlib.contextmanager
def _shown(making: Making) -> Iterator[Path]:
    """Yield a folder in which one sees the image: its tree, or a mount for as long as the block lasts."""
    if making.tree is not None:
        yield making.tree
        return
    overlay, names = Overlay(), making.scratch / "names"
    overlay.make(making, names)
    overlay.mount(names, making.view)
    try:
        yield making.view.at
    finally:
        mounts.unmount(making.view.at, detach=True)
