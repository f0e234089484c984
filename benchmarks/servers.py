"""Real servers that are asked for their kernelspecs, each over one connection."""

from __future__ import annotations

import http.client
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60
READY = """
import asyncio, pathlib, sys
from tornado import web

class Ready(web.RequestHandler):
    content = pathlib.Path(sys.argv[1]).read_bytes()

    def get(self):
        self.set_header("Content-Type", "application/json")
        self.finish(self.content)

async def main():
    web.Application([("/api/kernelspecs", Ready)]).listen(int(sys.argv[2]), "127.0.0.1")
    await asyncio.Event().wait()

asyncio.run(main())
"""
"""A server that does nothing but to send what it was given."""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def server(folder: Path, *options: str, **variables: str) -> Iterator[Callable[[], bytes]]:
    """Run a Jupyter server; yield what asks it for its kernelspecs over one connection."""
    port, token = free_port(), secrets.token_hex(16)
    private = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **private, **variables}
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser"]
    command += ["--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", f"--IdentityProvider.token={token}", *options]
    with asked(command, environment, folder, port, token) as get:
        yield get


@contextmanager
def ready(folder: Path, content: bytes) -> Iterator[Callable[[], bytes]]:
    """Run a server that has `content` ready; yield what asks it."""
    answer, port = folder / "answer.json", free_port()
    answer.write_bytes(content)
    command = [sys.executable, "-c", READY, str(answer), str(port)]
    with asked(command, {"PATH": os.environ["PATH"]}, folder, port, "") as get:
        yield get


@contextmanager
def asked(
    command: list[str], environment: dict[str, str], folder: Path, port: int, token: str
) -> Iterator[Callable[[], bytes]]:
    """Run `command`, which serves at `port`; yield what asks it for its kernelspecs."""
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        connection = connected(port, process)

        def get() -> bytes:
            connection.request("GET", "/api/kernelspecs", headers={"Authorization": f"token {token}"})
            response = connection.getresponse()
            content = response.read()
            if response.status != 200:
                raise SystemExit(f"The server answered {response.status}: {content!r}")
            return content

        yield get
    finally:
        process.terminate()
        process.wait()


def connected(port: int, process: subprocess.Popen[bytes]) -> http.client.HTTPConnection:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.connect()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return connection
    raise SystemExit(f"The server did not start (exit code {process.poll()}).")
