"""Real sockets whose other ends are held by somebody hostile."""

from __future__ import annotations

import array
import os
import queue
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_envguard.kernels import lines
from jupyter_envguard.kernels.lines import Lines
from jupyter_envguard.kernels.reports import MAX_BYTES


class Ear:
    """Keeps what was heard; what begins with `!` means nothing, and `x` makes it fail."""

    def __init__(self) -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.lost: queue.Queue[str] = queue.Queue()
        self.rests = 0
        self.lines = Lines(self.hear, self.lost.put, self.rest, user=os.geteuid())

    def hear(self, key: str, content: bytes) -> bool:
        if content == b"x":
            raise RuntimeError(content)
        self.heard.put((key, content))
        return not content.startswith(b"!")

    def rest(self) -> float | None:
        self.rests += 1
        return None

    def next(self) -> tuple[str, bytes]:
        return self.heard.get(timeout=60)


@pytest.fixture
def ear() -> Iterator[Ear]:
    made = Ear()
    yield made
    for key in ("a", "b"):
        made.lines.remove(key)
    made.lines.join()


@pytest.fixture
def line(ear: Ear) -> Iterator[socket.socket]:
    """The kernel's end of line `a`."""
    with line_of(ear, "a") as theirs:
        yield theirs


def line_of(ear: Ear, key: str) -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ear.lines.add(key, ours)
    return theirs


@pytest.fixture
def address(ear: Ear, tmp_path: Path) -> str:
    """The path of the shared line `b`."""
    path = str(tmp_path / "reports")
    shared = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    shared.bind(path)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    ear.lines.add("b", shared)
    return path


def send(address: str, content: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(content, address)


def test_each_packet_is_heard_with_the_key_of_its_line(ear: Ear, line: socket.socket, address: str) -> None:
    line.send(b"one")
    assert ear.next() == ("a", b"one")
    send(address, b"two")
    assert ear.next() == ("b", b"two")
    assert ear.rests


def test_the_thread_ends_with_the_last_line_and_begins_with_the_next(ear: Ear, line: socket.socket) -> None:
    line.send(b"one")
    ear.next()
    ear.lines.remove("a")
    ear.lines.join()
    with line_of(ear, "a") as again:
        again.send(b"two")
        assert ear.next() == ("a", b"two")
    assert ear.lost.get(timeout=60) == "a"
    ear.lines.join()


def test_a_new_line_takes_the_place_of_one_of_its_key(ear: Ear, line: socket.socket) -> None:
    with line_of(ear, "a") as other:
        other.send(b"two")
        assert ear.next() == ("a", b"two")
        assert line.recv(1) == b""
    assert ear.lost.get(timeout=60) == "a"
    assert ear.lost.empty()


def test_a_listener_that_fails_goes_on(ear: Ear, line: socket.socket) -> None:
    line.send(b"x")
    line.send(b"one")
    assert ear.next() == ("a", b"one")


def until_turned_away(act: Callable[[], object]) -> None:
    """Repeat `act` until the system refuses it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            act()
        except (BrokenPipeError, ConnectionResetError):
            return
        except BlockingIOError:
            time.sleep(0.001)
    pytest.fail("nobody hung up")


@pytest.mark.parametrize("content", [b"!", b"z" * (MAX_BYTES + 1)])
def test_a_line_of_nonsense_is_closed(
    content: bytes, ear: Ear, line: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MOST_NONSENSE", 10)
    until_turned_away(lambda: line.send(content))
    assert ear.lost.get(timeout=60) == "a"


def test_a_line_that_says_too_much_in_all_is_closed(
    ear: Ear, line: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MOST_MESSAGES", 50)
    until_turned_away(lambda: line.send(b"one"))
    assert ear.lost.get(timeout=60) == "a"
    assert ear.heard.qsize() == 50


def test_a_line_that_says_too_much_at_once_rests_and_is_heard_again(
    ear: Ear, line: socket.socket, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "REST_SECONDS", 0.2)
    monkeypatch.setattr(lines, "BURST", 5.0)
    for number in range(30):
        line.send(b"%d" % number)
    send(address, b"meanwhile")
    heard = [ear.next() for _ in range(31)]
    assert [content for key, content in heard if key == "a"] == [b"%d" % number for number in range(30)]
    assert heard.index(("b", b"meanwhile")) < 30


def test_a_line_that_rests_can_be_removed(
    ear: Ear, line: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "REST_SECONDS", 600.0)
    for _ in range(200):
        line.send(b"one")
    for _ in range(100):
        ear.next()
    ear.lines.remove("a")
    ear.lines.join()
    with pytest.raises(ConnectionError):
        line.send(b"two")


class TestSharedLine:
    @pytest.mark.parametrize("content", [b"", b"z" * (MAX_BYTES + 1)])
    def test_what_is_no_message_is_passed_by(self, content: bytes, ear: Ear, address: str) -> None:
        send(address, content)
        send(address, b"one")
        assert ear.next() == ("b", b"one")

    def test_descriptors_that_come_along_are_not_taken(self, ear: Ear, address: str) -> None:
        send(address, b"zero")
        ear.next()
        before = set(os.listdir("/proc/self/fd"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(address)
            rights = array.array("i", [0, 1, 2])
            for _ in range(5):
                sender.sendmsg([b"one"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
                ear.next()
        assert set(os.listdir("/proc/self/fd")) == before

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
    def test_another_user_is_not_heard(self, ear: Ear, address: str) -> None:
        Path(address).chmod(0o777)
        for parent in Path(address).parents[:3]:
            parent.chmod(parent.stat().st_mode | 0o011)  # to be reached, not to be written to
        child = os.fork()
        if child == 0:
            try:
                os.setresuid(65534, 65534, 65534)
                send(address, b"evil")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        send(address, b"one")
        assert ear.next() == ("b", b"one")
