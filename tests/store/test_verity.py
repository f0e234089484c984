"""fs-verity: on a file system that has it where this machine can make one, and with a played kernel."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard.store import Store, verity
from jupyter_envguard.store.objects import Objects
from jupyter_envguard.store.presence import Presence
from jupyter_envguard.store.scrub import scrub
from jupyter_envguard.store.tiers import best
from tests.images import plain
from tests.stores import add, root_only

MEGABYTES = 64


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """An ext4 made for fs-verity, on which this kernel does it."""
    image, at = tmp_path / "disk.img", tmp_path / "disk"
    at.mkdir()
    with image.open("wb") as file:
        file.truncate(MEGABYTES * 2**20)
    for command in (
        ["mkfs.ext4", "-q", "-O", "verity", "-b", "4096", image],
        ["mount", "-o", "loop", image, at],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip(f"there is no {command[0]}")
        if done.returncode:
            pytest.skip(f"{command[0]}: {done.stderr.strip()}")
    try:
        if why := verity.obstacle(at):
            pytest.skip(f"this kernel has no fs-verity: {why}")
        yield at
    finally:
        subprocess.run(["umount", at], check=True)


@root_only
class TestRealKernel:
    def test_nobody_writes_to_a_guarded_file(self, disk: Path) -> None:
        file = disk / "file"
        file.write_bytes(b"x" * 10_000)
        assert verity.measure(file) == ""
        assert verity.enable(file) == verity.enable(file) == ""
        assert verity.measure(file).startswith("1:")
        with pytest.raises(PermissionError):
            file.open("r+b")

    def test_forms_and_scrubbed_objects_are_guarded(self, disk: Path, tmp_path: Path) -> None:
        if best() is None:
            pytest.skip("nothing can be mounted here")
        store = Store(disk / "store")
        image = add(store, plain().write(tmp_path, "tar"))
        presence = Presence(store)
        presence.mount(image)
        ((_, form),) = presence.forms.all()
        assert verity.measure(form.path)
        assert form.is_unchanged()
        assert list(scrub(store)) == []
        assert all(verity.measure(path) for path, _ in Objects(store.layout).all())
        presence.unmount(image)


class Kernel:
    """Plays a kernel that answers `ioctl` with an error, or with a digest."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int = 0) -> None:
        self.number = number
        monkeypatch.setattr(fcntl, "ioctl", self)

    def __call__(self, handle: int, request: int, argument: bytes | bytearray) -> int:
        if self.number:
            raise OSError(self.number, os.strerror(self.number))
        if isinstance(argument, bytearray):
            argument[:4] = (1).to_bytes(2, "little") + (32).to_bytes(2, "little")
            argument[4:36] = b"\xab" * 32
        return 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"x")
    return tmp_path / "file"


class TestPlayedKernel:
    def test_one_that_guards(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Kernel(monkeypatch)
        assert verity.enable(file) == verity.obstacle(file.parent) == ""
        assert verity.measure(file) == "1:" + "ab" * 32

    def test_one_that_guards_it_already(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Kernel(monkeypatch, errno.EEXIST)
        assert verity.enable(file) == ""

    @pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.ENOTTY])
    def test_one_that_does_not(self, file: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        Kernel(monkeypatch, number)
        assert verity.enable(file) == verity.obstacle(file.parent) == os.strerror(number)
        assert verity.measure(file) == ""
        assert [path.name for path in file.parent.iterdir()] == ["file"]

    def test_a_disk_that_fails(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Kernel(monkeypatch, errno.EIO)
        for call in (verity.enable, verity.measure):
            with pytest.raises(OSError, match="Input/output"):
                call(file)
        assert "Input/output" in verity.obstacle(file.parent)

    def test_a_folder_that_one_may_not_write_to(self, tmp_path: Path) -> None:
        assert verity.obstacle(tmp_path / "none") == "nobody can tell: No such file or directory"

    def test_a_form_whose_digest_is_another_is_made_again(
        self, store: Store, pack: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if best() is None:
            pytest.skip("nothing can be mounted here")
        image, presence = add(store, pack), Presence(store)
        presence.mount(image)
        presence.unmount(image)
        ((_, form),) = presence.forms.all()
        assert form.is_unchanged()
        monkeypatch.setattr(verity, "measure", lambda _: "1:00")
        assert not form.is_unchanged()
