"""Two machines in one: network namespaces with a cable between, each with a store at the same path.

What a node runs sees the store of that node, and nothing of a share that it could read
past the network. Its clock can be wrong.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

FIRST, SECOND = "10.213.0.1", "10.213.0.2"
BOUND = 'mount --bind "$1" "$2" && mount --bind "$3" "$4" && shift 4 && exec "$@"'
SERVER = """
import sys
from pathlib import Path
from tests.shares import WebServer
with WebServer(Path(sys.argv[1]), sys.argv[2]) as server:
    print(server.url, flush=True)
    server.serve_forever()
"""


@dataclass(frozen=True)
class Node:
    """A machine of its own, at the other end of the cable."""

    name: str
    """Its network namespace."""
    store: Path
    """Where its store really lies."""
    root: Path
    """Where it sees its store."""
    hidden: Path
    """A folder that it sees empty."""

    def run(self, *words: object, clock: str = "") -> subprocess.CompletedProcess[str]:
        """Run our command there, by a clock that is off by `clock`, such as `-365d`."""
        variables = {**os.environ, "PYTHONPATH": os.getcwd(), **(_faked(clock) if clock else {})}
        empty = self.store.with_name("empty")
        empty.mkdir(exist_ok=True)
        bound = ["sh", "-c", BOUND, "sh", self.store, self.root, empty, self.hidden]
        command = [sys.executable, "-m", "jupyter_envguard.cli.main", *map(str, words)]
        return subprocess.run(
            ["ip", "netns", "exec", self.name, *map(str, bound), *command],
            capture_output=True,
            text=True,
            env=variables,
            timeout=300,
            check=False,
        )


def _faked(clock: str) -> dict[str, str]:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        pytest.skip("there is no libfaketime")
    return {"LD_PRELOAD": str(found[0]), "FAKETIME": clock}


@contextlib.contextmanager
def second_node(folder: Path, root: Path, share: Path) -> Iterator[tuple[Node, str]]:
    """Yield the second node, and where the first serves `share`; skip where there are no namespaces."""
    names = [f"eg{os.getpid()}{end}" for end in "ab"]
    made = []
    try:
        for name in names:
            _ip("netns", "add", name)
            made.append(name)
        _ip("link", "add", names[0], "netns", names[0], "type", "veth", "peer", names[1], "netns", names[1])
        for name, address in zip(names, (FIRST, SECOND), strict=True):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", name)
            _ip("-n", name, "link", "set", name, "up")
        store = folder / "second"
        store.mkdir()
        with _serving(names[0], share) as url:
            yield Node(names[1], store, root, share), url
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "delete", name], check=True)


def _ip(*words: str) -> None:
    try:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no ip (iproute2)")
    if done.returncode:
        pytest.skip(f"ip {' '.join(words)}: {done.stderr.strip()}")


@contextlib.contextmanager
def _serving(name: str, share: Path) -> Iterator[str]:
    command = ["ip", "netns", "exec", name, sys.executable, "-c", SERVER, str(share), FIRST]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()
