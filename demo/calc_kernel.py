"""A Jupyter kernel for a language that is not Python: arithmetic, one expression a line.

It stands for any kernel that is not ipykernel (R's, Julia's, …) and shares no
code with it: it needs nothing but pyzmq, and speaks Jupyter's protocol itself.
https://jupyter-client.readthedocs.io/en/stable/messaging.html
"""

from __future__ import annotations

import ast
import hashlib
import hmac
import json
import operator
import signal
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import zmq

VERSION = "1.0.0"
PROTOCOL = "5.3"
DELIMITER = b"<IDS|MSG>"
OPERATORS: dict[type, Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
INFO = {
    "status": "ok",
    "protocol_version": PROTOCOL,
    "implementation": "calc",
    "implementation_version": VERSION,
    "language_info": {
        "name": "calc",
        "version": VERSION,
        "mimetype": "text/x-calc",
        "file_extension": ".calc",
    },
    "banner": "calc: arithmetic, one expression a line",
    "help_links": [],
}


def calculate(text: str) -> float | int:
    """Return the value of the last expression in `text`; raise `ValueError` for anything else."""
    value: float | int | None = None
    for line in filter(None, map(str.strip, text.splitlines())):
        try:
            value = _value(ast.parse(line, mode="eval").body)
        except SyntaxError as error:
            raise ValueError(f"{line} is not an expression") from error
        except ArithmeticError as error:
            raise ValueError(f"{line}: {error}") from error
    if value is None:
        raise ValueError("there is no expression")
    return value


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.UnaryOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](_value(node.operand))
    raise ValueError("only numbers and + - * / // % are understood")


class Kernel:
    """Answers a front end until it is told to shut down."""

    def __init__(self, connection: dict[str, Any]) -> None:
        self._key = connection["key"].encode()
        self._session = uuid.uuid4().hex
        self._count = 0
        self._running = True
        context = zmq.Context()
        address = "{transport}://{ip}".format(**connection)
        separator = "-" if connection["transport"] == "ipc" else ":"

        def bind(kind: int, port: str) -> zmq.Socket[bytes]:
            socket: zmq.Socket[bytes] = context.socket(kind)
            socket.linger = 1000
            socket.bind(f"{address}{separator}{connection[port]}")
            return socket

        self._shell = bind(zmq.ROUTER, "shell_port")
        self._control = bind(zmq.ROUTER, "control_port")
        self._stdin = bind(zmq.ROUTER, "stdin_port")
        self._publisher = bind(zmq.PUB, "iopub_port")
        self._heartbeat = bind(zmq.ROUTER, "hb_port")

    def run(self) -> None:
        """Serve the sockets."""
        poller = zmq.Poller()
        for socket in (self._control, self._shell, self._heartbeat):
            poller.register(socket, zmq.POLLIN)
        self._publish("status", {"execution_state": "starting"}, {})
        while self._running:
            for socket, _ in poller.poll():
                if socket is self._heartbeat:
                    socket.send_multipart(socket.recv_multipart())
                else:
                    self._serve(socket)

    def _serve(self, socket: zmq.Socket[bytes]) -> None:
        frames = socket.recv_multipart()
        at = frames.index(DELIMITER)
        signature, parts = frames[at + 1], frames[at + 2 : at + 6]
        if not hmac.compare_digest(signature, self._sign(parts)):
            return
        header, content = json.loads(parts[0]), json.loads(parts[3])
        kind = header["msg_type"]
        answer = getattr(self, f"_on_{kind.removesuffix('_request')}", None)
        if answer is None:
            return
        self._publish("status", {"execution_state": "busy"}, header)
        reply = kind.replace("_request", "_reply")
        self._send(socket, frames[:at], reply, answer(content, header), header)
        self._publish("status", {"execution_state": "idle"}, header)

    def _on_kernel_info(self, _content: dict[str, Any], _header: dict[str, Any]) -> dict[str, Any]:
        return INFO

    def _on_execute(self, content: dict[str, Any], header: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        numbered = {"execution_count": self._count}
        self._publish("execute_input", {"code": content["code"], **numbered}, header)
        try:
            text = str(calculate(content["code"]))
        except ValueError as error:
            failure = {"ename": "CalcError", "evalue": str(error), "traceback": [f"calc: {error}"]}
            self._publish("error", failure, header)
            return {"status": "error", **failure, **numbered}
        result = {"data": {"text/plain": text}, "metadata": {}, **numbered}
        self._publish("execute_result", result, header)
        return {"status": "ok", "payload": [], "user_expressions": {}, **numbered}

    def _on_is_complete(self, _content: dict[str, Any], _header: dict[str, Any]) -> dict[str, Any]:
        return {"status": "complete"}

    def _on_comm_info(self, _content: dict[str, Any], _header: dict[str, Any]) -> dict[str, Any]:
        return {"status": "ok", "comms": {}}

    def _on_shutdown(self, content: dict[str, Any], _header: dict[str, Any]) -> dict[str, Any]:
        self._running = False
        return {"status": "ok", "restart": content.get("restart", False)}

    def _publish(self, kind: str, content: dict[str, Any], parent: dict[str, Any]) -> None:
        self._send(self._publisher, [kind.encode()], kind, content, parent)

    def _send(
        self,
        socket: zmq.Socket[bytes],
        route: list[bytes],
        kind: str,
        content: dict[str, Any],
        parent: dict[str, Any],
    ) -> None:
        header = {
            "msg_id": uuid.uuid4().hex,
            "session": self._session,
            "username": "kernel",
            "date": datetime.now(UTC).isoformat(),
            "msg_type": kind,
            "version": PROTOCOL,
        }
        parts = [json.dumps(part).encode() for part in (header, parent, {}, content)]
        socket.send_multipart([*route, DELIMITER, self._sign(parts), *parts])

    def _sign(self, parts: list[bytes]) -> bytes:
        if not self._key:
            return b""
        signer = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in parts:
            signer.update(part)
        return signer.hexdigest().encode()


def main() -> None:
    """Start a kernel with the connection file that the command line names."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a front end interrupts; no sum takes that long
    Kernel(json.loads(Path(sys.argv[-1]).read_text())).run()


if __name__ == "__main__":
    main()
