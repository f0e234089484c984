"""Sessions of a user without rights are started behind the wall and try to get over it."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_envguard import landlock, syscalls, wall
from tests.children import in_child
from tests.sites import short_folder
from tests.walls import (
    GROUP,
    USER,
    Done,
    Place,
    become,
    exit_with,
    made_place,
    needs_python,
    outcome,
    outcome_here,
)


@pytest.fixture
def place() -> Iterator[Place]:
    with made_place() as place:
        yield place


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
        become(out, err, Path("/"))
        return wall.main([f"--spool={spool}", "--", *words])

    child = os.fork()
    if child == 0:
        exit_with(lambda _: act(), [])
    _, status = os.waitpid(child, 0)
    return Done(os.waitstatus_to_exitcode(status), said.read_text(), complained.read_text())
