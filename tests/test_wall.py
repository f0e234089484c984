"""Sessions of a user without rights are started behind the wall and try to get over it."""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from jupyter_envguard import landlock, mounts, programs, seccomp, syscalls, wall
from tests.children import in_child
from tests.sites import short_folder

USER = 65534 if os.geteuid() == 0 else os.geteuid()
GROUP = 65534 if os.geteuid() == 0 else os.getegid()
SYSTEM_PYTHON = shutil.which("python3", path="/usr/bin:/bin")
needs_python = pytest.mark.skipif(SYSTEM_PYTHON is None, reason="the machine has no Python of its own")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def _become(said: int, complained: int, folder: Path) -> None:
    os.dup2(said, 1)
    os.dup2(complained, 2)
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - the wall closes all others
    os.chdir(folder)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(GROUP, GROUP, GROUP)
        os.setresuid(USER, USER, USER)
        syscalls.libc.prctl(4, 1, 0, 0, 0)  # as a process is that was started by its user


def _exit(act: Callable[[list[str]], int], words: list[str]) -> NoReturn:
    code = 1
    try:
        code = act(words)
        sys.stderr.flush()
    finally:
        os._exit(code)


@dataclass(frozen=True)
class Place:
    """A user, with a home and a store that the user owns, which is the worst case."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def store(self) -> Path:
        return self.root / "store"

    def run(self, *words: str, options: tuple[str, ...] = (), walled: bool = True, **variables: str) -> Done:
        """Run a command as the user, behind the wall or without it.

        The user need not reach this interpreter, so a fork of it becomes the command.
        """
        own = {"HOME": str(self.home), "TMPDIR": str(self.root / "tmp"), "STORE": str(self.store)}
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
            child = os.fork()
            if child == 0:
                os.environ.clear()
                os.environ |= {"PATH": "/usr/bin:/bin", **own, **variables}
                _become(said.fileno(), complained.fileno(), self.home)
                walls = wall.main if walled else lambda words: landlock.become(words[2:])
                _exit(walls, [f"--protect={self.store}", *options, "--", *words])
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            said.seek(0)
            complained.seek(0)
            return Done(code, said.read().decode(), complained.read().decode())

    def shell(self, script: str, walled: bool = True) -> Done:
        return self.run("/bin/sh", "-c", script, walled=walled)

    def python(self, script: str, walled: bool = True) -> Done:
        assert SYSTEM_PYTHON
        return self.run(SYSTEM_PYTHON, "-I", "-c", script, walled=walled)

    def state(self) -> dict[str, tuple[str, int]]:
        """Names, contents and inodes of everything in the store."""
        return {
            str(path.relative_to(self.store)): (
                path.read_text() if path.is_file() else "",
                path.lstat().st_ino,
            )
            for path in sorted(self.store.rglob("*"))
        }


@pytest.fixture
def place() -> Iterator[Place]:
    with short_folder() as folder:
        folder.chmod(0o755)
        for name in ("home", "store", "store/lib", "tmp"):
            (folder / name).mkdir()
        for name in ("store/module.py", "store/lib/other.py", "home/mine.py"):
            (folder / name).write_text("approved\n")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, USER, GROUP)
        (folder / "tmp").chmod(0o1777)
        yield Place(folder)


WRITES = {
    "open": "echo evil > $STORE/module.py",
    "append": "echo evil >> $STORE/module.py",
    "make writable, then open": "chmod u+w $STORE/module.py && echo evil > $STORE/module.py",
    "new file": "echo evil > $STORE/new.py",
    "new folder": "mkdir $STORE/new",
    "remove": "rm -f $STORE/module.py",
    "remove all": "rm -rf $STORE/lib",
    "rename within": "mv $STORE/module.py $STORE/lib/",
    "rename out": "mv $STORE/module.py $HOME/",
    "rename in": "mv $HOME/mine.py $STORE/module.py",
    "rename the store": "mv $STORE $HOME/",
    "hard link out, then write": "ln $STORE/module.py $HOME/linked && echo evil > $HOME/linked",
    "hard link in": "ln $HOME/mine.py $STORE/new.py",
    "symbolic link in": "ln -s /etc/passwd $STORE/new",
    "through a symbolic link": "ln -s $STORE $HOME/way && echo evil > $HOME/way/module.py",
    "through /proc/self/root": "echo evil > /proc/self/root$STORE/module.py",
    "through /proc/self/cwd": "cd $STORE && echo evil > /proc/self/cwd/module.py",
    "socket": "mkfifo $STORE/pipe",
    "copy over": "cp $HOME/mine.py $STORE/lib/other.py && echo x | tee $STORE/lib/other.py",
    "unpack over": "cd $STORE && echo evil > $HOME/m && tar -cf - -C $HOME m | tar -xf -",
    "background": "(setsid sh -c 'echo evil > $STORE/module.py') ; sleep 0",
    "user namespace": "unshare -Urm sh -c 'mount -t tmpfs none $STORE && echo evil > $STORE/new'",
    "truncate": "truncate -s 0 $STORE/module.py",
}


def may_mount() -> bool:
    """Tell whether the user may make mounts, as user namespaces let everybody."""

    def act(_: int) -> bool:
        if os.geteuid() == 0:
            os.setresgid(GROUP, GROUP, GROUP)
            os.setresuid(USER, USER, USER)
        syscalls.libc.prctl(4, 1, 0, 0, 0)
        try:
            mounts.seal(["/dev/shm"])
        except OSError:
            return False
        return True

    return bool(in_child(act))


needs_mounts = pytest.mark.skipif(not may_mount(), reason="users may not make mount namespaces here")
LOADER = next(filter(os.path.exists, programs.LOADERS), "")
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
            _become(1, 2, place.home)
            _exit(act, [])
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


class TestWrites:
    @pytest.mark.parametrize("attack", WRITES)
    def test_leave_a_store_that_the_user_owns_as_it_is(self, place: Place, attack: str) -> None:
        before = place.state()
        place.shell(WRITES[attack])
        assert place.state() == before

    @pytest.mark.parametrize("attack", [name for name in WRITES if name != "user namespace"])
    def test_would_succeed_without_the_wall(self, place: Place, attack: str) -> None:
        before = place.state()
        place.shell(WRITES[attack], walled=False)
        assert not place.store.exists() or place.state() != before

    @needs_python
    @pytest.mark.parametrize(
        "script",
        [
            "os.truncate(store + '/module.py', 0)",
            "os.rename(store + '/module.py', os.environ['HOME'] + '/x')",
            "os.link(store + '/module.py', os.environ['HOME'] + '/x')",
            "os.open(store, os.O_TMPFILE | os.O_WRONLY)",
            "os.mknod(store + '/new')",
            "os.unlink(store + '/module.py')",
            "os.rmdir(store + '/lib')",
            "__import__('shutil').rmtree(store)",
            "__import__('socket').socket(__import__('socket').AF_UNIX).bind(store + '/socket')",
            "os.replace(os.environ['HOME'] + '/mine.py', store + '/module.py')",
            "open('/proc/self/cwd/../store/module.py', 'r+').write('evil')",
        ],
    )
    def test_by_system_calls_are_refused(self, place: Place, script: str) -> None:
        before = place.state()
        done = place.python(f"import os; store = os.environ['STORE']; {script}")
        assert done.returncode == 1
        assert "Error" in done.stderr
        assert place.state() == before

    @pytest.mark.parametrize("where", ["$HOME/new", "$TMPDIR/new", "/dev/shm/envguard-$$", "/dev/null"])
    def test_are_allowed_where_people_work(self, place: Place, where: str) -> None:
        done = place.shell(f"echo x > {where} && rm -f {where if 'null' not in where else ''}")
        assert (done.returncode, done.stderr) == (0, "")

    def test_are_allowed_where_the_site_says(self, place: Place) -> None:
        done = place.run(
            "/bin/sh", "-c", f"echo x > {place.root}/tmp/x", options=(f"--write={place.root}/tmp",)
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_work_between_the_users_own_folders(self, place: Place) -> None:
        done = place.shell(
            "echo x > $TMPDIR/a && mv $TMPDIR/a $HOME/a && ln $HOME/a $TMPDIR/b && cat $HOME/a"
        )
        assert (done.returncode, done.stdout) == (0, "x\n")

    def test_a_temporary_folder_is_private(self, place: Place) -> None:
        done = place.shell("echo $TMPDIR; echo x > $TMPDIR/../shared")
        folder = Path(done.stdout.strip())
        assert folder == place.root / "tmp" / f"envguard-{USER}"
        assert (folder.stat().st_mode & 0o777, folder.stat().st_uid) == (0o700, USER)
        assert done.returncode != 0


class TestRights:
    def test_a_session_gains_none(self, place: Place) -> None:
        status = place.run("/bin/grep", "-E", "^(NoNewPrivs|CapEff|CapBnd)", "/proc/self/status").stdout
        assert "NoNewPrivs:\t1" in status
        assert "CapEff:\t0000000000000000" in status

    def test_a_session_cannot_signal_what_is_outside(self, place: Place) -> None:
        rights = {"user": USER, "group": GROUP, "extra_groups": []} if os.geteuid() == 0 else {}
        sleeper = subprocess.Popen(["/bin/sleep", "60"], **rights)  # type: ignore[call-overload]
        try:
            assert place.shell(f"kill -9 {sleeper.pid}").returncode != 0
            assert sleeper.poll() is None
            assert place.shell(f"cat /proc/{sleeper.pid}/environ").returncode != 0
        finally:
            sleeper.kill()
            sleeper.wait()

    def test_a_session_is_signalled_from_outside(self, place: Place) -> None:
        session = subprocess.Popen([*wall.command(sys.executable), "--", "/bin/sleep", "60"])
        session.send_signal(signal.SIGTERM)
        assert session.wait(30) == -signal.SIGTERM

    def test_descriptors_are_not_inherited(self, place: Place) -> None:
        with open(place.store / "module.py", "a") as file:
            command = [*wall.command(sys.executable), "--", "/bin/ls", "/proc/self/fd"]
            done = subprocess.run(command, pass_fds=(file.fileno(),), capture_output=True, text=True)
        assert str(file.name) and done.stdout.split() == ["0", "1", "2", "3"]


class TestCommand:
    def test_another_interpreter_finds_the_package_itself(self) -> None:
        assert wall.command("/opt/python") == ["/opt/python", "-I", "-m", "jupyter_envguard.wall"]

    def test_both_ways_lead_to_the_same_wall(self) -> None:
        for before in (wall.command(sys.executable), [sys.executable, "-I", "-m", "jupyter_envguard.wall"]):
            done = subprocess.run([*before, "--", "/bin/echo", "x"], capture_output=True, text=True)
            assert (done.returncode, done.stdout, done.stderr) == (0, "x\n", "")

    @pytest.mark.parametrize(
        "words",
        [
            [],
            ["--"],
            ["/bin/true"],
            ["--write", "--", "/bin/true"],
            ["--required=yes", "--", "/bin/true"],
            ["--wite=/x", "--", "/bin/true"],
        ],
    )
    def test_what_cannot_be_meant_starts_nothing(
        self, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "argv", ["jupyter-envguard-confine", *words])
        assert wall.main() == landlock.CANNOT_CONFINE
        assert capsys.readouterr().err.startswith("envguard: the session cannot start: ")

    def test_a_command_that_is_not_there_is_said(self, place: Place) -> None:
        done = place.run("/no/such/program")
        assert done.returncode == landlock.CANNOT_RUN
        assert done.stderr == "envguard: /no/such/program cannot be started: No such file or directory\n"

    def test_a_temporary_folder_that_cannot_be_made_is_said(self, place: Place) -> None:
        done = place.run("/bin/true", TMPDIR="/no/such/folder")
        assert done.returncode == landlock.CANNOT_CONFINE
        assert done.stderr == (
            "envguard: the session cannot start: No such file or directory "
            f"(/no/such/folder/envguard-{USER})\n"
        )


def outcome(words: list[str], place: Place, before: Callable[[], None] = lambda: None) -> int:
    """Return what `main` returns in a child whose command cannot be started, so that it does return."""

    def act(_: int) -> int:
        before()
        return outcome_here(words, place)

    return int(in_child(act))


def outcome_here(words: list[str], place: Place) -> int:
    landlock.close_all_but = lambda keep: None  # the answer of a child goes through a descriptor
    os.environ |= {"HOME": str(place.home), "TMPDIR": str(place.root / "tmp")}
    return wall.main([*words, "--", "/no/such/program"])


class TestWhatIsMissing:
    """Where there is no wall: required sessions do not start, others say so."""

    @staticmethod
    def without_landlock() -> None:
        syscalls.MACHINES = ()

    @staticmethod
    def with_an_old_kernel() -> None:
        landlock.probe = lambda: 1  # type: ignore[assignment]

    @pytest.mark.parametrize(
        ("machine", "why"),
        [
            (without_landlock, "this machine has no Landlock or has it switched off"),
            (with_an_old_kernel, "Landlock ABI 1 is too old, 2 is needed"),
        ],
    )
    def test_is_one_sentence(
        self, place: Place, capfd: pytest.CaptureFixture[str], machine: Callable[[], None], why: str
    ) -> None:
        assert outcome(["--required"], place, machine) == landlock.CANNOT_CONFINE
        said = capfd.readouterr().err
        assert said.startswith(f"envguard: the session does not start: {why}")
        assert said.count("\n") == 1
        assert outcome([], place, machine) == landlock.CANNOT_RUN
        assert f"envguard: the session is not confined as it should be: {why}" in capfd.readouterr().err

    def test_a_home_that_holds_the_store_is_a_danger(
        self, place: Place, capfd: pytest.CaptureFixture[str]
    ) -> None:
        protect = f"--protect={place.home}/mine.py"
        assert outcome(["--required", protect], place) == landlock.CANNOT_CONFINE
        assert f"{place.home} holds {place.home}/mine.py" in capfd.readouterr().err
        assert outcome([protect], place) == landlock.CANNOT_RUN

    def test_a_good_wall_is_silent(self, place: Place, capfd: pytest.CaptureFixture[str]) -> None:
        assert outcome(["--required", f"--protect={place.store}"], place) == landlock.CANNOT_RUN
        assert (
            capfd.readouterr().err
            == "envguard: /no/such/program cannot be started: No such file or directory\n"
        )


class TestOpenFolders:
    def test_what_is_not_there_is_left_out(self, tmp_path: Path) -> None:
        assert wall.open_folders([str(tmp_path / "none"), str(tmp_path)], []) == ([str(tmp_path)], [])

    def test_a_link_into_the_store_opens_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "store/lib").mkdir(parents=True)
        for target in ("store", "store/lib"):
            (tmp_path / "projects").symlink_to(tmp_path / target)
            folders, dangers = wall.open_folders([str(tmp_path / "projects")], [str(tmp_path / "store")])
            assert folders == []
            assert dangers == [f"{tmp_path / target} lies inside {tmp_path}/store"]
            (tmp_path / "projects").unlink()

    def test_a_neighbour_with_a_longer_name_is_no_danger(self, tmp_path: Path) -> None:
        (tmp_path / "store2").mkdir()
        assert wall.open_folders([str(tmp_path / "store2")], [str(tmp_path / "store")])[1] == []

    def test_the_root_holds_everything(self) -> None:
        assert wall.open_folders(["/"], ["/opt/envguard"]) == (["/"], ["/ holds /opt/envguard"])


class TestPrivateFolder:
    def test_is_the_same_each_time_and_inside_itself(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        first = wall.private_folder()
        monkeypatch.setenv("TMPDIR", first)
        assert wall.private_folder() == first == str(tmp_path / f"envguard-{os.geteuid()}")

    @pytest.mark.parametrize("taken", ["file", "link", "open folder"])
    def test_is_another_when_the_name_is_taken(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: str
    ) -> None:
        name = tmp_path / f"envguard-{os.geteuid()}"
        if taken == "file":
            name.touch()
        elif taken == "link":
            name.symlink_to(tmp_path)
        else:
            name.mkdir()
            name.chmod(0o777)
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        monkeypatch.setattr("tempfile.tempdir", None)
        found = Path(wall.private_folder())
        assert found != name
        assert found.parent == tmp_path
        assert found.stat().st_mode & 0o777 == 0o700

    def test_the_home_is_the_accounts_when_nobody_said_which(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("HOME")
        assert wall.home_folder() == str(Path("~").expanduser())


class TestStands:
    def test_tells_behind_a_wall(self, place: Place) -> None:
        def act(_: int) -> bool:
            assert outcome_here([], place) == landlock.CANNOT_RUN
            return wall.stands(str(place.store))

        assert in_child(act)

    def test_an_own_store_is_open_without_one(self, tmp_path: Path) -> None:
        assert not wall.stands(str(tmp_path))

    def test_a_closed_store_alone_is_no_wall(self) -> None:
        assert not wall.stands("/proc/sys")


def test_devices_are_there_and_no_links() -> None:
    found = wall.devices()
    assert {"/dev/null", "/dev/shm"} <= set(found)
    assert [path for path in found if os.path.realpath(path) != path] == []


class TestSpool:
    """A session writes to its user's folder in the spool, and to no other one."""

    @pytest.fixture(autouse=True)
    def told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ENVGUARD_SPOOL", "")
        monkeypatch.setenv("JUPYTERHUB_USER", "ada@example.org")

    def test_the_folder_is_made_opened_and_told(self, tmp_path: Path) -> None:
        assert wall._spool({"--spool": [str(tmp_path)]}) == [f"{tmp_path}/ada@example.org"]
        assert os.environ["ENVGUARD_SPOOL"] == f"{tmp_path}/ada@example.org"
        assert wall._spool({}) == []

    def test_a_spool_that_is_not_there_is_left_to_whoever_records(self, tmp_path: Path) -> None:
        assert wall._spool({"--spool": [str(tmp_path / "none")]}) == []
        assert os.environ["ENVGUARD_SPOOL"] == ""

    def test_without_a_hub_the_user_is_the_account(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("JUPYTERHUB_USER")
        assert wall.user_name() == pwd.getpwuid(os.geteuid()).pw_name
        monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_123)
        assert wall.user_name() == "4000000123"

    def test_other_users_records_can_neither_be_written_nor_read(self, tmp_path: Path) -> None:
        with short_folder() as folder:
            folder.chmod(0o755)
            spool = folder / "spool"
            spool.mkdir()
            spool.chmod(0o1733)
            for name, owner in (("ada", USER), ("bob", USER - 1 if os.geteuid() == 0 else USER)):
                (spool / name).mkdir(mode=0o700)
                (spool / name / "x").write_text("kept")
                if os.geteuid() == 0:
                    os.chown(spool / name, owner, -1)
                    os.chown(spool / name / "x", owner, -1)
            code = (
                "for place in ada bob; do (echo new > $0/$place/y) 2>/dev/null && echo wrote $place; done; "
            )
            code += "mkdir $0/eve 2>/dev/null && echo made eve; cat $0/bob/x 2>/dev/null; true"
            done = in_session(folder, "/bin/sh", "-c", code, str(spool), spool=spool)
            lines = done.stdout.split()
            assert lines[:2] == ["wrote", "ada"]
            assert "eve" not in lines
            assert "bob" not in lines
            # Landlock takes no reading away: between accounts the mode of the folder does.
            assert ("kept" in lines) is (os.geteuid() != 0)
            assert os.environ.get("ENVGUARD_SPOOL", "") == ""


def in_session(folder: Path, *words: str, spool: Path) -> Done:
    """Run a command behind a wall that opens the folder of `ada` in `spool`."""
    said, complained = folder / "said", folder / "complained"

    def act() -> int:
        out, err = (os.open(path, os.O_WRONLY | os.O_CREAT, 0o666) for path in (said, complained))
        os.environ |= {"JUPYTERHUB_USER": "ada", "HOME": "/nonexistent", "TMPDIR": "/tmp"}
        _become(out, err, Path("/"))
        return wall.main([f"--spool={spool}", "--", *words])

    child = os.fork()
    if child == 0:
        _exit(lambda _: act(), [])
    _, status = os.waitpid(child, 0)
    return Done(os.waitstatus_to_exitcode(status), said.read_text(), complained.read_text())
