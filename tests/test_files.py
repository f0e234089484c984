from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError, Unavailable
from jupyter_envguard.files import explained, locked, read_bounded, write_atomically
from tests.disks import FailingSync
from tests.forks import forked


class TestWriteAtomically:
    def test_writes_with_the_mode_asked_for_whatever_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0o077)
        write_atomically(tmp_path / "a", b"content", 0o644)
        os.umask(before)
        assert (tmp_path / "a").read_bytes() == b"content"
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644

    def test_replaces_a_file(self, tmp_path: Path) -> None:
        write_atomically(tmp_path / "a", b"old")
        write_atomically(tmp_path / "a", b"new")
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]

    def test_replaces_a_link_and_not_what_it_points_at(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"kept")
        (tmp_path / "b").symlink_to("a")
        write_atomically(tmp_path / "b", b"new")
        assert (tmp_path / "a").read_bytes() == b"kept"

    def test_leaves_the_old_file_on_a_full_disk(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_atomically(tmp_path / "a", b"old")
        FailingSync(monkeypatch, 1)
        with pytest.raises(OSError, match="No space left"):
            write_atomically(tmp_path / "a", b"new")
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]

    def test_leaves_nothing_in_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            write_atomically(tmp_path / "no" / "a", b"")


class TestReadBounded:
    def test_reads_up_to_the_limit(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"1234")
        assert read_bounded(tmp_path / "a", 4) == b"1234"
        with pytest.raises(OSError, match="larger than 3 bytes"):
            read_bounded(tmp_path / "a", 3)

    def test_makes_no_room_for_what_is_not_there(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"1234")
        assert read_bounded(tmp_path / "a", 1 << 60) == b"1234"

    def test_reads_a_file_that_tells_no_size(self) -> None:
        assert Path("/proc/self/stat").stat().st_size == 0
        assert read_bounded(Path("/proc/self/cmdline"), 1 << 20) == Path("/proc/self/cmdline").read_bytes()
        with pytest.raises(OSError, match="larger than 3 bytes"):
            read_bounded(Path("/proc/self/cmdline"), 3)

    def test_does_not_wait_for_a_pipe(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a")
        with pytest.raises(OSError, match="not a regular file"):
            read_bounded(tmp_path / "a", 4)


class TestLocked:
    def test_is_held_by_one(self, tmp_path: Path) -> None:
        lock = tmp_path / "lock"
        with locked(lock, 0), pytest.raises(Unavailable, match="by another") as caught, locked(lock, 0.01):
            pass
        assert caught.value.code == "locked"

    def test_is_let_go(self, tmp_path: Path) -> None:
        for _ in range(2):
            with locked(tmp_path / "lock", 0):
                pass

    def test_is_waited_for(self, tmp_path: Path) -> None:
        order: list[str] = []

        def second() -> None:
            with locked(tmp_path / "lock", 10):
                order.append("second")

        with locked(tmp_path / "lock", 0):
            thread = threading.Thread(target=second)
            thread.start()
            order.append("first")
        thread.join()
        assert order == ["first", "second"]

    def test_falls_with_its_process(self, tmp_path: Path) -> None:
        forked(lambda: locked(tmp_path / "lock", 0).__enter__())
        with locked(tmp_path / "lock", 0):
            pass

    def test_names_itself_when_it_cannot_be_made(self, tmp_path: Path) -> None:
        with pytest.raises(EnvGuardError, match="take the lock"), locked(tmp_path / "no" / "lock", 0):
            pass


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk-full"),
        (errno.EDQUOT, "disk-full"),
        (errno.EACCES, "permission-denied"),
        (errno.EROFS, "permission-denied"),
        (errno.ENOENT, "file-not-found"),
        (errno.EFBIG, "invalid-argument"),
        (errno.EISDIR, "invalid-argument"),
        (errno.EIO, "io-error"),
    ],
)
def test_every_failure_of_the_machine_has_a_code(number: int, code: str) -> None:
    with pytest.raises(EnvGuardError, match=r"Cannot write /a: .*\.") as caught, explained("write /a"):
        raise OSError(number, os.strerror(number))
    assert caught.value.code == code
