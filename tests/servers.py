"""Talks with a real server: over REST, with its kernels and in its terminals."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

from jupyter_client.session import Session
from websocket import WebSocket, create_connection

PATIENCE = 300
"""Seconds to wait for any answer; the machines that run tests are shared and slow at times."""


@dataclass(frozen=True)
class Server:
    """A server in a process of its own, at an address without a slash at its end."""

    address: str
    token: str

    def ask(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.address}/{path}", data, {"Authorization": f"token {self.token}"})
        with urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or b"null")

    def start_kernel(self, name: str) -> str:
        return str(self.ask("api/kernels", {"name": name, "path": ""})["id"])

    @contextlib.contextmanager
    def socket(self, path: str) -> Iterator[WebSocket]:
        address = f"{self.address.replace('http', 'ws', 1)}/{path}"
        headers = [f"Authorization: token {self.token}"]
        found = create_connection(address, timeout=PATIENCE, header=headers)
        try:
            yield found
        finally:
            found.close()

    @contextlib.contextmanager
    def kernel(self, kernel_id: str) -> Iterator[WebSocket]:
        # Without a protocol of their own, both sides speak plain JSON.
        with self.socket(f"api/kernels/{kernel_id}/channels") as found:
            yield found

    def type(self, line: str) -> str:
        """Type `line` in a new terminal, and return what it shows until all of it was run."""
        name = self.ask("api/terminals", {})["name"]
        with self.socket(f"terminals/websocket/{name}") as terminal:
            terminal.send(json.dumps(["stdin", f"{line}; echo do''ne\n"]))
            said = ""
            while "done" not in said:
                kind, text, *_ = json.loads(terminal.recv())
                said += text if kind == "stdout" else ""
        return said


def run(channel: WebSocket, code: str) -> str:
    """Run `code` in the kernel at the other end, and return what it prints, or its error."""
    asked = Session(key=b"unused").msg(
        "execute_request", {"code": code, "silent": False, "stop_on_error": True}
    )
    channel.send(json.dumps({**asked, "channel": "shell"}, default=str))
    said = ""
    while True:
        message = json.loads(channel.recv())
        if message["parent_header"].get("msg_id") != asked["header"]["msg_id"]:
            continue
        content = message["content"]
        if message["msg_type"] == "stream":
            said += content["text"]
        elif message["msg_type"] == "error":
            said += f"{content['ename']}: {content['evalue']}\n"
        elif message["msg_type"] == "status" and content["execution_state"] == "idle":
            return said


def session(kernel: object, path: str = "n.ipynb") -> dict[str, object]:
    """Return what a client sends that wants `kernel` for the notebook at `path`."""
    return {"name": path, "path": path, "type": "notebook", "kernel": kernel}
