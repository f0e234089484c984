"""Real sockets, and everything that may be wrong with them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_envguard.hooks import report


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(report, "_line", None)
    monkeypatch.delenv(report.LINE, raising=False)
    monkeypatch.delenv(report.ADDRESS, raising=False)
    yield
    if report._line is not None:
        report._line.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The server's end of a kernel's line."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setenv(report.LINE, str(theirs.detach()))
    with ours:
        yield ours


class TestLine:
    def test_carries_one_message_a_packet(self, server: socket.socket) -> None:
        assert report.take_line()
        report.report(about="drift")
        report.report_change("deny", "pip:install", "no-pip", "environment", "pip install é")
        assert json.loads(server.recv(8192)) == {"about": "drift"}
        assert json.loads(server.recv(8192)) == {
            "about": "package",
            "effect": "deny",
            "operation": "pip:install",
            "rule": "no-pip",
            "place": "environment",
            "command": "pip install é",
        }

    def test_is_taken_once_and_inherited_by_nobody(self, server: socket.socket) -> None:
        assert report.take_line()
        assert report.LINE not in os.environ
        assert report._line is not None
        assert not report._line.get_inheritable()
        assert report.take_line()

    @pytest.mark.parametrize("number", ["", "x", "-1", "99999", "9" * 30])
    def test_a_number_that_means_nothing_is_no_line(
        self, number: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(report.LINE, number)
        assert not report.take_line()

    def test_another_descriptor_of_that_number_is_left_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        one, other = socket.socketpair()
        with one, other:
            monkeypatch.setenv(report.LINE, str(one.fileno()))
            assert not report.take_line()
            one.send(b"still open")

    def test_never_waits_for_a_server_that_does_not_listen(self, server: socket.socket) -> None:
        assert report.take_line()
        for _ in range(5000):
            report.report(about="drift", name="x" * 200)

    def test_a_server_that_is_gone_is_silence(self, server: socket.socket) -> None:
        assert report.take_line()
        server.close()
        report.report(about="drift")


class TestAddress:
    def test_is_where_processes_without_a_line_tell(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            server.bind(str(tmp_path / "reports"))
            monkeypatch.setenv(report.ADDRESS, str(tmp_path / "reports"))
            report.report(about="drift")
            assert json.loads(server.recv(8192)) == {"about": "drift"}
            for _ in range(1000):  # its queue is soon full
                report.report(about="drift")

    @pytest.mark.parametrize("address", ["", "/no/such/socket", "/" + "x" * 500, "/etc/passwd"])
    def test_of_nobody_is_silence(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(report.ADDRESS, address)
        report.report(about="drift")


class TestWhatAKernelHasTold:
    @pytest.fixture
    def heard(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
        """What a process without a line tells of, as the session's server hears it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            server.bind(str(tmp_path / "reports"))
            server.setblocking(False)
            monkeypatch.setenv(report.ADDRESS, str(tmp_path / "reports"))

            def heard() -> list[str]:
                found = []
                with contextlib.suppress(BlockingIOError):
                    while True:
                        found.append(json.loads(server.recv(8192))["command"])
                return found

            yield heard

    def test_is_not_told_again(self, heard: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(report.TOLD, json.dumps([("conda:install", "conda install x")]))
        report.report_change("record", "conda:install", "all", "own", "conda install --yes --prefix /p x")
        report.report_change("record", "conda:install", "all", "own", "conda install y")
        report.report_change("record", "conda:remove", "all", "own", "conda install x")
        report.report_change("deny", "conda:install", "all", "own", "conda install -q x")
        assert heard() == ["conda install y", "conda install x", "conda install -q x"]

    @pytest.mark.parametrize("text", ["", "{", "1", "[1]", "[[1]]", '[["pip:install", 1]]', "[" * 99999])
    def test_is_nothing_where_it_cannot_be_read(
        self, heard: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, text: str
    ) -> None:
        monkeypatch.setenv(report.TOLD, text)
        report.report_change("record", "pip:install", "all", "own", "pip install x")
        assert heard() == ["pip install x"]

    def test_does_not_silence_a_kernel(self, server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
        assert report.take_line()
        monkeypatch.setenv(report.TOLD, json.dumps([("pip:install", "pip install x")]))
        report.report_change("record", "pip:install", "all", "own", "pip install x")
        assert json.loads(server.recv(8192))["command"] == "pip install x"


class TestMessages:
    def test_what_is_no_message_is_not_told(self, server: socket.socket) -> None:
        assert report.take_line()
        report.report(about=b"bytes")
        report.report(about="x" * report.MAX_BYTES)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.recv(1)

    def test_long_texts_are_cut(self) -> None:
        assert report.shortened("x" * report.MAX_TEXT) == "x" * report.MAX_TEXT
        assert report.shortened("x" * 9999) == "x" * (report.MAX_TEXT - 1) + "…"
        assert report.shortened(7) == "7"
