"""Mounting without `mount`: the system calls, loop devices, and what is mounted where.

`mount` of util-linux takes a loop device for every file, which EROFS does not need
from Linux 6.12 on. What is mounted here belongs to no process: it stays when the one
that mounted it ends, whatever way, and goes with `unmount` or the machine.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

READ_ONLY, NO_SETUID, NO_DEVICES = 1, 2, 4
FLAGS = READ_ONLY | NO_SETUID | NO_DEVICES
"""Every mount of ours is read-only and lends nobody the rights of another."""

PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for: not where a variable of the user points."""

SOURCE = "envguard"
"""What is written as the source of mounts that have no file or device."""

FUSERMOUNT = "fusermount3"
DETACH = 2
CAP_SYS_ADMIN = 21
LOOP_CONTROL = Path("/dev/loop-control")
MOUNTS = Path("/proc/self/mountinfo")

_GET_FREE, _CONFIGURE = 0x4C82, 0x4C0A
_LOOP_READ_ONLY, _LOOP_AUTOCLEAR = 1, 4
_LOOP_CONFIG = struct.Struct("=II5QIIII64s64s32s2Q8Q")
_TRIES = 16


@dataclass(frozen=True, slots=True)
class Mount:
    """What is mounted at a path, the topmost if there are several."""

    kind: str
    """Type of its file system."""
    source: str
    """What is mounted: a file, a device, or a name."""
    options: frozenset[str]
    """How it is mounted, such as `ro` and `nosuid`."""
    more: frozenset[str] = frozenset()
    """What the file system itself was told, such as `user_id=0`."""

    def is_of_root(self) -> bool:
        """Tell whether nobody but root answers for what is seen there: not a process of somebody else."""
        return not self.kind.startswith("fuse") or "user_id=0" in self.more

    def backing_file(self) -> str:
        """Return the file that is mounted, through its loop device if it has one; empty if there is none."""
        device = self.source.removeprefix("/dev/")
        if not device.startswith("loop"):
            return self.source if self.source.startswith("/") else ""
        try:
            return Path(f"/sys/block/{device}/loop/backing_file").read_text().rstrip("\n")
        except OSError:
            return ""


def mount_at(path: Path) -> Mount | None:
    """Return what is mounted at `path` itself, or None."""
    found = None
    for row in MOUNTS.read_text(errors="surrogateescape").splitlines():
        here, _, there = row.partition(" - ")
        fields, more = here.split(" "), there.split(" ")
        if fields[4] == str(path):
            options = (frozenset(words.split(",")) for words in (fields[5], more[2]))
            found = Mount(more[0], more[1], *options)
    return found


def kind_of(path: Path) -> str:
    """Return the type of the file system that `path` lies on."""
    places = {str(place): "" for place in (path, *path.parents)}
    for row in MOUNTS.read_text(errors="surrogateescape").splitlines():
        here, _, there = row.partition(" - ")
        place = here.split(" ")[4]
        if place in places:
            places[place] = there.split(" ")[0]
    return next(filter(None, places.values()), "")


def may_mount() -> bool:
    """Tell whether this process has the right to mount."""
    for row in Path("/proc/self/status").read_text().splitlines():
        if row.startswith("CapEff:"):
            return bool(int(row.split()[1], 16) >> CAP_SYS_ADMIN & 1)
    return False  # pragma: no cover - every Linux has this row


def mount(source: str, target: Path, kind: str, options: str = "", *, flags: int = FLAGS) -> None:
    """Mount `source` at the folder `target`, read-only unless `flags` say else; raises `OSError`."""
    _check(
        ctypes.CDLL(None, use_errno=True).mount(
            os.fsencode(source), os.fsencode(target), kind.encode(), flags, os.fsencode(options)
        ),
        str(target),
    )


def unmount(target: Path, *, detach: bool = False) -> None:
    """Unmount the topmost of what is mounted at `target`; raises `OSError`, `EBUSY` while it is in use.

    With `detach` it vanishes from the path at once and ends when its last file is closed.
    What a process reads (FUSE) is unmounted by the program that everybody may use for it.
    """
    found = mount_at(target)
    if found and found.kind.startswith("fuse."):
        _fusermount(target, detach)
        return
    _check(
        ctypes.CDLL(None, use_errno=True).umount2(os.fsencode(target), DETACH if detach else 0), str(target)
    )


@contextlib.contextmanager
def loop_device(file: Path) -> Iterator[str]:
    """Yield a device that reads `file`; it goes by itself when nothing is mounted from it any more."""
    backing = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        device, handle = _free_loop(backing)
        try:
            yield device
        finally:
            os.close(handle)
    finally:
        os.close(backing)


def _free_loop(backing: int) -> tuple[str, int]:
    """Set up a loop device for the open file `backing`; others may take the free one before we do."""
    for _ in range(_TRIES):
        control = os.open(LOOP_CONTROL, os.O_RDWR | os.O_CLOEXEC)
        try:
            device = f"/dev/loop{fcntl.ioctl(control, _GET_FREE)}"
        finally:
            os.close(control)
        handle = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
        flags = _LOOP_READ_ONLY | _LOOP_AUTOCLEAR
        config = _LOOP_CONFIG.pack(
            backing, 0, *[0] * 5, 0, 0, 0, flags, *[bytes(size) for size in (64, 64, 32)], *[0] * 10
        )
        try:
            fcntl.ioctl(handle, _CONFIGURE, config)
        except OSError as error:
            os.close(handle)
            if error.errno != errno.EBUSY:
                raise
        else:
            return device, handle
    raise OSError(errno.EBUSY, "no loop device stays free", str(LOOP_CONTROL))


def _fusermount(target: Path, detach: bool) -> None:
    program = shutil.which(FUSERMOUNT, path=PROGRAMS) or FUSERMOUNT
    command = [program, "-u", *(["-z"] if detach else []), str(target)]
    if subprocess.run(command, capture_output=True, env={"PATH": PROGRAMS}, check=False).returncode:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(target))


def _check(result: int, path: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
