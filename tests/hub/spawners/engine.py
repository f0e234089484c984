"""The part of a Docker engine's interface that creates containers; it keeps what it was asked for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VERSION = {"ApiVersion": "1.45", "MinAPIVersion": "1.24", "Version": "26.0"}


class Engine(ThreadingHTTPServer):
    """One engine on a port of this machine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.created: list[dict[str, Any]] = []

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Answers as the engine does."""

    protocol_version = "HTTP/1.1"
    server: Engine

    def do_GET(self) -> None:
        self._answer(VERSION if self.path.endswith("/version") else {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "/containers/create" in self.path:
            self.server.created.append(json.loads(body))
        self._answer({"Id": "0123456789abcdef", "Warnings": []}, 201)

    def _answer(self, body: dict[str, Any], status: int = 200) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *said: Any) -> None:
        """Say nothing."""


@contextmanager
def engine() -> Iterator[Engine]:
    """Yield an engine that runs until the end."""
    with Engine() as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()
