"""Trials of kernels that fail, lie and attack."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from jupyter_envguard.kernels import smoke
from jupyter_envguard.kernels.smoke import SmokeTest
from tests.kernels.smokes import Scripted, as_root
from tests.policy.inventories import honest
from tests.sites import short_folder


class TestKernelsThatFail:
    def test_one_that_dies_is_quoted(self, scripted: Scripted) -> None:
        (finding,) = scripted.run("echo fine; echo 'cannot find libnope' >&2; exit 3")
        assert (finding.rule, finding.severity) == ("kernel.fails-to-start", "error")
        assert finding.message == ("The kernel ended with exit code 3. It said: fine | cannot find libnope")

    def test_one_that_crashes_is_told_by_its_signal(self, scripted: Scripted) -> None:
        (finding,) = scripted.run("kill -ABRT $$")
        assert finding.message == "The kernel was ended by signal 6."

    def test_one_that_hangs_is_ended(self, scripted: Scripted) -> None:
        (finding,) = scripted.run("sleep 600", seconds=0.5)
        assert finding.message == "The kernel did not answer within 0.5 seconds."

    def test_one_that_ignores_signals_is_ended_too(self, scripted: Scripted) -> None:
        (finding,) = scripted.run("trap '' TERM INT HUP; while :; do sleep 600; done", seconds=0.5)
        assert finding.rule == "kernel.fails-to-start"

    def test_what_it_says_acts_on_nobody(self, scripted: Scripted) -> None:
        (finding,) = scripted.run(r"printf '\033]0;title\007\033[31mred\r\n\342\200\256evil\377\n'; exit 1")
        assert finding.message.isprintable()
        assert finding.message.endswith("red | evil\N{REPLACEMENT CHARACTER}")

    def test_only_the_end_of_what_it_says_is_quoted(self, scripted: Scripted) -> None:
        (finding,) = scripted.run("yes line | head -n 100000; echo last; exit 1")
        assert finding.message.endswith("line | line | line | line | last")

    def test_one_that_floods_the_output_is_stopped(
        self, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(smoke, "LIMITS", (("fsize", 65536),))
        (finding,) = scripted.run("exec yes")
        assert "was ended by signal 25" in finding.message  # SIGXFSZ

    def test_one_that_is_not_there_is_a_finding(self, scripted: Scripted) -> None:
        (finding,) = SmokeTest()(scripted.image, honest())
        assert finding.rule == "kernel.fails-to-start"
        assert "no kernel for the language python" in finding.message


class TestKernelsThatAttack:
    def test_a_daemon_is_ended_with_the_kernel(self, scripted: Scripted) -> None:
        sleep = f"sleep 1{os.getpid()}"
        (finding,) = scripted.run(f"(setsid {sleep} &); ps -eo args; exit 1")
        assert finding.message.startswith("The kernel ended with exit code 1")
        assert sleep not in _running()

    def test_a_daemon_is_ended_with_a_kernel_that_hangs(self, scripted: Scripted) -> None:
        sleep = f"sleep 2{os.getpid()}"
        scripted.run(f"(setsid {sleep} &); {sleep}", seconds=0.5)
        assert sleep not in _running()

    @pytest.mark.parametrize("place", ["store", "home", "tmp"])
    def test_writes_nothing_outside_of_its_room(self, scripted: Scripted, place: str) -> None:
        target = {
            "store": scripted.path / "bin/planted",
            "home": Path.home() / ".envguard-planted",
            "tmp": Path("/tmp/envguard-planted"),
        }[place]
        (finding,) = scripted.run(f"echo x > {target} && exit 0; exit 7")
        assert "ended with exit code 7" in finding.message
        assert not target.exists()

    def test_writes_to_its_room(self, scripted: Scripted) -> None:
        (finding,) = scripted.run(
            'echo x > file && echo x > "$HOME/file" && echo x > "$TMPDIR/file" && exit 7'
        )
        assert finding.message == "The kernel ended with exit code 7."

    def test_reads_no_secrets(self, scripted: Scripted) -> None:
        (finding,) = scripted.run("cat /etc/shadow || ls /root || ls /home || ls /work || exit 7")
        assert "ended with exit code 7" in finding.message

    def test_connects_to_nothing(self, scripted: Scripted) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            connect = f"(exec 3<>/dev/tcp/127.0.0.1/{port}) && exit 9; exit 7"
            (finding,) = scripted.run(connect, shell="/bin/bash")
            server.setblocking(False)
            with pytest.raises(BlockingIOError):
                server.accept()
        assert "ended with exit code 7" in finding.message

    def test_signals_nobody_outside(self, scripted: Scripted) -> None:
        (finding,) = scripted.run(f"kill -0 {os.getpid()} && exit 9; exit 7")
        assert "ended with exit code 7" in finding.message

    def test_gets_nothing_of_our_environment(
        self, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
        monkeypatch.setenv("LD_PRELOAD", "")
        (finding,) = scripted.run("env | grep -E 'TOKEN|LD_|secret' || exit 7")
        assert finding.message == "The kernel ended with exit code 7."

    def test_a_deep_tree_does_not_outlive_the_test(
        self, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deep = f"for i in $(seq 20); do mkdir -p {'d/' * 100} && cd {'d/' * 100} || exit 8; done; exit 7"
        with short_folder() as folder:
            monkeypatch.setattr(tempfile, "tempdir", str(folder))
            (finding,) = scripted.run(deep)
            assert os.listdir(folder) == []
        assert "ended with exit code 7" in finding.message

    @as_root
    def test_runs_as_nobody(self, scripted: Scripted) -> None:
        (finding,) = scripted.run("echo $(id -u) $(id -g) $(id -G); grep CapEff /proc/self/status; exit 7")
        assert "It said: 65534 65534 65534" in finding.message

    @as_root
    def test_runs_without_capabilities_where_nobody_cannot_go(self, scripted: Scripted) -> None:
        scripted.path.parent.chmod(0o700)
        (finding,) = scripted.run("exec grep CapEff /proc/self/status")
        assert "It said: CapEff: 0000000000000000" in finding.message


def _running() -> list[str]:
    """Return the command line of every process on this machine."""
    return subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
