"""A kernel's program is what was checked, even when its name is taken by another between check and start."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard import confine, wall
from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.pin import pinned
from tests.packs import PackBuilder
from tests.sites import SiteBuilder, short_folder

ROUNDS = 60
"""How often the race is run; by path every second round was lost."""


@pytest.fixture
def image() -> Iterator[Image]:
    """An image of its own, with a program that really runs and a script."""
    with short_folder() as folder:
        pack = PackBuilder.honest()
        pack.file("bin/say", Path(shutil.which("echo") or "").read_bytes(), mode=0o755)
        pack.file("bin/script", b"#!/bin/sh\n", mode=0o755)
        pack.file("share/text", b"text")
        yield SiteBuilder(folder / "site", folder / "s").image(pack.write(folder))


def program(image: Image, name: str = "bin/say") -> str:
    return str(image.path / name)


def code(image: Image, path: str) -> str:
    with pytest.raises(EnvGuardError) as caught:
        pinned(image, path)
    return caught.value.code


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def writable(image: Image) -> Path:
    folder = image.path / "bin"
    folder.chmod(0o755)
    return folder


class TestPinned:
    def test_holds_the_approved_program_open(self, image: Image) -> None:
        before = open_descriptors()
        descriptor = pinned(image, program(image))
        assert descriptor is not None
        assert not os.get_inheritable(descriptor)
        os.close(descriptor)
        assert open_descriptors() == before

    def test_does_not_hold_a_script(self, image: Image) -> None:
        before = open_descriptors()
        assert pinned(image, program(image, "bin/script")) is None
        assert open_descriptors() == before

    def test_follows_a_link_of_the_image(self, image: Image) -> None:
        (writable(image) / "again").symlink_to("say")
        descriptor = pinned(image, program(image, "bin/again"))
        assert descriptor is not None
        os.close(descriptor)

    @pytest.mark.parametrize("name", ["share/text", "bin", "bin/stranger", "bin/out", "bin/pipe"])
    def test_refuses_what_is_no_approved_program(self, image: Image, name: str) -> None:
        folder = writable(image)
        (folder / "stranger").write_bytes((folder / "say").read_bytes())
        (folder / "out").symlink_to("/bin/sh")
        os.mkfifo(folder / "pipe")
        before = open_descriptors()
        assert code(image, program(image, name)) == "image-drifted"
        assert open_descriptors() == before

    def test_refuses_another_file_under_the_same_name(self, image: Image) -> None:
        folder = writable(image)
        (folder / "other").write_bytes(Path("/bin/sh").read_bytes())
        (folder / "other").replace(folder / "say")
        assert code(image, program(image)) == "image-drifted"

    def test_refuses_a_file_that_was_changed_in_place(self, image: Image) -> None:
        held = pinned(image, program(image))
        assert held is not None
        os.close(held)
        path = Path(program(image))
        status = path.stat()
        path.chmod(0o755)
        with path.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last[0] ^ 1]))
        path.chmod(0o555)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert code(image, program(image)) == "image-drifted"

    def test_refuses_something_else_that_bears_the_name(self, image: Image) -> None:
        (writable(image) / "say").unlink()
        os.mkfifo(image.path / "bin/say")
        assert code(image, program(image)) == "image-drifted"

    def test_a_program_that_is_not_there_is_said(self, image: Image) -> None:
        assert code(image, program(image, "bin/none")) == "file-not-found"


def test_a_swap_between_check_and_start_always_loses(image: Image) -> None:
    folder = writable(image)
    for name, text in (("good", (folder / "say").read_bytes()), ("evil", b"#!/bin/sh\necho evil\n")):
        (folder / name).write_bytes(text)
        (folder / name).chmod(0o555)
    os.link(folder / "say", folder / "kept")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for name in ("evil", "kept"):
                os.link(folder / name, folder / "next")
                os.replace(folder / "next", folder / "say")

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        outcomes = [_started(image) for _ in range(ROUNDS)]
    finally:
        stop.set()
        swapping.join()
    assert set(outcomes) <= {"held\n", "refused"}
    assert "held\n" in outcomes


def _started(image: Image) -> str:
    """Start the program as a kernel is started, and return what it said or that it was refused."""
    try:
        held = pinned(image, program(image))
    except EnvGuardError:
        return "refused"
    if held is None:
        return "a script was taken for the program"
    around = confine.Confinement(
        execute=(wall.EVERYTHING,), write=("/dev/null",), network=True, keep=(held,), program=held
    )
    command = confine.command(around, [program(image), "held"])
    try:
        return subprocess.run(command, pass_fds=(held,), capture_output=True, text=True).stdout
    finally:
        os.close(held)
