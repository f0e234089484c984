from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_envguard.errors import Conflict, NotFound
from jupyter_envguard.store import Image, Store, leased, take_lease
from jupyter_envguard.store.leases import is_leased, make_lease, unleased
from tests.stores import NOBODY, add, in_fork, outcome, root_only


@pytest.fixture
def image(store: Store, pack: Path) -> Image:
    return add(store, pack)


def test_nobody_uses_a_new_image(image: Image) -> None:
    assert not is_leased(image.meta)


def test_many_may_use_one(image: Image) -> None:
    with leased(image), leased(image):
        assert is_leased(image.meta)
    assert not is_leased(image.meta)


def test_ends_with_the_last_process_that_inherited_it(image: Image) -> None:
    handle = take_lease(image)
    program = "import sys; sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, pass_fds=[handle])
    os.close(handle)
    assert is_leased(image.meta)
    child.kill()
    child.communicate()
    assert not is_leased(image.meta)


def test_what_is_used_is_not_taken(image: Image) -> None:
    with leased(image), pytest.raises(Conflict, match="in use") as caught, unleased(image.meta, "x"):
        pass
    assert caught.value.code == "image-in-use"


def test_what_is_being_taken_is_not_used(image: Image) -> None:
    with unleased(image.meta, "x"), pytest.raises(NotFound) as caught:
        take_lease(image)
    assert caught.value.code == "image-missing"
    with leased(image):
        assert is_leased(image.meta)


def test_a_lease_on_what_was_made_again_does_not_count(
    image: Image, store: Store, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.fcntl

    def slow(handle: int, what: int, *more: object) -> object:
        if what == fcntl.F_OFD_SETLK:  # between opening the file and locking it
            monkeypatch.setattr(fcntl, "fcntl", real)
            store.remove(image.pack)
            add(store, pack)
        return real(handle, what, *more)

    monkeypatch.setattr(fcntl, "fcntl", slow)
    with pytest.raises(NotFound):
        take_lease(image)
    with leased(image):
        assert is_leased(image.meta)


def test_without_a_file_nothing_is_used(tmp_path: Path) -> None:
    assert not is_leased(tmp_path)
    with unleased(tmp_path, "x"):
        pass


def test_a_gone_image_is_missing(image: Image, store: Store) -> None:
    store.remove(image.pack)
    with pytest.raises(NotFound) as caught:
        take_lease(image)
    assert caught.value.code == "image-missing"


def test_leaves_no_descriptor_open(image: Image) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with unleased(image.meta, "x"), pytest.raises(NotFound):
        take_lease(image)
    assert len(os.listdir("/proc/self/fd")) == before


@root_only
def test_users_keep_an_image_but_keep_nobody_from_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "meta").mkdir()
    lease = make_lease(tmp_path / "meta")
    alone = struct.pack("@hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)

    def locks_alone() -> None:
        handle = os.open(lease, os.O_RDONLY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        with pytest.raises(PermissionError):
            os.open(lease, os.O_RDWR)
        with pytest.raises(OSError, match="Bad file descriptor"):
            fcntl.fcntl(handle, fcntl.F_OFD_SETLK, alone)

    assert outcome(in_fork(locks_alone)) == 0
