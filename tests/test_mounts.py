"""Mounts of a process alone, made by a user without rights and, where the tests run as root, by root."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard import mounts, syscalls
from tests.children import in_child
from tests.sites import short_folder
from tests.walls import LOADER, become_user, needs_mounts

AS_ROOT = os.geteuid() == 0
SYSTEM = ["/usr/bin", *(place for place in ("/usr/lib", "/usr/lib64") if not Path(place).is_symlink())]
"""Where the programs and libraries of the system lie without links, as far as they are there."""
READ_ONLY, NOSUID, NODEV, NO_TIMES, SHARED = 1, 2, 4, 1 << 10, 1 << 20


needs_root = pytest.mark.skipif(not AS_ROOT, reason="needs root")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a program, and another with one beneath it."""
    with short_folder() as folder:
        (folder / "kept").mkdir()
        (folder / "own").mkdir()
        for path in (folder / "program", folder / "kept/program"):
            shutil.copy("/bin/echo", path)
        subprocess.run(["chmod", "-R", "a+rwX", str(folder)], check=True)
        yield folder


def mount_memory(folder: Path, flags: int) -> None:
    syscalls.checked(syscalls.libc.mount, b"none", os.fsencode(folder), b"tmpfs", flags, b"mode=755")


def says(*words: object) -> str:
    try:
        done = subprocess.run([*map(str, words), "said"], capture_output=True, text=True)
    except PermissionError:
        return "refused"
    return done.stdout.strip() or "refused"


@needs_mounts
def test_nothing_is_run_or_loaded_from_a_sealed_folder(place: Path) -> None:
    def act(_: int) -> list[object]:
        become_user()
        before = (os.geteuid(), os.getegid(), place.stat().st_mode)
        mounts.seal([str(place)], SYSTEM)
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
        become_user()
        mounts.seal([str(place)], [str(place / "kept"), *SYSTEM])
        return [says(place / "program"), says(place / "kept/program"), says("/bin/echo")]

    assert in_child(act) == ["refused", "said", "said"]


@needs_mounts
def test_nothing_is_run_or_loaded_from_elsewhere_either(place: Path) -> None:
    def act(_: int) -> list[object]:
        become_user()
        with (place / "program").open("rb") as file:
            before = len(mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE, mmap.PROT_EXEC))
        mounts.seal([str(place / "own")], SYSTEM)
        with (place / "program").open("rb") as file, pytest.raises(PermissionError):
            mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE, mmap.PROT_EXEC)
        (place / "mine").write_text("written")
        return [before, says(place / "program"), says(LOADER, place / "program"), says("/bin/echo")]

    assert in_child(act) == [4096, "refused", "refused", "said"]


@needs_mounts
def test_a_program_is_kept_without_its_folder(place: Path) -> None:
    def act(_: int) -> list[str]:
        become_user()
        mounts.seal([str(place / "own")], [str(place / "kept/program"), *SYSTEM[1:]])
        return [says(place / "kept/program"), says(place / "program"), says("/bin/echo")]

    assert in_child(act) == ["said", "refused", "refused"]


@needs_mounts
def test_with_the_root_kept_only_what_is_named_is_sealed(place: Path) -> None:
    def act(_: int) -> list[str]:
        become_user()
        mounts.seal([str(place / "kept")], ["/"])
        return [says(place / "program"), says(place / "kept/program")]

    assert in_child(act) == ["said", "refused"]


@needs_mounts
def test_what_is_sealed_in_what_is_kept_is_sealed_and_what_is_kept_therein_is_not(place: Path) -> None:
    (place / "kept/inner").mkdir()
    shutil.copy(place / "program", place / "kept/inner/program")

    def act(_: int) -> list[str]:
        become_user()
        kept = [str(place), str(place / "kept/inner"), str(place / "kept/inner/program"), *SYSTEM]
        mounts.seal([str(place / "kept")], kept)
        return [says(place / "program"), says(place / "kept/program"), says(place / "kept/inner/program")]

    assert in_child(act) == ["said", "refused", "said"]


@needs_mounts
def test_what_is_kept_and_sealed_is_sealed(place: Path) -> None:
    def act(_: int) -> str:
        become_user()
        mounts.seal([str(place)], [str(place), *SYSTEM])
        return says(place / "program")

    assert in_child(act) == "refused"


@needs_root
@pytest.mark.parametrize("as_other", [False, pytest.param(True, marks=needs_mounts)])
def test_flags_that_mounts_have_stay_and_no_other_is_added(place: Path, as_other: bool) -> None:
    def act(_: int) -> list[bool]:
        mounts._own_mounts()
        names = ("kept", "kept/never", "other")
        for name, flags in zip(names, (NODEV | NO_TIMES, mounts._NOEXEC | NOSUID, READ_ONLY), strict=True):
            (place / name).mkdir(exist_ok=True)
            mount_memory(place / name, flags)
        if as_other:
            become_user()
        before = [os.statvfs(place / name).f_flag for name in names]
        mounts.seal([str(place / "own")], [str(place / "kept"), *SYSTEM])
        after = [os.statvfs(place / name).f_flag for name in names]
        return [before[:2] == after[:2], after[2] == before[2] | os.ST_NOEXEC]

    assert in_child(act) == [True, True]


@needs_root
def test_a_mount_that_runs_files_beneath_a_folder_that_runs_none_is_seen_and_sealed(place: Path) -> None:
    share = place / "kept/a share\\"

    def act(_: int) -> list[object]:
        share.mkdir()
        mounts._own_mounts()
        mount_memory(place / "kept", mounts._NOEXEC)
        share.mkdir()
        mount_memory(share, 0)
        shutil.copy("/bin/echo", share / "program")
        seen = mounts.is_sealed(str(place / "kept")), mounts.is_sealed(str(place / "kept"), [str(share)])
        mounts.seal([str(place / "kept")], SYSTEM)
        return [*seen, says(LOADER, share / "program"), mounts.is_sealed(str(place / "kept"))]

    assert in_child(act) == [False, True, "refused", True]


@needs_root
def test_a_wall_further_in_sees_no_gap_in_what_was_kept_unless_it_can_write_there(place: Path) -> None:
    def act(_: int) -> list[object]:
        mounts.seal([str(place)], [str(place / "kept"), *SYSTEM])
        as_writer = mounts.is_sealed(str(place))
        (place / "kept").chmod(0o755)
        become_user()
        before = Path("/proc/self/ns/mnt").readlink()
        mounts.seal([str(place)], SYSTEM)
        return [as_writer, mounts.is_sealed(str(place)), before == Path("/proc/self/ns/mnt").readlink()]

    assert in_child(act) == [False, True, True]


@needs_root
def test_what_is_mounted_in_a_kept_folder_later_runs(place: Path) -> None:
    def act(_: int) -> str:
        mounts._own_mounts()
        mount_memory(place, 0)
        (place / "own").mkdir()
        syscalls.checked(syscalls.libc.mount, b"none", os.fsencode(place), None, SHARED, None)
        (place / "kept").mkdir()
        sealed, mounted = os.pipe(), os.pipe()
        inner = os.fork()
        if inner == 0:
            mounts.seal([str(place / "own")], [str(place), *SYSTEM])
            os.write(sealed[1], b"x")
            os.read(mounted[0], 1)
            os._exit(0 if says(place / "kept/program") == "said" else 1)
        os.read(sealed[0], 1)
        mount_memory(place / "kept", 0)
        shutil.copy("/bin/echo", place / "kept/program")
        os.write(mounted[1], b"x")
        return "runs" if os.waitpid(inner, 0)[1] == 0 else "refused"

    assert in_child(act) == "runs"


@needs_mounts
def test_the_working_folder_is_sealed_too(place: Path) -> None:
    def act(_: int) -> list[str]:
        become_user()
        os.chdir(place)
        mounts.seal([str(place)], SYSTEM)
        return [says("./program"), str(Path.cwd())]

    assert in_child(act) == ["refused", str(place)]


@needs_mounts
def test_what_is_sealed_is_not_sealed_again(place: Path) -> None:
    def act(_: int) -> bool:
        become_user()
        mounts.seal([str(place)])
        first = Path("/proc/self/ns/mnt").readlink()
        mounts.seal([str(place)])
        return first == Path("/proc/self/ns/mnt").readlink()

    assert in_child(act)


@needs_mounts
def test_a_new_user_namespace_does_not_break_the_seal(place: Path) -> None:
    def act(_: int) -> list[object]:
        become_user()
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
        mounts.seal([str(place)], SYSTEM)
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
