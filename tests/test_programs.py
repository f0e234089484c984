from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from jupyter_envguard import programs


def test_the_usual_programs_are_regular_files_without_links() -> None:
    found = programs.usual()
    assert found
    assert all(stat.S_ISREG(os.lstat(path).st_mode) and os.path.realpath(path) == path for path in found)
    assert len(set(found)) == len(found)


def test_a_shell_is_among_them_and_no_interpreter_or_compiler() -> None:
    names = {Path(path).name for path in programs.usual()}
    assert names & {"bash", "dash", "busybox"}
    wanted = ("python", "perl", "ruby", "node", "gcc", "cc", "as", "ld.bfd", "unshare", "nsenter")
    assert [name for name in names if name.startswith(wanted)] == []


def test_a_link_to_a_folder_allows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `/usr/bin/X11`, which is a link to `.`, would allow all of `/usr/bin`."""
    (tmp_path / "sh").symlink_to(".")
    (tmp_path / "bash").mkdir()
    (tmp_path / "cat").touch()
    (tmp_path / "ls").symlink_to("cat")
    (tmp_path / "tee").symlink_to("gone")
    monkeypatch.setattr(programs, "FOLDERS", (str(tmp_path), str(tmp_path / "none")))
    monkeypatch.setattr(programs, "LOADERS", ())
    assert programs.usual() == [str(tmp_path / "cat")]


class TestEnvironment:
    def test_is_the_folder_above_the_bin_of_a_program(self, tmp_path: Path) -> None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "real").touch()
        (tmp_path / "bin/python").symlink_to("../real")
        program = str(tmp_path / "bin/python")
        assert programs.environment(program) == [str(tmp_path / "real"), str(tmp_path)]

    @pytest.mark.parametrize("program", ["/bin/sh", "/usr/bin/env"])
    def test_is_never_a_folder_of_the_system(self, program: str) -> None:
        assert programs.environment(program) == [os.path.realpath(program)]

    def test_is_nothing_for_what_is_not_there(self, tmp_path: Path) -> None:
        assert programs.environment(str(tmp_path / "gone")) == []


class TestLibraries:
    @pytest.fixture(autouse=True)
    def machine(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("lib", "base/bin", "base/lib", "venv/bin", "venv/lib", "more/lib", "listed"):
            (tmp_path / name).mkdir(parents=True)
        (tmp_path / "lib64").symlink_to("lib")
        (tmp_path / "base/bin/python").touch()
        (tmp_path / "venv/bin/python").symlink_to("../../base/bin/python")
        libraries = (f"{tmp_path}/lib", f"{tmp_path}/lib64", f"{tmp_path}/none", "/usr")
        monkeypatch.setattr(programs, "LIBRARIES", libraries)
        monkeypatch.setattr(programs, "LINKED", f"{tmp_path}/ld.so.conf.d")

    def test_are_those_of_the_system_without_links_and_never_all_of_it(self, tmp_path: Path) -> None:
        assert programs.libraries([str(tmp_path / "nothing"), str(tmp_path / "base")]) == [
            str(tmp_path / "lib")
        ]

    @pytest.mark.parametrize("started", ["base/bin/python", "venv/bin/python", "base/bin"])
    def test_are_those_of_what_is_started_too(self, tmp_path: Path, started: str) -> None:
        found = programs.libraries([str(tmp_path / started)])
        assert found == [str(tmp_path / "lib"), str(tmp_path / "base/lib")]

    def test_are_those_that_the_linker_is_told_of(self, tmp_path: Path) -> None:
        (tmp_path / "ld.so.conf.d").mkdir()
        (tmp_path / "ld.so.conf.d/a.conf").write_text(f"# why\n{tmp_path}/listed \n{tmp_path}/gone\n")
        (tmp_path / "ld.so.conf.d/b.conf").mkdir()
        (tmp_path / "ld.so.conf.d/c.conf").write_bytes(b"\xff\n")
        assert programs.libraries([]) == [str(tmp_path / "lib"), str(tmp_path / "listed")]


class TestNamed:
    def test_a_program_may_be_named_by_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "tool").touch()
        (tmp_path / "link").symlink_to("tool")
        assert programs.named([str(tmp_path / "link"), str(tmp_path / "tool")]) == (
            [str(tmp_path / "tool")],
            [],
        )

    def test_a_folder_only_by_its_own_path(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "X11").symlink_to("folder")
        found, dangers = programs.named([str(tmp_path / "folder"), str(tmp_path / "X11")])
        assert found == [str(tmp_path / "folder")]
        assert dangers == [f"{tmp_path}/X11 is a link to the folder {tmp_path}/folder"]

    def test_what_is_not_there_is_passed_over(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        assert programs.named([str(tmp_path / "gone"), str(tmp_path / "pipe")]) == ([], [])
