from __future__ import annotations

import errno
import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.store import mounts
from jupyter_envguard.store.mounts import Mount, mount_at
from tests.stores import NOBODY, in_fork, outcome

needs_mounts = pytest.mark.skipif(not mounts.may_mount(), reason="mounting needs CAP_SYS_ADMIN")


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "at"
    folder.mkdir()
    yield folder
    while mount_at(folder):
        mounts.unmount(folder, detach=True)


def squashfs(folder: Path) -> Path:
    (folder / "tree").mkdir()
    (folder / "tree/file").write_text("content")
    command = ["mksquashfs", folder / "tree", folder / "image", "-quiet", "-no-progress", "-noappend"]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "image"


def needs_loop() -> None:
    if not (mounts.LOOP_CONTROL.exists() and os.path.exists("/usr/bin/mksquashfs")):
        pytest.skip("no loop devices or no mksquashfs here")


@needs_mounts
class TestMount:
    def test_the_topmost_is_what_one_sees(self, at: Path) -> None:
        assert mount_at(at) is None
        for size in ("1m", "2m"):
            mounts.mount(f"envguard-{size}", at, "tmpfs", f"size={size}")
        found = mount_at(at)
        assert found is not None
        assert (found.kind, found.source) == ("tmpfs", "envguard-2m")
        assert "size=2048k" in found.more
        assert found.is_of_root()
        assert found.options >= {"ro", "nosuid", "nodev"}
        assert found.backing_file() == ""
        mounts.unmount(at)
        below = mount_at(at)
        assert below is not None
        assert (below.source, below.options) == ("envguard-1m", found.options)

    def test_what_cannot_be_mounted_is_an_error_of_the_system(self, at: Path) -> None:
        with pytest.raises(OSError) as caught:
            mounts.mount("none", at, "no-such-file-system")
        assert caught.value.errno == errno.ENODEV

    def test_what_is_in_use_stays_until_it_is_detached(self, at: Path) -> None:
        mounts.mount("envguard", at, "tmpfs")
        handle = os.open(at, os.O_RDONLY)
        with pytest.raises(OSError) as caught:
            mounts.unmount(at)
        assert caught.value.errno == errno.EBUSY
        mounts.unmount(at, detach=True)
        os.close(handle)
        assert mount_at(at) is None

    def test_a_loop_device_reads_a_file_and_goes_by_itself(self, at: Path, tmp_path: Path) -> None:
        needs_loop()
        image = squashfs(tmp_path)
        with mounts.loop_device(image) as device:
            mounts.mount(device, at, "squashfs")
        assert (at / "file").read_text() == "content"
        found = mount_at(at)
        assert found is not None
        assert found.backing_file() == str(image)
        mounts.unmount(at)
        assert found.backing_file() != str(image)

    def test_a_device_that_others_take_first_is_not_waited_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        needs_loop()
        real, refused = fcntl.ioctl, [0]

        def ioctl(handle: int, what: int, *more: Any) -> Any:
            if what == mounts._CONFIGURE:
                refused[0] += 1
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
            return real(handle, what, *more)

        monkeypatch.setattr(fcntl, "ioctl", ioctl)
        with (
            pytest.raises(OSError, match="no loop device stays free"),
            mounts.loop_device(squashfs(tmp_path)),
        ):
            pass
        assert refused == [mounts._TRIES]

    def test_a_file_that_no_device_takes_is_an_error_of_the_system(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        needs_loop()
        real = fcntl.ioctl

        def ioctl(handle: int, what: int, *more: Any) -> Any:
            if what == mounts._CONFIGURE:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            return real(handle, what, *more)

        monkeypatch.setattr(fcntl, "ioctl", ioctl)
        with pytest.raises(OSError, match="Invalid argument"), mounts.loop_device(squashfs(tmp_path)):
            pass


class TestKind:
    def test_is_that_of_the_nearest_mount(self) -> None:
        assert mounts.kind_of(Path("/proc/self/status")) == "proc"
        assert mounts.kind_of(Path("/")) not in ("", "proc")

    def test_is_unknown_where_nothing_is_mounted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "mounts").write_text("")
        monkeypatch.setattr(mounts, "MOUNTS", tmp_path / "mounts")
        assert mounts.kind_of(tmp_path) == ""


class TestRights:
    @needs_mounts
    def test_another_user_may_not_mount(self) -> None:
        def become() -> None:
            os.setresuid(NOBODY, NOBODY, NOBODY)
            assert not mounts.may_mount()

        assert outcome(in_fork(become)) == 0

    def test_a_file_system_of_a_process_is_left_to_fusermount(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mounts, "mount_at", lambda _: Mount("fuse.squashfuse", "squashfuse", frozenset()))
        with pytest.raises(OSError) as caught:  # nothing is mounted there
            mounts.unmount(tmp_path)
        assert caught.value.errno in (errno.EBUSY, errno.ENOENT)


class TestBackingFile:
    def test_of_a_file_is_the_file(self) -> None:
        assert Mount("erofs", "/opt/x.erofs", frozenset()).backing_file() == "/opt/x.erofs"

    def test_of_a_loop_that_is_gone_is_nothing(self) -> None:
        assert Mount("squashfs", "/dev/loop99999", frozenset()).backing_file() == ""
