"""Sets of rules, put into force on real children."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard import rulesets, syscalls
from jupyter_envguard.rulesets import EXECUTE, READ_DIR, READ_FILE


class TestOpenPath:
    def test_opens_a_folder(self, tmp_path: Path) -> None:
        descriptor = rulesets.open_path(str(tmp_path))
        assert os.fstat(descriptor).st_ino == tmp_path.stat().st_ino
        os.close(descriptor)

    @pytest.mark.parametrize("name", ["link", "link/below"])
    def test_refuses_a_symbolic_link_in_any_part(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "folder/below").mkdir(parents=True)
        (tmp_path / "link").symlink_to("folder")
        with pytest.raises(OSError, match="symbolic link") as caught:
            rulesets.open_path(str(tmp_path / name))
        assert caught.value.filename == str(tmp_path / name)

    def test_a_missing_path_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError) as caught:
            rulesets.open_path(str(tmp_path / "gone"))
        assert caught.value.filename == str(tmp_path / "gone")


class TestAdd:
    @pytest.fixture
    def rules(self) -> Iterator[int]:
        found = rulesets.create(struct.pack("=Q", READ_FILE | READ_DIR | EXECUTE))
        yield found
        os.close(found)

    def test_allows_what_is_named_and_what_lies_beneath(self, tmp_path: Path) -> None:
        for name in ("named", "other", "folder/beneath"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(name)

        rights = dict.fromkeys((str(tmp_path / "named"), str(tmp_path / "folder")), READ_FILE)
        child = os.fork()
        if child == 0:  # in which nothing else can be read, so nothing but a number comes of it
            found = 99
            try:
                syscalls.checked(syscalls.libc.prctl, 38, 1, 0, 0, 0)
                rules = rulesets.create(struct.pack("=Q", READ_FILE))
                rulesets.add(rules, rights, needed=rights)
                rulesets.restrict(rules)
                found = int(
                    "".join(readable(tmp_path / name) for name in ("named", "other", "folder/beneath"))
                )
            finally:
                os._exit(found)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 101

    def test_leaves_no_descriptor_open(self, rules: int, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        (tmp_path / "link").symlink_to("file")
        before = set(os.listdir("/proc/self/fd"))
        names = ("file", "link", "gone", "file/below")
        rights = {"/": READ_DIR, **{str(tmp_path / name): READ_FILE for name in names}}
        rulesets.add(rules, rights, needed=())
        assert set(os.listdir("/proc/self/fd")) == before

    @pytest.mark.parametrize("name", ["link", "link/below", "gone", "gone/below", "file/below"])
    def test_what_is_needed_and_cannot_be_named_is_told(self, rules: int, tmp_path: Path, name: str) -> None:
        (tmp_path / "folder/below").mkdir(parents=True)
        (tmp_path / "link").symlink_to("folder")
        (tmp_path / "file").touch()
        path = str(tmp_path / name)
        with pytest.raises(OSError, match="link" if "link" in name else "No such|Not a") as caught:
            rulesets.add(rules, {path: READ_FILE}, needed=(path,))
        assert caught.value.filename == path

    def test_a_file_gets_no_right_of_folders_and_no_empty_rule(self, rules: int, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        rulesets.add(rules, {str(tmp_path / "file"): READ_DIR, f"{tmp_path}/": READ_DIR}, needed=())

    def test_what_the_set_does_not_handle_is_refused(self, rules: int) -> None:
        with pytest.raises(OSError, match="Invalid argument"):
            rulesets.add(rules, {"/": rulesets.WRITE_FILE}, needed=())


def readable(path: Path) -> str:
    """Return 1 for a file that can be read, else 0."""
    try:
        path.read_text()
    except PermissionError:
        return "0"
    return "1"
