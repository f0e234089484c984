"""Real children are confined and try to get out."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard import mounts
from jupyter_envguard.confine import (
    SYSTEM_FILES,
    SYSTEM_PROGRAMS,
    SYSTEM_SINKS,
    Confinement,
    Support,
    available,
    command,
    confine,
    system_paths,
)
from jupyter_envguard.errors import InvalidInput, Unavailable
from jupyter_envguard.seccomp import PROGRAMS
from tests.children import in_child
from tests.rooms import Rooms
from tests.walls import needs_mounts

ROOT = os.geteuid() == 0
NOBODY = (65534, 65534)
as_root = pytest.mark.skipif(not ROOT, reason="only root can become somebody else")


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    return Rooms(tmp_path.resolve())


class TestConfinement:
    def test_allows_nothing_by_default(self) -> None:
        nothing = Confinement()
        assert (nothing.read, nothing.execute, nothing.write, nothing.network) == ((), (), (), False)
        assert nothing.scope

    @pytest.mark.parametrize("path", ["relative", "", "./here", "/with\0nul"])
    def test_refuses_a_path_that_depends_on_where_one_stands(self, path: str) -> None:
        with pytest.raises(InvalidInput, match="absolute"):
            Confinement(write=(path,))

    def test_refuses_a_limit_that_does_not_exist(self) -> None:
        with pytest.raises(InvalidInput, match="'patience' is not a resource limit"):
            Confinement(limits=(("patience", 1),))


class TestSupport:
    def test_this_machine_can_confine(self) -> None:
        support = available()
        assert support.files
        assert support.reason == ""

    def test_everything_is_enforced_by_a_new_kernel(self) -> None:
        assert Support(7).gaps(Confinement()) == ()

    def test_names_each_gap_of_an_older_kernel(self) -> None:
        network, scope = Support(3).gaps(Confinement())
        assert network == "TCP stays open: Landlock ABI 4 is needed and this kernel has 3."
        assert scope.startswith("Signals and abstract sockets reach out: Landlock ABI 6")

    def test_a_gap_that_nobody_asked_to_close_is_none(self) -> None:
        assert Support(3).gaps(Confinement(network=True, scope=False)) == ()

    def test_without_landlock_nothing_is_confined(self) -> None:
        assert Support(0, "switched off").gaps(Confinement()) == ("Nothing can be confined: switched off.",)
        assert Support(1).gaps(Confinement()) == ("Nothing can be confined: Landlock is too old.",)

    def test_says_why_there_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jupyter_envguard.syscalls.MACHINES", ())
        assert available() == Support(
            0, "the kernel has no Landlock or has it switched off (Function not implemented)"
        )


class TestNetwork:
    @pytest.fixture
    def port(self) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield server.getsockname()[1]

    def test_does_not_connect(self, port: int) -> None:
        def act(_: int) -> None:
            confine(Confinement(read=("/",)))
            socket.create_connection(("127.0.0.1", port))

        with pytest.raises(PermissionError):
            in_child(act)

    def test_does_not_listen(self) -> None:
        def act(_: int) -> None:
            confine(Confinement(read=("/",)))
            socket.create_server(("127.0.0.1", 0), reuse_port=False)

        with pytest.raises(PermissionError):
            in_child(act)

    def test_connects_when_it_may(self, port: int) -> None:
        def act(_: int) -> int:
            confine(Confinement(read=("/",), network=True))
            with socket.create_connection(("127.0.0.1", port)) as connection:
                return int(connection.getpeername()[1])

        assert in_child(act) == port


class TestScope:
    @pytest.fixture
    def bystander(self) -> Iterator[int]:
        with subprocess.Popen(["/bin/sleep", "60"]) as process:
            yield process.pid
            process.kill()

    def test_does_not_signal_a_process_outside(self, bystander: int) -> None:
        def act(_: int) -> None:
            confine(Confinement(read=("/",)))
            os.kill(bystander, signal.SIGTERM)

        with pytest.raises(PermissionError):
            in_child(act)

    def test_signals_outside_when_the_scope_is_open(self, bystander: int) -> None:
        def act(_: int) -> None:
            confine(Confinement(read=("/",), scope=False))
            os.kill(bystander, 0)

        in_child(act)

    def test_signals_its_own_children(self) -> None:
        def act(_: int) -> int:
            confine(Confinement(execute=("/",)))
            child = os.fork()
            if child == 0:
                signal.pause()
            os.kill(child, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        assert in_child(act) == -signal.SIGKILL

    def test_is_signalled_from_outside(self, rooms: Rooms) -> None:
        with subprocess.Popen(
            command(rooms.confinement, ["/bin/sh", "-c", "echo up; read line"]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
        assert process.returncode == -signal.SIGINT

    def test_does_not_reach_an_abstract_socket_outside(self) -> None:
        name = f"\0envguard-test-{os.getpid()}"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)
            server.listen()

            def act(_: int) -> None:
                confine(Confinement(read=("/",)))
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(name)

            with pytest.raises(PermissionError):
                in_child(act)

    def test_does_not_read_the_environment_of_a_process_outside(self, bystander: int) -> None:
        def act(_: int) -> bytes:
            confine(Confinement(read=("/",)))
            return Path(f"/proc/{bystander}/environ").read_bytes()

        with pytest.raises(PermissionError):
            in_child(act)


class TestRights:
    def status(self, confinement: Confinement) -> dict[str, str]:
        def act(_: int) -> str:
            confine(confinement)
            return Path("/proc/self/status").read_text()

        lines = in_child(act).splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def test_has_no_capability_and_gets_none_back(self) -> None:
        status = self.status(Confinement(read=("/proc/self",)))
        assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
        assert status["NoNewPrivs"] == "1"

    @as_root
    def test_the_bounding_set_is_empty(self) -> None:
        assert self.status(Confinement(read=("/proc/self",)))["CapBnd"] == "0" * 16

    @as_root
    def test_root_without_capabilities_stays_without_after_exec(self) -> None:
        wide = Confinement(execute=("/",))
        ran = subprocess.run(
            command(wide, ["/bin/grep", "CapEff", "/proc/self/status"]), capture_output=True, text=True
        )
        assert ran.stdout.split()[1] == "0" * 16

    @as_root
    def test_becomes_somebody_else_for_good(self) -> None:
        def act(_: int) -> tuple[object, ...]:
            confine(Confinement(read=("/",), user=NOBODY))
            return os.getresuid(), os.getresgid(), os.getgroups()

        assert in_child(act) == ((65534,) * 3, (65534,) * 3, [])

    @as_root
    def test_does_not_become_root_again(self) -> None:
        def act(_: int) -> None:
            confine(Confinement(read=("/",), user=NOBODY))
            os.setuid(0)

        with pytest.raises(PermissionError):
            in_child(act)

    @as_root
    def test_somebody_else_cannot_become_another(self) -> None:
        def act(_: int) -> None:
            os.setresuid(65534, 65534, 65534)
            confine(Confinement(user=(1, 1)))

        with pytest.raises(Unavailable, match="not permitted") as caught:
            in_child(act)
        assert caught.value.code == "confine-unavailable"

    @as_root
    def test_somebody_else_can_be_confined(self) -> None:
        def act(_: int) -> None:
            os.setresuid(65534, 65534, 65534)
            confine(Confinement())
            os.listdir("/")

        with pytest.raises(PermissionError):
            in_child(act)

    def test_lives_within_limits(self) -> None:
        def act(_: int) -> tuple[int, int]:
            confine(Confinement(limits=(("nofile", 50), ("core", 0))))
            return resource.getrlimit(resource.RLIMIT_NOFILE)

        assert in_child(act) == (50, 50)

    def test_closes_its_own_descriptors_when_told_what_to_keep(self) -> None:
        def act(answers: int) -> None:
            lost, _ = os.pipe()
            confine(Confinement(keep=(answers,)))
            os.fstat(lost)

        with pytest.raises(OSError, match="Bad file descriptor"):
            in_child(act)

    def test_a_program_gets_only_the_descriptors_it_is_told_to(self, tmp_path: Path) -> None:
        with open(tmp_path / "kept", "w") as kept, open(tmp_path / "lost", "w") as lost:
            inside = Confinement(execute=("/",), keep=(kept.fileno(),))
            listing = command(inside, ["/bin/ls", "-l", "/proc/self/fd"])
            ran = subprocess.run(
                listing, capture_output=True, text=True, pass_fds=(kept.fileno(), lost.fileno()), check=True
            )
        assert str(tmp_path / "kept") in ran.stdout
        assert str(tmp_path / "lost") not in ran.stdout


class TestNesting:
    def test_a_second_wall_only_narrows(self, rooms: Rooms) -> None:
        def act(_: int) -> str:
            confine(Confinement(read=(str(rooms.mine), str(rooms.read_only))))
            confine(Confinement(read=(str(rooms.mine),)))
            return (rooms.mine / "file").read_text()

        assert in_child(act) == "mine"

    def test_a_second_wall_opens_nothing(self, rooms: Rooms) -> None:
        def act(_: int) -> str:
            confine(Confinement(read=(str(rooms.mine),)))
            confine(Confinement(read=("/",)))
            return (rooms.closed / "file").read_text()

        with pytest.raises(PermissionError):
            in_child(act)

    def test_a_confined_process_starts_a_confined_program(self, rooms: Rooms) -> None:
        inner = command(
            Confinement(execute=("/usr",), write=("/dev/null",)), ["/bin/cat", str(rooms.mine / "file")]
        )
        outer = Confinement(execute=("/",), write=("/dev/null",))
        ran = subprocess.run(command(outer, inner), capture_output=True, text=True)
        assert "Permission denied" in ran.stderr
        assert ran.stdout == ""


class TestSystemPaths:
    def test_leaves_out_what_does_not_exist(self) -> None:
        assert system_paths("/does/not/exist") == ()

    def test_resolves_links_and_names_each_path_once(self, tmp_path: Path) -> None:
        folder = tmp_path.resolve()
        (folder / "link").symlink_to(folder)
        assert system_paths(str(folder / "link"), str(folder)) == (str(folder),)

    def test_leaves_the_process_itself_open(self) -> None:
        assert system_paths("/proc/self") == ("/proc/self",)

    def test_suffices_to_run_a_real_interpreter(self, rooms: Rooms) -> None:
        python = system_paths(sys.prefix, sys.base_prefix, os.path.dirname(os.path.realpath(sys.executable)))
        inside = Confinement(
            read=system_paths(*SYSTEM_FILES),
            execute=(*system_paths(*SYSTEM_PROGRAMS), *python),
            write=(str(rooms.mine), *SYSTEM_SINKS),
            keep=(),
        )
        ran = subprocess.run(
            command(
                inside, [os.path.realpath(sys.executable), "-I", "-c", "import ssl, sqlite3; print('ran')"]
            ),
            capture_output=True,
            text=True,
        )
        assert (ran.returncode, ran.stdout) == (0, "ran\n"), ran.stderr


class TestLockdown:
    def locked(self, rooms: Rooms, **more: Any) -> Confinement:
        programs = (*system_paths(*SYSTEM_PROGRAMS), str(rooms.mine / "shelf"))
        write = (str(rooms.mine), "/dev/null")
        return Confinement(
            read=("/",), execute=programs, write=write, sealed=(str(rooms.mine),), network=True, **more
        )

    @needs_mounts
    def test_nothing_runs_from_a_sealed_room_or_from_memory(self, rooms: Rooms) -> None:
        shutil.copy("/bin/true", rooms.mine / "shelf/true")
        rooms.confinement = self.locked(rooms, refused=PROGRAMS)

        def act() -> list[object]:
            attempts: list[Callable[[], object]] = [
                lambda: subprocess.run([rooms.mine / "program"], check=True),
                lambda: os.memfd_create("x"),
                lambda: subprocess.run([rooms.mine / "shelf/true"], check=True),
                lambda: (rooms.mine / "new").write_text("x"),
            ]
            return [_reaches(attempt) for attempt in attempts]

        assert rooms.inside(act) == [False, False, True, True]

    @pytest.mark.parametrize("must", [False, True])
    def test_where_nothing_can_be_mounted_it_is_refused_or_tolerated(self, rooms: Rooms, must: bool) -> None:
        rooms.confinement = self.locked(rooms, must_seal=must)

        def refuse(*_: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        def confined(_: int) -> str:
            mounts.seal = refuse
            try:
                confine(rooms.confinement)
            except Unavailable as error:
                return error.message
            return "confined"

        said = in_child(confined)
        assert ("no mount is made" in said) if must else said == "confined"


def _reaches(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True
