"""Mounts of a process alone, made by a user without rights and, where the tests run as root, by root."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard import mounts, syscalls
from tests.children import in_child
from tests.sites import short_folder

OTHER = 65534
AS_ROOT = os.geteuid() == 0
LOADER = next(
    (path for path in ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1") if Path(path).exists()),
    "",
)


def may_mount() -> bool:
    def act(_: int) -> bool:
        become_other()
        try:
            mounts.seal(["/tmp"])
        except OSError:
            return False
        return True

    return bool(in_child(act))


def become_other() -> None:
    if AS_ROOT:
        os.setgroups([])
        os.setresgid(OTHER, OTHER, OTHER)
        os.setresuid(OTHER, OTHER, OTHER)
    syscalls.libc.prctl(4, 1, 0, 0, 0)  # as a process is that was started by its user: its /proc is its own


needs_mounts = pytest.mark.skipif(not may_mount(), reason="users may not make mount namespaces here")
needs_root = pytest.mark.skipif(not AS_ROOT, reason="needs root")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a program, and another with one beneath it."""
    with short_folder() as folder:
        (folder / "kept").mkdir()
        for path in (folder / "program", folder / "kept/program"):
            shutil.copy("/bin/echo", path)
        subprocess.run(["chmod", "-R", "a+rwX", str(folder)], check=True)
        yield folder


def says(*words: object) -> str:
    try:
        done = subprocess.run([*map(str, words), "said"], capture_output=True, text=True)
    except PermissionError:
        return "refused"
    return done.stdout.strip() or "refused"


@needs_mounts
def test_nothing_is_run_or_loaded_from_a_sealed_folder(place: Path) -> None:
    def act(_: int) -> list[object]:
        become_other()
        before = (os.geteuid(), os.getegid(), place.stat().st_mode)
        mounts.seal([str(place)])
        (place / "mine").write_text("written")
        return [
            says(place / "program"),
            says(LOADER, place / "program"),
            says(place / "kept/program"),
            mounts.is_sealed(str(place)),
            before == (os.geteuid(), os.getegid(), place.stat().st_mode),
        ]

    assert in_child(act) == ["refused", "refused", "refused", True, True]
    assert says(place / "program") == "said"
    assert (place / "mine").read_text() == "written"


@needs_mounts
def test_what_is_kept_still_runs(place: Path) -> None:
    def act(_: int) -> list[str]:
        become_other()
        mounts.seal([str(place)], [str(place / "kept"), "/usr"])
        return [says(place / "program"), says(place / "kept/program"), says("/bin/echo")]

    assert in_child(act) == ["refused", "said", "said"]


@needs_mounts
def test_the_working_folder_is_sealed_too(place: Path) -> None:
    def act(_: int) -> list[str]:
        become_other()
        os.chdir(place)
        mounts.seal([str(place)])
        return [says("./program"), str(Path.cwd())]

    assert in_child(act) == ["refused", str(place)]


@needs_mounts
def test_what_is_sealed_is_not_sealed_again(place: Path) -> None:
    def act(_: int) -> bool:
        become_other()
        mounts.seal([str(place)])
        first = Path("/proc/self/ns/mnt").readlink()
        mounts.seal([str(place)])
        return first == Path("/proc/self/ns/mnt").readlink()

    assert in_child(act)


@needs_mounts
def test_a_new_user_namespace_does_not_break_the_seal(place: Path) -> None:
    def act(_: int) -> list[object]:
        become_other()
        mounts.seal([str(place)])
        syscalls.checked(syscalls.libc.unshare, mounts._NEW_USERS | mounts._NEW_MOUNTS)
        with pytest.raises(PermissionError) as caught:
            mounts._change(str(place), 0, mounts._NOEXEC)
        return [caught.value.errno, mounts.is_sealed(str(place))]

    assert in_child(act) == [errno.EPERM, True]


@needs_root
def test_root_needs_no_user_namespace(place: Path) -> None:
    def act(_: int) -> list[object]:
        before = Path("/proc/self/ns/user").readlink()
        mounts.seal([str(place)])
        return [before == Path("/proc/self/ns/user").readlink(), says(place / "program")]

    assert in_child(act) == [True, "refused"]
    assert says(place / "program") == "said"


def test_who_may_not_mount_is_told(place: Path) -> None:
    def act(_: int) -> int:
        mounts.libc = type("Refusing", (), {"unshare": refuse})
        with pytest.raises(PermissionError) as caught:
            mounts.seal([str(place)])
        return int(caught.value.errno or 0)

    def refuse(_: object) -> int:
        ctypes.set_errno(errno.EPERM)
        return -1

    assert in_child(act) == errno.EPERM
