from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

from jupyter_envguard.errors import PackRefused, Unavailable
from jupyter_envguard.image import writer
from jupyter_envguard.image.extract import Extraction


def extraction(folder: Path) -> Extraction:
    return Extraction(folder, mtime=0, owner=None)


def test_a_tree_is_whole_after_sealing(tmp_path: Path) -> None:
    with extraction(tmp_path) as tree:
        tree.folder("empty")
        tree.file("bin/run", True, b"#!")
        tree.start_file("big", False, 3 * writer.CHUNK)
        for _ in range(3):
            tree.write(bytes(writer.CHUNK))
        tree.symlink("go", "bin/run")
        tree.hardlink("same", "bin/run")
        tree.seal()
    assert (tmp_path / "big").stat().st_size == 3 * writer.CHUNK
    assert (tmp_path / "go").read_bytes() == (tmp_path / "same").read_bytes() == b"#!"
    assert (tmp_path / "empty").stat().st_mode & 0o777 == 0o555


def test_the_umask_of_this_process_does_not_matter(tmp_path: Path) -> None:
    before = os.umask(0o777)
    try:
        with extraction(tmp_path) as tree:
            tree.file("run", True, b"")
            tree.seal()
    finally:
        os.umask(before)
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o555


def test_a_path_that_exists_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "f").symlink_to("/etc/passwd")
    with (
        extraction(tmp_path) as tree,
        pytest.raises(PackRefused, match="f of the pack cannot be written") as caught,
    ):
        tree.file("f", False, b"")
        tree.seal()
    assert caught.value.code == "image-member-refused"


def test_a_refusal_is_heard_in_the_middle_of_a_long_stream(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with extraction(tmp_path) as tree, pytest.raises(PackRefused, match="f of the pack"):
        tree.start_file("f", False, 100 * writer.CHUNK)
        for _ in range(100):
            tree.write(bytes(writer.CHUNK))


def test_other_errors_of_the_system_keep_their_meaning(tmp_path: Path) -> None:
    with extraction(tmp_path) as tree:
        error = tree._explained("lib/x", errno.EDQUOT, os.strerror(errno.EDQUOT))
    assert error.code == "disk-full"
    assert "lib/x" in error.message


def test_a_killed_writer_is_reported(tmp_path: Path) -> None:
    with extraction(tmp_path) as tree, pytest.raises(Unavailable, match="ended early") as caught:
        tree._child.process.send_signal(signal.SIGKILL)
        tree._child.process.wait()
        for _ in range(100):
            tree.file("f", False, bytes(writer.CHUNK))
    assert caught.value.code == "image-unpack-failed"


def test_a_writer_that_cannot_open_its_folder_says_why(tmp_path: Path) -> None:
    with (
        Extraction(tmp_path / "absent", mtime=0, owner=None) as tree,
        pytest.raises(Unavailable, match="absent"),
    ):
        tree.seal()


def test_leaving_early_abandons_the_tree_and_ends_the_process(tmp_path: Path) -> None:
    with pytest.raises(KeyError), extraction(tmp_path) as tree:
        tree.start_file("f", False, 10)
        raise KeyError
    assert tree._child.process.returncode is not None
