"""The system calls below `confine`; what they do to real processes: `test_confine`, `test_confine_files`."""

from __future__ import annotations

import errno
import os
import resource
import struct
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from jupyter_envguard import landlock, rulesets, syscalls
from jupyter_envguard.confine import Confinement
from tests.children import in_child

NOTHING = asdict(Confinement(network=True, scope=False))


class TestRuleset:
    @pytest.mark.parametrize(("abi", "size"), [(2, 8), (3, 8), (4, 16), (5, 16), (6, 24), (7, 24), (99, 24)])
    def test_has_the_size_that_the_kernel_knows(self, abi: int, size: int) -> None:
        assert len(landlock.ruleset(abi, network=False, scope=True)) == size

    @pytest.mark.parametrize(
        ("abi", "newest"),
        [
            *((2, rulesets.REFER), (3, rulesets.TRUNCATE), (4, rulesets.TRUNCATE)),
            *((5, rulesets.IOCTL_DEV), (7, rulesets.IOCTL_DEV), (99, rulesets.IOCTL_DEV)),
        ],
    )
    def test_handles_no_right_that_the_kernel_does_not_know(self, abi: int, newest: int) -> None:
        handled = landlock.handled_rights(abi)
        assert handled & newest
        assert handled < newest << 1

    def test_refuses_tcp_and_what_leaves_the_scope(self) -> None:
        _, tcp, scope = struct.unpack("=QQQ", landlock.ruleset(7, network=False, scope=True))
        assert (tcp, scope) == (3, 3)

    def test_leaves_tcp_and_scope_alone_when_asked(self) -> None:
        _, tcp, scope = struct.unpack("=QQQ", landlock.ruleset(7, network=True, scope=False))
        assert (tcp, scope) == (0, 0)

    def test_never_grants_the_making_of_devices(self) -> None:
        assert not rulesets.CHANGE & (rulesets.MAKE_CHAR | rulesets.MAKE_BLOCK)


class TestProbe:
    def test_finds_the_abi_of_this_kernel(self) -> None:
        assert landlock.probe() >= landlock.OLDEST_ABI

    def test_refuses_a_machine_whose_numbers_are_not_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(syscalls, "MACHINES", ())
        with pytest.raises(OSError, match="not implemented"):
            landlock.probe()

    def test_an_old_kernel_is_not_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(landlock, "probe", lambda: 1)
        with pytest.raises(OSError, match="ABI 1 is too old"):
            landlock.prepare(NOTHING)


class TestPrepare:
    def test_leaves_no_descriptor_but_the_ruleset(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        before = set(os.listdir("/proc/self/fd"))
        rules = landlock.prepare({**NOTHING, "read": (str(tmp_path), str(tmp_path / "file"))})
        os.close(rules)
        assert set(os.listdir("/proc/self/fd")) == before

    @pytest.mark.parametrize("path", ["/proc/self", "/proc/self/status"])
    def test_knows_itself_in_proc(self, path: str) -> None:
        os.close(landlock.prepare({**NOTHING, "read": (path,)}))

    def test_the_process_called_selfish_is_not_itself(self) -> None:
        with pytest.raises(FileNotFoundError, match="/proc/selfish"):
            landlock.prepare({**NOTHING, "read": ("/proc/selfish",)})


def test_threads_that_would_stay_free_are_refused() -> None:
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        with pytest.raises(OSError, match="threads") as caught:
            landlock.require_single_thread()
    finally:
        done.set()
        other.join()
    assert caught.value.errno == errno.EBUSY


class TestCloseAllBut:
    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_closes_what_is_not_kept(self, order: tuple[int, int]) -> None:
        def act(answers: int) -> list[bool]:
            descriptors = [*os.pipe(), *os.pipe()]
            kept = [descriptors[1], descriptors[2]]
            landlock.close_all_but([answers, 2, *(kept[number] for number in order)])
            return [_is_open(descriptor) for descriptor in (2, *descriptors)]

        assert in_child(act) == [True, False, True, True, False]

    def test_keeps_the_standard_three_when_nothing_is_kept(self) -> None:
        script = (
            "import os, sys; sys.path.insert(0, sys.argv[1]); import landlock; os.pipe(); "
            "landlock.close_all_but([]); print(sorted(os.listdir('/proc/self/fd')))"
        )
        folder = str(Path(landlock.__file__).parent)
        ran = subprocess.run([sys.executable, "-I", "-c", script, folder], capture_output=True, text=True)
        assert ran.stdout == "['0', '1', '2', '3']\n"  # 3 is the listing itself


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


class TestLimit:
    def test_lowers_both_the_soft_and_the_hard_limit(self) -> None:
        def act(_: int) -> tuple[int, int]:
            landlock.limit("nofile", 77)
            return resource.getrlimit(resource.RLIMIT_NOFILE)

        assert in_child(act) == (77, 77)

    def test_never_raises_one(self) -> None:
        def act(_: int) -> tuple[int, int]:
            landlock.limit("fsize", 50)
            landlock.limit("fsize", 1000)
            return resource.getrlimit(resource.RLIMIT_FSIZE)

        assert in_child(act) == (50, 50)


class TestMain:
    def test_says_in_a_line_why_it_cannot_confine(self, capfd: pytest.CaptureFixture[str]) -> None:
        payload = landlock.pack({**NOTHING, "read": ("/does/not/exist",)})
        assert in_child(lambda _: landlock.main([payload, "/bin/true"])) == landlock.CANNOT_CONFINE
        assert capfd.readouterr().err == (
            "envguard: the process cannot be confined: No such file or directory (/does/not/exist)\n"
        )

    def test_says_in_a_line_that_there_are_threads(self, capfd: pytest.CaptureFixture[str]) -> None:
        def act(_: int) -> int:
            done = threading.Event()
            other = threading.Thread(target=done.wait)
            other.start()
            code = landlock.main([landlock.pack(NOTHING), "/bin/true"])
            done.set()
            other.join()
            return code

        assert in_child(act) == landlock.CANNOT_CONFINE
        assert "the process has 2 threads" in capfd.readouterr().err

    def test_says_in_a_line_why_the_program_does_not_start(self, capfd: pytest.CaptureFixture[str]) -> None:
        payload = landlock.pack({**NOTHING, "read": ("/",)})
        assert in_child(lambda _: landlock.main([payload, "/bin/true"])) == landlock.CANNOT_RUN
        assert capfd.readouterr().err == "envguard: /bin/true cannot be started: Permission denied\n"

    def test_says_in_a_line_why_an_open_program_does_not_start(
        self, capfd: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        (tmp_path / "text").write_text("no program")

        def act(_: int) -> tuple[int, bytes]:
            program = os.open(tmp_path / "text", os.O_RDONLY)
            ours, theirs = os.pipe()
            payload = landlock.pack({**NOTHING, "execute": ("/",), "program": program, "tell": theirs})
            return landlock.main([payload, "/bin/true"]), os.read(ours, 100)

        assert in_child(act) == (landlock.CANNOT_RUN, b"/bin/true cannot be started: Permission denied")
        assert capfd.readouterr().err == "envguard: /bin/true cannot be started: Permission denied\n"
