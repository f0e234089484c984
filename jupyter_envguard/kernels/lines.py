"""Hears what hooks say: one thread, a socket for each kernel, and one for everything else in the session.

Whoever sends is the user and may send anything at any rate. So a message is one packet
of bounded size; a line that says too much at once rests, and its sender's packets are
turned away by the system meanwhile; one that says too much in all, or too much that
means nothing, is closed. Descriptors that come along are never taken.

The thread exists for as long as there is something to hear.
"""

from __future__ import annotations

import logging
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from jupyter_envguard.kernels.reports import MAX_BYTES

BURST = 100.0
"""Messages that a line may say at once."""

RATE = 10.0
"""Messages a second that it may say for long."""

REST_SECONDS = 1.0
"""How long a line rests that has said too much."""

MOST_MESSAGES = 20_000
"""Messages of one line in all."""

MOST_NONSENSE = 100
"""Messages of one line that mean nothing."""

CREDENTIALS = struct.Struct("=iII")
"""`struct ucred`: process, user, group of who sent a packet, as the machine's kernel knows them."""

Hear = Callable[[str, bytes], bool]
"""Takes the key of a line and a message; tells whether it meant something."""

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Line:
    key: str
    socket: socket.socket
    credit: float = BURST
    counted: float = 0.0
    messages: int = 0
    nonsense: int = 0
    resting: float = 0.0


class Lines:
    """Every line of one server; safe for several threads."""

    def __init__(
        self, hear: Hear, lost: Callable[[str], None], rest: Callable[[], float | None], *, user: int
    ) -> None:
        """Start nothing yet.

        `hear` gets the messages, `lost` the keys of lines that ended without being
        removed; `rest` is called whenever nothing is left to hear, and returns the
        seconds after which it wants to be called again. A packet to a shared line
        counts when root or `user` sent it. All are called in the thread.
        """
        self._hear = hear
        self._lost = lost
        self._rest = rest
        self._users = (0, user)
        self._turn = threading.Lock()
        self._asked: list[tuple[str, socket.socket | None]] = []
        self._wake: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def add(self, key: str, line: socket.socket) -> None:
        """Hear `line`, which is closed in the end, in place of any other one of that `key`."""
        line.setblocking(False)
        self._ask(key, line)

    def remove(self, key: str) -> None:
        """Hear the line of `key` no more."""
        self._ask(key, None)

    def join(self) -> None:
        """Wait until the thread has ended, which it does when all lines are removed."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _ask(self, key: str, line: socket.socket | None) -> None:
        with self._turn:
            self._asked.append((key, line))
            if self._wake is not None:
                self._wake.send(b"\0")
            elif line is not None:
                self._wake, woken = socket.socketpair()
                self._thread = threading.Thread(
                    target=self._run, args=(woken,), name="envguard-lines", daemon=True
                )
                self._thread.start()

    def _run(self, woken: socket.socket) -> None:
        lines: dict[str, _Line] = {}
        with woken, selectors.DefaultSelector() as ready:
            ready.register(woken, selectors.EVENT_READ)
            while self._is_needed(lines, ready):
                for key, _ in ready.select(self._timeout(lines)):
                    if key.data is None:
                        woken.recv(4096)
                    else:
                        self._listen(key.data, lines, ready)
                now = time.monotonic()
                for line in lines.values():
                    if line.resting and line.resting <= now:
                        line.resting = 0.0
                        ready.register(line.socket, selectors.EVENT_READ, line)

    def _is_needed(self, lines: dict[str, _Line], ready: selectors.BaseSelector) -> bool:
        """Do what was asked for; tell whether a line is left."""
        with self._turn:
            asked, self._asked = self._asked, []
            for key, line in asked:
                if key in lines:
                    _drop(lines.pop(key), ready)
                if line is not None:
                    lines[key] = _Line(key, line, counted=time.monotonic())
                    ready.register(line, selectors.EVENT_READ, lines[key])
            if not lines and self._wake is not None:
                self._wake.close()
                self._wake = None
            return bool(lines)

    def _timeout(self, lines: dict[str, _Line]) -> float | None:
        wanted = self._rest()
        ends = [line.resting - time.monotonic() for line in lines.values() if line.resting]
        ends += [] if wanted is None else [wanted]
        return max(0.0, min(ends)) if ends else None

    def _listen(self, line: _Line, lines: dict[str, _Line], ready: selectors.BaseSelector) -> None:
        """Hear what `line` has to say, up to its credit."""
        now = time.monotonic()
        line.credit = min(BURST, line.credit + (now - line.counted) * RATE)
        line.counted = now
        while line.credit >= 1.0:
            try:
                content = self._receive(line.socket)
            except BlockingIOError:
                return
            except OSError:
                content = b""
            line.credit -= 1.0
            line.messages += 1
            is_over = content == b"" or line.messages > MOST_MESSAGES
            if not is_over and (content is None or not self._is_heard(line.key, content)):
                line.nonsense += 1
                is_over = line.nonsense > MOST_NONSENSE
            if is_over:
                _drop(lines.pop(line.key), ready)
                self._lost(line.key)
                return
        ready.unregister(line.socket)
        line.resting = now + REST_SECONDS

    def _is_heard(self, key: str, content: bytes) -> bool:
        try:
            return self._hear(key, content)
        except Exception:  # the border of the thread: nothing that is said may end it
            log.exception("What was said on line %r was not heard.", key)
            return False

    def _receive(self, line: socket.socket) -> bytes | None:
        """Return the next packet, None for one that does not count, and nothing when there will be none."""
        if line.type == socket.SOCK_SEQPACKET:
            content = line.recv(MAX_BYTES + 1)
            return content if len(content) <= MAX_BYTES else None
        content, extra, flags, _ = line.recvmsg(MAX_BYTES, socket.CMSG_SPACE(CREDENTIALS.size))
        senders = [CREDENTIALS.unpack(told)[1] for _, kind, told in extra if kind == socket.SCM_CREDENTIALS]
        is_good = content and senders and senders[0] in self._users and not flags & socket.MSG_TRUNC
        return content if is_good else None


def _drop(line: _Line, ready: selectors.BaseSelector) -> None:
    if not line.resting:
        ready.unregister(line.socket)
    line.socket.close()
