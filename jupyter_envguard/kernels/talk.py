"""Asks a kernel questions by Jupyter's protocol, without believing anything it says.

The kernel on the other side may be hostile, slow or dead. Answers are bounded in
size and time, what is no answer is an error with a sentence, and the end of its
process is noticed at once. Sockets are files in a folder (`ipc`), so neither side
needs a network.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import zmq
from jupyter_client.session import Session

from jupyter_envguard.errors import Unavailable

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
"""The sockets of a kernel, numbered from 1 in this order."""

LARGEST_MESSAGE = 1024 * 1024
"""Bytes of a part of a message; a kernel that sends more is disconnected."""

MOST_MESSAGES = 16
"""Messages that wait to be read."""

LONGEST_SOCKET = zmq.IPC_PATH_MAX_LEN
"""Characters of the path of a socket: what `struct sockaddr_un` holds."""

RECONNECT_MS = 20
"""How often a socket that the kernel has not made yet is looked for."""

NONSENSE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What reading a message can raise that is not one."""


class NoAnswer(Exception):
    """The kernel did not answer; the text says why, as the rest of a sentence."""


class TooSlow(NoAnswer):
    """The kernel did not answer in time."""


class Conversation:
    """A client of one kernel, which need not run yet; a context manager.

    `folder` is where the connection file and the sockets lie, and the kernel may
    write there. Raises `io-error` when its path is too long for a socket.
    """

    def __init__(self, folder: Path) -> None:
        if len(f"{folder}/k-1") > LONGEST_SOCKET:
            raise Unavailable(
                "io-error",
                f"The path of the folder {folder} is too long for a socket.",
                f"Set TMPDIR to a folder with a path of at most {LONGEST_SOCKET - 24} characters.",
            )
        key = secrets.token_hex(32)
        self.connection_file = folder / "connection.json"
        self._address = f"ipc://{folder}/k"
        self._session = Session(key=key.encode(), signature_scheme="hmac-sha256", username="smoke")
        self._context = zmq.Context()
        self._shell = self._context.socket(zmq.DEALER)
        ports = {f"{channel}_port": number for number, channel in enumerate(CHANNELS, 1)}
        document = {
            "transport": "ipc",
            "ip": f"{folder}/k",
            "key": key,
            "signature_scheme": "hmac-sha256",
            **ports,
        }
        self.connection_file.write_text(json.dumps(document))

    def __enter__(self) -> Conversation:
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.MAXMSGSIZE, LARGEST_MESSAGE),
            (zmq.RCVHWM, MOST_MESSAGES),
            (zmq.RECONNECT_IVL, RECONNECT_MS),
            (zmq.IMMEDIATE, 1),
        ):
            self._shell.setsockopt(option, value)
        for separator in "-:":  # kernels do not agree on how a port is written in the name of a file
            self._shell.connect(f"{self._address}{separator}1")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.destroy(linger=0)

    def execute(
        self, code: str, process: subprocess.Popen[bytes], until: float, **more: Any
    ) -> Mapping[str, Any]:
        """Return the kernel's reply to running `code`; see `ask`.

        When it fails, what is asked next is run all the same; by itself a kernel
        aborts what comes soon after an error.
        """
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        content |= {"stop_on_error": False, **more}
        return self.ask("execute_request", content, process, until)

    def ask(
        self, kind: str, content: Mapping[str, Any], process: subprocess.Popen[bytes], until: float
    ) -> Mapping[str, Any]:
        """Return the content of the reply to one request, or raise `NoAnswer`.

        `until` is the time by `time.monotonic` at which waiting ends.
        """
        self._wait(zmq.POLLOUT, process, until)
        message = self._session.msg(kind, dict(content))
        self._session.send(self._shell, message)
        while True:
            self._wait(zmq.POLLIN, process, until)
            reply = self._receive()
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                found: Mapping[str, Any] = reply["content"]
                return found

    def _receive(self) -> dict[str, Any]:
        try:
            _, reply = self._session.recv(self._shell)
        except NONSENSE as error:
            raise NoAnswer("answered with something that is not Jupyter's protocol") from error
        if (
            reply is None
            or not isinstance(reply["content"], dict)
            or not isinstance(reply["parent_header"], dict)
        ):
            raise NoAnswer("answered with something that is not Jupyter's protocol")
        return dict(reply)

    def _wait(self, event: int, process: subprocess.Popen[bytes], until: float) -> None:
        """Return when the socket is ready; raise `NoAnswer` when the process ends or time is over before."""
        ended = os.pidfd_open(process.pid)
        try:
            poller = zmq.Poller()
            poller.register(self._shell, event)
            poller.register(ended, zmq.POLLIN)
            remaining = max(0.0, until - time.monotonic())
            ready = dict(poller.poll(int(remaining * 1000)))
        finally:
            os.close(ended)
        if self._shell in ready:
            return
        if ready:
            raise NoAnswer("ended")
        raise TooSlow("did not answer in time")
