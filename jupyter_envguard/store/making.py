"""What forms are made from, and the programs that make them."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from jupyter_envguard.errors import Unavailable, Untrusted
from jupyter_envguard.files import read_bounded
from jupyter_envguard.image import Line, Manifest, Owner
from jupyter_envguard.image.manifest import PERMISSIONS
from jupyter_envguard.store import mounts
from jupyter_envguard.store.objects import Objects, is_shared

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

    def file_of(self, line: Line) -> str:
        """Return the path of the object with the content of `line`, empty when it is none."""
        place = self.objects.place(line)
        return place if is_shared(line) and os.path.exists(place) else ""  # noqa: PTH110 - thousands of them

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


def make_squashfs(making: Making, target: Path) -> None:
    """Make it from a stream, so that nobody needs a tree or the right to mount."""
    uid, gid = map(str, making.owner)
    time = str(making.manifest.header.seal.mtime)
    options = ["-no-progress", "-quiet", "-comp", "zstd", "-Xcompression-level", "3", "-no-xattrs"]
    given = ["-root-mode", "555", "-force-uid", uid, "-force-gid", gid, "-all-time", time, "-mkfs-time", time]
    run("mksquashfs", "-", target, "-tar", *options, *given, feed=lambda pipe: _write_tar(making, pipe))


def _write_tar(making: Making, pipe: IO[bytes]) -> None:
    kinds = {"f": tarfile.REGTYPE, "d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE}
    with tarfile.open(fileobj=pipe, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for line in making.manifest.lines:
            member = tarfile.TarInfo(line.path)
            member.type, member.size = kinds[line.kind], line.size
            member.mode = 0o777 if line.kind == "l" else PERMISSIONS[line.mode]
            member.linkname = line.content if line.kind == "l" else ""
            if path := making.file_of(line) if line.kind == "f" else None:
                with open(path, "rb") as file:
                    archive.addfile(member, file)
            else:
                archive.addfile(member, io.BytesIO(making.rest_of(line)) if line.kind == "f" else None)


def run(program: str, *arguments: str | Path, feed: Feed | None = None) -> None:
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
                process.wait()
                with contextlib.suppress(BrokenPipeError):  # what is still to be written is no news
                    process.stdin.close()
                raise
        return process.wait()
