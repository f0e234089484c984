"""The forms that an image can have on a node, and which of them this machine can do.

A tree always works: links to objects, or copies where a file system has no links.
What is mounted over it is better, because then nobody writes through it, not even
root. `Mounted` is what those forms share: one file, made from the tree or from the
objects once, to be brought to the path of the image in milliseconds.

    overlay      names and modes from a small file, contents from the objects (Linux 6.5)
    erofs        everything in one file, mounted without a loop device (Linux 6.12)
    squashfs     everything in one file, through a loop device
    squashfuse   the same file, read by a process: for machines without the right to mount
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Protocol

from jupyter_envguard.errors import Unavailable, Untrusted
from jupyter_envguard.files import read_bounded
from jupyter_envguard.image import Line, Manifest, Owner
from jupyter_envguard.image.manifest import PERMISSIONS
from jupyter_envguard.store import mounts
from jupyter_envguard.store.objects import Objects, is_shared
from jupyter_envguard.store.skeleton import Content, Elsewhere, write_skeleton

FILE_SYSTEMS = Path("/proc/filesystems")

FILES_MOUNT = (6, 12)
"""Version of Linux from which on it mounts an EROFS file without a loop device."""

SQUASHFS_TOOLS = "squashfs-tools, 4.5 or newer"
"""The package of `mksquashfs`; older ones cannot read a stream."""

NOT_IT = frozenset({errno.EFBIG, errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENOENT, errno.ENOTDIR})
"""What reading says of a path at which there is no such file as there should be."""

Feed = Callable[[IO[bytes]], None]
"""Writes to a pipe what a program is to read."""

SHOWN_CHARACTERS = 300
"""Of what a program says when it fails."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a form is mounted."""

    at: Path
    """The folder that will be the image."""
    objects: Path
    """The folder of the objects."""
    scratch: Path
    """An empty folder for the way."""


@dataclass(frozen=True, slots=True)
class Making:
    """What a form is made from."""

    tree: Path | None
    """The image as a tree, if it has one."""
    manifest: Manifest
    """What is in it."""
    objects: Objects
    """Where its contents are."""
    small: Mapping[str, bytes]
    """Contents that are no objects by their bare hex hashes, for an image without a tree."""
    scratch: Path
    """An empty folder for the way."""
    view: Place
    """Where the image may be mounted for whoever has to see it as a tree."""
    owner: Owner
    """Who everything in the form belongs to."""

    def file_of(self, line: Line) -> Path | None:
        """Return the object with the content of `line`, or None when it is none."""
        path = self.objects.path(line)
        return path if is_shared(line) and path.exists() else None

    def rest_of(self, line: Line) -> bytes:
        """Return the content of `line`, which is no object; raise `image-drifted` when it is another."""
        if self.tree is None:
            if line.content not in self.small:
                raise lost(line)
            return self.small[line.content]
        content = None
        try:
            content = read_bounded(self.tree / line.path, line.size, follow=False)
        except OSError as error:
            if error.errno not in NOT_IT:
                raise
        if content is None or hashlib.sha256(content).hexdigest() != line.content:
            raise Untrusted(
                "image-drifted",
                f"{self.tree / line.path} does not have the approved content.",
                "Compare the image with jupyter envguard verify, and make it again.",
            )
        return content


def lost(line: Line) -> Untrusted:
    """Return the refusal of an image without a tree of which an object is gone."""
    return Untrusted(
        "image-damaged",
        f"The object with the content of {line.path} is gone.",
        "Remove the image and fetch it again.",
    )


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
            path = making.file_of(line)
            return Elsewhere(f"/{making.objects.below(line)}") if path else making.rest_of(line)

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
        return _cannot_mount("erofs", FILES_MOUNT) or _lacks("mkfs.erofs", "erofs-utils")

    def make(self, making: Making, target: Path) -> None:
        """Make the same bytes every time: fixed times and an identifier from the manifest."""
        uid, gid = making.owner
        identity = uuid.UUID(making.manifest.digest()[7:39])
        time = making.manifest.header.seal.mtime
        options = ["-zlz4", f"-T{time}", f"-U{identity}", "--quiet", "-x-1"]
        with _shown(making) as tree:
            _run("mkfs.erofs", *options, f"--force-uid={uid}", f"--force-gid={gid}", target, tree)

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
        return _cannot_mount("squashfs", (0, 0)) or _lacks_loop() or _lacks("mksquashfs", SQUASHFS_TOOLS)

    def make(self, making: Making, target: Path) -> None:
        """Make it."""
        _make_squashfs(making, target)

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
        needed = (("squashfuse",) * 2, (mounts.FUSERMOUNT, "fuse3"), ("mksquashfs", SQUASHFS_TOOLS))
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


def _make_squashfs(making: Making, target: Path) -> None:
    """Make it from a stream, so that nobody needs a tree or the right to mount."""
    uid, gid = map(str, making.owner)
    time = str(making.manifest.header.seal.mtime)
    options = ["-no-progress", "-quiet", "-comp", "zstd", "-Xcompression-level", "3", "-no-xattrs"]
    given = ["-root-mode", "555", "-force-uid", uid, "-force-gid", gid, "-all-time", time, "-mkfs-time", time]
    _run("mksquashfs", "-", target, "-tar", *options, *given, feed=lambda pipe: _write_tar(making, pipe))


def _write_tar(making: Making, pipe: IO[bytes]) -> None:
    kinds = {"f": tarfile.REGTYPE, "d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE}
    with tarfile.open(fileobj=pipe, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for line in making.manifest.lines:
            member = tarfile.TarInfo(line.path)
            member.type, member.size = kinds[line.kind], line.size
            member.mode = 0o777 if line.kind == "l" else PERMISSIONS[line.mode]
            member.linkname = line.content if line.kind == "l" else ""
            if path := making.file_of(line) if line.kind == "f" else None:
                with path.open("rb") as file:
                    archive.addfile(member, file)
            else:
                archive.addfile(member, io.BytesIO(making.rest_of(line)) if line.kind == "f" else None)


def _run(program: str, *arguments: str | Path, feed: Feed | None = None) -> None:
    """Run `program`, which reads what `feed` writes; raise `form-failed` with what it said."""
    found = shutil.which(program, path=mounts.PROGRAMS) or program
    with tempfile.TemporaryFile() as said:
        try:
            code = _fed([found, *map(str, arguments)], said, feed)
            said.seek(0)
            words = said.read(SHOWN_CHARACTERS).decode(errors="replace").strip()
            why = (words or f"exit code {code}") if code else ""
        except FileNotFoundError as error:
            if error.filename != program:
                raise
            why = str(error.strerror)
    if why:
        raise Unavailable(
            "form-failed",
            f"{program} failed: {why}.",
            "Look for room on the disk, and run jupyter envguard doctor.",
        )


def _fed(command: list[str], said: IO[bytes], feed: Feed | None) -> int:
    """Return the exit code of `command`, which is ended when it cannot be fed to the end."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
        stdout=said,
        stderr=said,
        env={"PATH": mounts.PROGRAMS},
        cwd="/",
    ) as process:
        if feed and process.stdin:
            try:
                feed(process.stdin)
                process.stdin.close()
            except BrokenPipeError:  # it ended first, and says why
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
            except BaseException:
                process.kill()
                raise
        return process.wait()
