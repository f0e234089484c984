"""Sessions in lockdown try to run and load what is not listed."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jupyter_envguard import landlock, mounts, seccomp, syscalls, wall
from tests.children import in_child
from tests.walls import (
    LOADER,
    SYSTEM_PYTHON,
    USER,
    Place,
    become,
    exit_with,
    made_place,
    may_mount,
    needs_mounts,
    needs_python,
    outcome,
)

RUNS = {
    "a program in the home": "cp /bin/echo e && ./e REACHED",
    "one in the temporary folder": "cp /bin/echo $TMPDIR/e && $TMPDIR/e REACHED",
    "one in shared memory": "cp /bin/echo /dev/shm/eg$$ && /dev/shm/eg$$ REACHED; rm -f /dev/shm/eg$$",
    "by the linker": f"cp /bin/echo e && {LOADER} ./e REACHED",
    "by the linker, in shared memory": (
        f"cp /bin/echo /dev/shm/eg$$ && {LOADER} /dev/shm/eg$$ REACHED; rm -f /dev/shm/eg$$"
    ),
    "a script": "printf '#!/bin/sh\\necho REACHED\\n' > s && chmod +x s && ./s",
    "an interpreter": f"{SYSTEM_PYTHON} -c 'print(\"REACHED\")'",
    "through a link to a folder": f"/usr/bin/X11/{Path(SYSTEM_PYTHON or '').name} -c 'print(\"REACHED\")'",
    "a user namespace": "unshare -Ur echo REACHED",
}


@pytest.fixture
def place() -> Iterator[Place]:
    with made_place() as place:
        yield place


@contextmanager
def readable_elsewhere() -> Iterator[Path]:
    """A folder with a program, from which a session reads, and none for temporary files."""
    base = next((path for path in ("/opt", "/") if os.access(path, os.W_OK)), Path.home())
    with tempfile.TemporaryDirectory(prefix="envguard-", dir=base) as name:
        Path(name).chmod(0o755)
        shutil.copy("/bin/echo", name)
        yield Path(name).resolve()


class TestLockdown:
    @pytest.mark.parametrize("way", RUNS)
    def test_what_is_not_listed_does_not_run(self, place: Place, way: str) -> None:
        if "linker" in way and not may_mount():
            pytest.skip("users may not make mount namespaces here")
        done = place.run("/bin/sh", "-c", RUNS[way], options=("--lockdown",))
        assert "REACHED" not in done.stdout
        assert done.stderr

    @pytest.mark.parametrize(
        "way", [way for way in RUNS if "X11" not in RUNS[way] and "unshare" not in RUNS[way]]
    )
    def test_without_it_everything_runs(self, place: Place, way: str) -> None:
        assert "REACHED" in place.run("/bin/sh", "-c", RUNS[way]).stdout

    @needs_mounts
    def test_shells_and_tools_run_and_files_are_written(self, place: Place) -> None:
        script = "ls / > list && grep -q usr list && sed -n 1p list | wc -l && echo x > $TMPDIR/x && id -u"
        done = place.run("/bin/sh", "-c", script, options=("--lockdown", "--required"))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.split() == ["1", str(USER)]

    @needs_mounts
    @pytest.mark.parametrize("required", [True, False])
    def test_what_others_put_elsewhere_is_not_loaded(self, place: Place, required: bool) -> None:
        with readable_elsewhere() as folder:
            script = f"{LOADER} {folder}/echo REACHED; echo x > new && cat new"
            assert "REACHED" in place.shell(script).stdout
            options = ("--lockdown", *(["--required"] if required else []))
            done = place.run("/bin/sh", "-c", script, options=options)
            named = place.run("/bin/sh", "-c", script, options=(*options, f"--execute={folder}"))
        assert done.stdout == "x\n"
        assert "failed to map" in done.stderr
        assert named.stdout == "REACHED\nx\n"

    @needs_python
    def test_programs_of_the_system_that_are_not_listed_are_not_loaded_nor_copied(self, place: Place) -> None:
        for script in (f"{LOADER} {SYSTEM_PYTHON} -I -c 'print(\"REACHED\")'", f"cat {SYSTEM_PYTHON}"):
            assert place.run("/bin/sh", "-c", f"{script} | head -c 9").stdout
            done = place.run("/bin/sh", "-c", script, options=("--lockdown",))
            assert (done.stdout, "Permission denied" in done.stderr) == ("", True), script

    @needs_python
    def test_what_is_hidden_is_not_read_nor_programs_that_are_not_listed(self, place: Place) -> None:
        script = f"cat $STORE/module.py; cat {SYSTEM_PYTHON} >/dev/null; cat $HOME/mine.py"
        options = ("--lockdown", f"--hide={place.store}")
        alone = place.run("/bin/sh", "-c", script, options=options[:1])
        assert (alone.stdout, alone.stderr.count("Permission denied")) == ("approved\napproved\n", 1)
        done = place.run("/bin/sh", "-c", script, options=options)
        assert (done.stdout, done.stderr.count("Permission denied")) == ("approved\n", 2)
        named = place.run("/bin/sh", "-c", script, options=(*options, f"--execute={SYSTEM_PYTHON}"))
        assert named.stderr.count("Permission denied") == 1

    def test_files_move_between_folders_where_something_is_hidden(self, place: Place) -> None:
        script = "mkdir $HOME/to && ln $HOME/mine.py $HOME/to/ && cat $HOME/to/mine.py"
        for options in (("--lockdown",), ("--lockdown", f"--hide={place.store}")):
            done = place.run("/bin/sh", "-c", f"{script}; rm -r $HOME/to", options=options)
            assert done.stdout == "approved\n", done.stderr

    @needs_mounts
    def test_a_wall_within_starts_though_less_is_kept_there(self, place: Place) -> None:
        """As terminals and kernels are started, which run less than their session."""

        def act(_: list[str]) -> int:
            landlock.become = lambda *_: 0
            tool = f"--execute={place.root}/tool"
            first = wall.main(["--lockdown", "--required", tool, "--", "/bin/true"])
            return first or wall.main(["--lockdown", "--required", "--", "/bin/true"])

        (place.root / "tool").mkdir()
        child = os.fork()
        if child == 0:
            os.environ |= {"HOME": str(place.home), "TMPDIR": str(place.root / "tmp")}
            become(1, 2, place.home)
            exit_with(act, [])
        assert os.waitpid(child, 0)[1] == 0

    @needs_mounts
    @needs_python
    def test_the_environment_of_the_command_runs_and_no_library_from_the_home(self, place: Place) -> None:
        script = (
            "import ctypes, os, re, shutil, subprocess, sys\n"
            "print(subprocess.run([sys.executable, '-I', '-c', 'print(1)'], stdout=-1).stdout)\n"
            "found = re.search(r'/\\S*libc[.-]\\S*', open('/proc/self/maps').read()).group()\n"
            "shutil.copyfile(found, 'x.so')\n"
            "for act in (lambda: ctypes.CDLL('./x.so'), lambda: os.memfd_create('x')):\n"
            "    try:\n        act()\n        print('REACHED')\n"
            "    except OSError as error:\n        print(error)\n"
        )
        assert SYSTEM_PYTHON
        done = place.run(SYSTEM_PYTHON, "-I", "-c", script, options=("--lockdown", "--required"))
        assert done.stdout.startswith("b'1\\n'"), done
        assert "REACHED" not in done.stdout

    def test_what_the_admin_names_runs(self, place: Place) -> None:
        (place.root / "tool").symlink_to("/usr/bin/env")
        assert SYSTEM_PYTHON
        options = ("--lockdown", f"--execute={SYSTEM_PYTHON}")
        done = place.run("/bin/sh", "-c", f"{SYSTEM_PYTHON} -I -c 'print(7)'", options=options)
        assert done.stdout == "7\n"

    def test_a_link_to_a_folder_is_a_danger(self, place: Place) -> None:
        (place.root / "X11").symlink_to("/usr/bin")
        options = ("--lockdown", "--required", f"--execute={place.root}/X11")
        done = place.run("/bin/true", options=options)
        assert done.returncode == landlock.CANNOT_CONFINE
        assert f"{place.root}/X11 is a link to the folder /usr/bin" in done.stderr

    def test_a_home_is_no_environment(self, place: Place) -> None:
        (place.home / "bin").mkdir()
        shutil.copy("/bin/true", place.home / "bin/true")
        shutil.copy("/bin/echo", place.home / "bin/echo")
        found, _ = wall.allowed_programs((), str(place.home / "bin/true"), [str(place.home)])
        assert [path for path in found if path.startswith(str(place.root))] == []

    @pytest.mark.parametrize("strict", [False, True])
    @needs_python
    def test_memory_is_strict_when_asked(self, place: Place, strict: bool) -> None:
        options = ("--lockdown", *(["--strict-memory"] if strict else []))
        assert SYSTEM_PYTHON
        script = "import mmap; mmap.mmap(-1, 4096, prot=7); print('made')"
        done = place.run(SYSTEM_PYTHON, "-I", "-c", script, options=options)
        assert ("made" in done.stdout) is not strict

    @pytest.mark.parametrize("required", [False, True])
    def test_where_nothing_can_be_mounted_it_is_said(
        self, place: Place, required: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(mounts, "seal", refuse)
        options = ("--lockdown", *(["--required"] if required else []))
        done = place.run("/bin/echo", "started", options=options)
        assert "programs and libraries in writable folders can be loaded" in done.stderr
        assert done.stdout == ("" if required else "started\n")
        assert done.returncode == (landlock.CANNOT_CONFINE if required else 0)

    def test_every_part_of_it_is_put_up(self, place: Place) -> None:
        assert outcome(["--lockdown", "--strict-memory", "--execute=/bin/true"], place) == landlock.CANNOT_RUN

    def test_the_process_can_tell(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def act(_: int) -> bool:
            syscalls.checked(syscalls.libc.prctl, 38, 1, 0, 0, 0)
            seccomp.install(seccomp.PROGRAMS)
            return wall.is_locked()

        assert in_child(act)
        assert not wall.is_locked()
