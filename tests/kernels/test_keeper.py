"""Programs that try to outlive their keeper."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from jupyter_envguard.kernels import keeper
from tests.children import in_child

ROOT = os.geteuid() == 0
NOBODY = 65534
as_root = pytest.mark.skipif(not ROOT, reason="only root may make namespaces everywhere")

DAEMON = "(setsid sh -c 'echo up >&2; exec sleep 600' &)"
"""A process that nobody waits for: its parent is gone, its session is its own."""


class Leash:
    """A keeper and its program, and a pipe that closes when the last descendant is gone."""

    def __init__(self, script: str) -> None:
        self.alive, held = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", keeper.__file__, "/bin/sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=held,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        os.close(held)

    def wait_for_daemon(self) -> None:
        assert self.process.stderr is not None
        assert self.process.stderr.readline() == b"up\n"

    def let_go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.stdin = None

    def everything_is_gone(self) -> bool:
        """Wait until the last holder of the pipe has ended."""
        return os.read(self.alive, 1) == b""

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self.alive)


@pytest.fixture
def leash() -> Iterator[Callable[[str], Leash]]:
    made: list[Leash] = []

    def make(script: str) -> Leash:
        made.append(Leash(script))
        return made[-1]

    yield make
    for one in made:
        one.close()


class TestProcess:
    @pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -SEGV $$", 128 + 11)])
    def test_exits_as_its_program_did(self, leash: Callable[[str], Leash], script: str, code: int) -> None:
        assert leash(script).process.wait() == code

    def test_a_program_that_crashes_is_seen_to_crash(self, leash: Callable[[str], Leash]) -> None:
        assert leash("kill -TERM $$; exit 0").process.wait() == 128 + signal.SIGTERM

    def test_its_program_has_no_input(self, leash: Callable[[str], Leash]) -> None:
        assert leash("read line && exit 1; exit 4").process.wait() == 4

    def test_ends_its_program_when_it_is_let_go(self, leash: Callable[[str], Leash]) -> None:
        running = leash("echo up >&2; sleep 600")
        running.wait_for_daemon()
        running.let_go()
        assert running.everything_is_gone()
        assert running.process.wait() == 128 + signal.SIGKILL

    def test_a_daemon_does_not_outlive_the_program(self, leash: Callable[[str], Leash]) -> None:
        running = leash(f"{DAEMON}; sleep 600")
        running.wait_for_daemon()
        running.let_go()
        assert running.everything_is_gone()

    def test_a_daemon_does_not_outlive_a_program_that_ends(self, leash: Callable[[str], Leash]) -> None:
        running = leash(f"{DAEMON}; exit 5")
        assert running.process.wait() == 5
        assert running.everything_is_gone()

    def test_everything_ends_when_the_starter_is_killed(self) -> None:
        alive, held = os.pipe()
        starter = (
            "import subprocess, sys, time; program = ['/bin/sh', '-c', 'echo up >&2; sleep 600'];"
            "subprocess.Popen([sys.executable, '-I', '-S', sys.argv[1], *program],"
            " stdin=subprocess.PIPE, start_new_session=True); time.sleep(600)"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", starter, keeper.__file__], stdout=held, stderr=subprocess.PIPE
        )
        os.close(held)
        assert process.stderr is not None
        assert process.stderr.readline() == b"up\n"
        process.kill()
        assert os.read(alive, 1) == b""
        process.communicate()
        os.close(alive)

    @as_root
    def test_everything_ends_when_the_keeper_is_killed(self, leash: Callable[[str], Leash]) -> None:
        running = leash(f"{DAEMON}; sleep 600")
        running.wait_for_daemon()
        running.process.kill()
        assert running.everything_is_gone()

    @as_root
    def test_its_program_sees_no_network(self, leash: Callable[[str], Leash]) -> None:
        assert leash("test $(grep -c : /proc/net/dev) = 1").process.wait() == 0


class TestFunctions:
    """The same in a forked child, where what ran is measured."""

    @staticmethod
    def main_with_a_pipe(command: list[str], prepare: Callable[[], object] = lambda: None) -> int:
        def act(_: int) -> int:
            leash, _held = os.pipe()
            os.dup2(leash, 0)
            prepare()
            return keeper.main(command)

        return int(in_child(act))

    def test_runs_a_program_to_its_end(self) -> None:
        assert self.main_with_a_pipe(["/bin/sh", "-c", "exit 3"]) == 3

    def test_says_why_a_program_does_not_start(self, capfd: pytest.CaptureFixture[str]) -> None:
        assert self.main_with_a_pipe(["/does/not/exist"]) == keeper.CANNOT_RUN
        assert (
            capfd.readouterr().err
            == "envguard: /does/not/exist cannot be started: No such file or directory\n"
        )

    @as_root
    def test_without_namespaces_a_daemon_is_found_and_killed(self) -> None:
        alive, held = os.pipe()

        def prepare() -> None:
            os.setresuid(NOBODY, NOBODY, NOBODY)
            assert not keeper.set_apart()
            os.dup2(held, 1)

        script = "(setsid sleep 600 &) ; exit 6"
        assert self.main_with_a_pipe(["/bin/sh", "-c", script], prepare) == 6
        os.close(held)
        assert os.read(alive, 1) == b""
        os.close(alive)

    @as_root
    def test_root_sets_its_program_apart(self) -> None:
        assert in_child(lambda _: keeper.set_apart())

    def test_one_that_cannot_be_killed_in_time_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(keeper, "PATIENCE", -1.0)
        process = subprocess.Popen(["/bin/sleep", "600"])
        assert keeper.end(process.pid) == 0
        assert process.wait() == -signal.SIGKILL

    def test_a_signal_is_128_and_its_number(self) -> None:
        def act(_: int) -> int:
            return keeper.end(keeper.start(["/bin/sleep", "600"]))

        assert in_child(act) == 128 + signal.SIGKILL

    def test_finds_all_descendants(self) -> None:
        script = "sleep 600 & sleep 600 & echo up; wait"
        with subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            found = keeper.descendants(process.pid)
            for pid in (process.pid, *found):
                keeper.kill(pid)
        assert len(found) == 2

    def test_killing_what_is_gone_is_fine(self) -> None:
        process = subprocess.Popen(["/bin/true"])
        process.wait()
        keeper.kill(process.pid)

    def test_children_are_buried_until_the_program_is_one_of_them(self) -> None:
        def act(_: int) -> int:
            subprocess.Popen(["/bin/true"])
            program = subprocess.Popen(["/bin/sh", "-c", "sleep 0.05; exit 7"])
            return keeper.reap(program.pid)

        assert in_child(act) == 7

    def test_the_death_of_a_program_is_told_by_its_signal(self) -> None:
        def act(_: int) -> int:
            return keeper.reap(subprocess.Popen(["/bin/sh", "-c", "kill -9 $$"]).pid)

        assert in_child(act) == 128 + signal.SIGKILL

    def test_becoming_what_does_not_exist_returns(self, capfd: pytest.CaptureFixture[str]) -> None:
        assert in_child(lambda _: keeper.become(["/does/not/exist"])) is None
        assert "cannot be started" in capfd.readouterr().err

    def test_a_process_that_ends_while_it_is_looked_at_is_left_out(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = [*os.listdir("/proc"), str(2**22 + 1)]
        monkeypatch.setattr(keeper.os, "listdir", lambda _: names)
        assert keeper.descendants(2**22 + 1) == []
