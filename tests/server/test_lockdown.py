"""A real server behind the wall of a hub, in lockdown: it starts, runs kernels and opens terminals."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from jupyter_envguard.audit import Query, merged, spooled
from jupyter_envguard.hub.wall import in_front
from jupyter_envguard.site import load
from tests.servers import Server, run
from tests.sites import SiteBuilder, real_images
from tests.walls import needs_mounts

ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/")
TOKEN = "the-token-of-the-test"
EXTENSIONS = str({"jupyter_envguard": True, "jupyter_server_terminals": True})
DETAIL = ("operation", "command", "witness")
pytestmark = [pytest.mark.packs, needs_mounts]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    home = tmp_path / "home"
    home.mkdir()
    images = real_images()
    builder = SiteBuilder(tmp_path / "site", store=images["minimal"].path.parent)
    builder.offer(images["minimal"], "minimal", "2026.11")
    text = builder.path.read_text().replace("level: enforce", "level: lockdown")
    builder.path.write_text(text.replace("mode: best-effort", "mode: required"))
    site = load(builder.path)
    command = [
        *in_front(site, site.guard, sys.executable),
        *(
            sys.executable,
            "-I",
            "-m",
            "jupyter_server",
            "--allow-root",
            "--no-browser",
            f"--port={free_port()}",
        ),
        *(
            f"--IdentityProvider.token={TOKEN}",
            f"--EnvGuardApp.site={site.path}",
            f"--ServerApp.root_dir={home}",
        ),
        *(
            f"--ServerApp.jpserver_extensions={EXTENSIONS}",
            "--ServerApp.terminado_settings={'shell_command': '/bin/bash'}",
        ),
        "--KernelProvisionerFactory.default_provisioner_name=envguard-provisioner",
    ]
    environment = {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
    }
    process = subprocess.Popen(command, env=environment, cwd=home, stderr=subprocess.PIPE, text=True)
    heard = Heard(process)
    try:
        yield Server(heard.address(), TOKEN)
    finally:
        process.terminate()
        process.wait()
        heard.close()


def listens(address: str) -> bool:
    try:
        with urlopen(Request(f"{address}/api"), timeout=60):
            return True
    except URLError:
        return False


class Heard:
    """What a server says, read so that it never waits for a reader."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.said: list[str] = []
        self.known = threading.Event()
        self.process = process
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.said.append(line)
            if ADDRESS.search(line):
                self.known.set()
        self.known.set()

    def address(self) -> str:
        assert self.known.wait(120)
        found = ADDRESS.search("".join(self.said))
        assert found, "".join(self.said)
        while not listens(found[1]):  # it says so a moment before it does
            assert self.process.poll() is None, "".join(self.said)
        return found[1]

    def close(self) -> None:
        self.reader.join()
        assert self.process.stderr
        self.process.stderr.close()


def test_kernels_are_offered(server: Server) -> None:
    assert list(server.ask("api/kernelspecs")["kernelspecs"]) == ["minimal"]


def test_a_kernel_runs_and_is_confined(server: Server, tmp_path: Path) -> None:
    kernel = server.start_kernel("minimal")
    program = tmp_path / "home/program"
    shutil.copy("/bin/echo", program)
    with server.kernel(kernel) as channel:
        assert run(channel, "print(1 + 1)") == "2\n"
        assert run(channel, f"import subprocess; subprocess.run([{str(program)!r}])").startswith("Permission")
        assert "turned off for approved" in run(
            channel, "!mkdir mine; touch mine/__init__.py; python -c 'import mine'"
        )
        assert run(channel, "print(subprocess.run(['id', '-u'], stdout=-1).returncode)") == "0\n"
        moved = "import os; open('made', 'w').close(); os.mkdir('to'); os.rename('made', 'to/made')"
        assert run(channel, f"{moved}; print(os.listdir('to'))") == "['made']\n"
        assert run(channel, "import multiprocessing; print(multiprocessing.Lock())").startswith("<Lock")
    shown = server.ask(f"envguard/api/running/{kernel}")
    assert (shown["wall"]["level"], shown["drift"]["state"]) == ("lockdown", "clean"), shown


def test_a_kernel_starts_again_and_answers_after_that(server: Server) -> None:
    kernel = server.start_kernel("minimal")
    with server.kernel(kernel) as channel:
        assert run(channel, "kept = 1; print(kept)") == "1\n"
    server.ask(f"api/kernels/{kernel}/restart", {})
    with server.kernel(kernel) as channel:
        assert run(channel, "print(kept)").startswith("NameError")


def test_a_terminal_starts_and_runs_no_python(server: Server, tmp_path: Path) -> None:
    said = server.type(f"{sys.executable} -c 1; conda install x; id -u")
    assert "Permission denied" in said
    assert "'conda install' is turned off for approved environments" in " ".join(said.split())
    assert f"{os.geteuid()}\r\n" in said
    while not (found := denied_below(tmp_path / "site/spool")):  # it is written by another thread
        server.ask("api")
    assert found == [("package.denied", "conda:install", "conda install x", "self-reported")]


def denied_below(spool: Path) -> list[tuple[str, ...]]:
    """Return what was recorded of operations on packages."""
    events = [record.event for record in merged(spooled(spool), Query(), [])]
    told = [event for event in events if event.type.startswith("package.")]
    return [(event.type, *(str(event.detail[key]) for key in DETAIL)) for event in told]
