"""What real children that are confined read, write and run, and what they do not."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_envguard import hiding, rulesets
from jupyter_envguard.confine import Confinement, command, confine
from jupyter_envguard.errors import Unavailable
from tests.children import in_child
from tests.rooms import Rooms


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    return Rooms(tmp_path.resolve())


class TestFiles:
    def test_what_is_hidden_is_not_read_and_what_is_shown_is(self, rooms: Rooms) -> None:
        hidden, shown = str(rooms.read_only), str(rooms.read_only / "shelf")
        (rooms.read_only / "shelf/file").write_text("shown")
        rooms.confinement = replace(rooms.confinement, hidden=(hidden,), shown=(shown, str(rooms.mine)))
        with pytest.raises(PermissionError):
            rooms.inside((rooms.read_only / "file").read_text)
        assert rooms.inside((rooms.read_only / "shelf/file").read_text) == "shown"
        assert rooms.inside((rooms.mine / "file").read_text) == "mine"

    def test_what_is_left_to_the_program_is_read_until_it_hides_it(self, rooms: Rooms) -> None:
        rooms.confinement = replace(rooms.confinement, later=(str(rooms.read_only),))

        def act() -> list[str]:
            before = (rooms.read_only / "file").read_text()
            rulesets.restrict(int(os.environ[hiding.LATER]))
            with pytest.raises(PermissionError):
                (rooms.read_only / "file").read_text()
            return [before, (rooms.mine / "file").read_text()]

        assert rooms.inside(act) == ["read_only", "mine"]

    def test_writes_where_it_may(self, rooms: Rooms) -> None:
        rooms.inside(lambda: (rooms.mine / "new").write_text("x"))
        assert (rooms.mine / "new").read_text() == "x"

    def test_does_not_write_where_it_may_only_read(self, rooms: Rooms) -> None:
        with pytest.raises(PermissionError):
            rooms.inside(lambda: (rooms.read_only / "new").write_text("x"))

    def test_reads_where_it_may(self, rooms: Rooms) -> None:
        assert rooms.inside((rooms.read_only / "file").read_text) == "read_only"

    def test_does_not_read_elsewhere(self, rooms: Rooms) -> None:
        with pytest.raises(PermissionError):
            rooms.inside((rooms.closed / "file").read_text)

    def test_does_not_list_elsewhere(self, rooms: Rooms) -> None:
        with pytest.raises(PermissionError):
            rooms.inside(lambda: os.listdir(rooms.closed))

    @pytest.mark.parametrize(
        "act",
        [
            lambda file: os.truncate(file, 0),
            lambda file: os.unlink(file),
            lambda file: os.rmdir(file.parent / "shelf"),
            lambda file: os.mkdir(file.parent / "new"),
            lambda file: os.mkfifo(file.parent / "new"),
            lambda file: os.symlink("x", file.parent / "new"),
            lambda file: os.rename(file, file.parent / "new"),
            lambda file: Path(f"/proc/self/root{file}").write_text("x"),
        ],
        ids=["truncate", "unlink", "rmdir", "mkdir", "mkfifo", "symlink", "rename", "proc-root"],
    )
    def test_changes_nothing_where_it_may_only_read(
        self, rooms: Rooms, act: Callable[[Path], object]
    ) -> None:
        with pytest.raises(PermissionError):
            rooms.inside(lambda: act(rooms.read_only / "file"))
        assert sorted(os.listdir(rooms.read_only)) == ["file", "program", "shelf"]
        assert (rooms.read_only / "file").read_text() == "read_only"

    def test_a_link_out_of_the_room_leads_nowhere(self, rooms: Rooms) -> None:
        (rooms.mine / "out").symlink_to(rooms.read_only / "file")
        with pytest.raises(PermissionError):
            rooms.inside(lambda: (rooms.mine / "out").write_text("x"))

    def test_a_hard_link_does_not_make_a_file_writable(self, rooms: Rooms) -> None:
        with pytest.raises(OSError, match=r"Permission denied|cross-device"):
            rooms.inside(lambda: os.link(rooms.read_only / "file", rooms.mine / "linked"))

    @pytest.mark.parametrize("way", ["in", "out"])
    def test_a_rename_does_not_cross_the_wall(self, rooms: Rooms, way: str) -> None:
        ends = [rooms.read_only / "file", rooms.mine / "moved"]
        if way == "out":
            ends = [rooms.mine / "file", rooms.read_only / "moved"]
        with pytest.raises(OSError, match=r"Permission denied|cross-device"):
            rooms.inside(lambda: os.rename(*ends))

    def test_renames_between_folders_of_its_own_room(self, rooms: Rooms) -> None:
        rooms.inside(lambda: os.rename(rooms.mine / "file", rooms.mine / "shelf/file"))
        assert (rooms.mine / "shelf/file").read_text() == "mine"

    def test_makes_no_device_even_in_its_own_room(self, rooms: Rooms) -> None:
        with pytest.raises(PermissionError):
            rooms.inside(lambda: os.mknod(rooms.mine / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3)))

    def test_writes_a_single_file_that_was_named(self, rooms: Rooms) -> None:
        def act(_: int) -> list[str]:
            confine(Confinement(write=(str(rooms.closed / "file"),)))
            (rooms.closed / "file").write_text("changed")
            return sorted(os.listdir(rooms.closed))

        with pytest.raises(PermissionError):  # the file, not its folder
            in_child(act)
        assert (rooms.closed / "file").read_text() == "changed"

    def test_a_path_behind_a_link_is_refused_with_its_name(self, rooms: Rooms) -> None:
        link = rooms.mine / "link"
        link.symlink_to(rooms.closed)
        with pytest.raises(Unavailable, match="a part of it is a symbolic link") as caught:
            in_child(lambda _: confine(Confinement(read=(str(link),))))
        assert caught.value.code == "confine-path"
        assert str(link) in caught.value.message


class TestPrograms:
    def test_runs_what_it_may(self, rooms: Rooms) -> None:
        ran = subprocess.run(
            command(rooms.confinement, ["/bin/sh", "-c", "echo ran"]), capture_output=True, text=True
        )
        assert (ran.returncode, ran.stdout) == (0, "ran\n")

    @pytest.mark.parametrize("room", ["mine", "read_only", "closed"])
    def test_does_not_run_what_it_may_read_or_write(self, rooms: Rooms, room: str) -> None:
        program = getattr(rooms, room) / "program"
        ran = subprocess.run(command(rooms.confinement, [str(program)]), capture_output=True, text=True)
        assert (ran.returncode, ran.stdout) == (126, "")
        assert ran.stderr == f"envguard: {program} cannot be started: Permission denied\n"

    def test_a_room_may_be_for_both_writing_and_running(self, rooms: Rooms) -> None:
        both = Confinement(
            execute=(*rooms.confinement.execute, str(rooms.mine)), write=rooms.confinement.write
        )
        ran = subprocess.run(command(both, [str(rooms.mine / "program")]), capture_output=True, text=True)
        assert (ran.returncode, ran.stdout) == (0, "ran\n")

    def test_keeps_its_pid_and_environment_and_signals(self, rooms: Rooms) -> None:
        script = 'echo $$ "$WORD"; yes | head -n 1 >/dev/null; grep SigIgn /proc/self/status'
        wide = Confinement(execute=("/",), write=("/dev/null",))
        process = subprocess.Popen(
            command(wide, ["/bin/sh", "-c", script]), env={"WORD": "kept"}, stdout=subprocess.PIPE, text=True
        )
        output, _ = process.communicate()
        first, ignored = output.splitlines()
        assert first == f"{process.pid} kept"
        assert int(ignored.split()[1], 16) & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1) == 0

    def test_what_cannot_be_confined_is_not_run(self, rooms: Rooms) -> None:
        missing = Confinement(execute=("/",), read=(str(rooms.mine / "gone"),))
        ran = subprocess.run(command(missing, ["/bin/echo", "ran"]), capture_output=True, text=True)
        assert (ran.returncode, ran.stdout) == (125, "")
        assert "cannot be confined" in ran.stderr

    def test_an_open_program_is_run_whatever_has_its_name(self, rooms: Rooms) -> None:
        program = os.open(shutil.which("echo") or "", os.O_RDONLY)
        inside = replace(rooms.confinement, keep=(program,), program=program)
        words = command(inside, [str(rooms.closed / "program"), "held"])
        done = subprocess.run(words, pass_fds=(program,), capture_output=True, text=True)
        os.close(program)
        assert (done.returncode, done.stdout) == (0, "held\n")
