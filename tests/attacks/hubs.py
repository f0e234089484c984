"""A real hub for each level, and on it the server of the throw-away user, which is asked over HTTP.

The hub runs as root and starts the server as that user, as hubs do. Where the user cannot
reach the Python that runs the tests (root's home, most often), both run in a namespace in which it can.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen
from wsgiref.simple_server import WSGIRequestHandler, make_server

from demo import hub
from jupyter_envguard.hub.wall import in_front
from tests.attacks.attempt import REACHED, Attempt, Outcome, Visit
from tests.attacks.session import LOCKED, STRICT, Ground, empty
from tests.servers import PATIENCE, Server, run

TOKEN = "the-token-of-a-person"
SERVICE = f"""
c.JupyterHub.services = [{{"name": "test", "api_token": {TOKEN!r}}}]
c.JupyterHub.load_roles = [
    {{"name": "test", "scopes": ["admin:users", "admin:servers", "access:servers"], "services": ["test"]}}
]
"""
PLAIN = f"""
c.Spawner.cmd = [{sys.executable!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.environment = {{"PATH": {str(Path(sys.executable).parent)!r} + ":/usr/bin:/bin"}}
"""
"""How a hub that knows nothing of the guard starts servers."""
NEEDED = (sys.base_prefix, sys.prefix, str(Path(__file__).resolve().parents[2]))
"""Folders without which no server runs here: Python's, those of its packages, this project's."""
SEEN = """\
set -eu
{steps}
exec "$@"
"""
PLANTING = Path(__file__).with_name("planting.py").read_text()
SEARCHABLE = 0o001


def hidden(paths: Sequence[str]) -> dict[str, list[str]]:
    """Return what must be shown of `paths`, by the first folder around it that only its owner may enter."""
    found: dict[str, list[str]] = {}
    for path in dict.fromkeys(os.path.realpath(path) for path in paths):
        for folder in (*reversed(Path(path).parents), Path(path)):
            if not folder.stat().st_mode & SEARCHABLE:
                found.setdefault(str(folder), []).append(path)
                break
    return found


def reachable(scratch: Path) -> list[str]:
    """Return the words before a command of root's by which users find `NEEDED`; none where they do."""
    steps = []
    for number, (folder, paths) in enumerate(hidden(NEEDED).items()):
        for place, path in enumerate(paths):
            kept = scratch / f"{number}-{place}"
            kept.mkdir(parents=True)
            steps.append(f"mount --bind {shlex.quote(path)} {kept}")
        steps.append(f"mount -t tmpfs -o mode=755 none {shlex.quote(folder)}")
        for place, path in enumerate(paths):
            target = shlex.quote(path)
            steps.append(f"mkdir -p {target} && mount --bind {scratch}/{number}-{place} {target}")
    if not steps:
        return []
    script = SEEN.format(steps="\n".join(steps))
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


@dataclass
class Person:
    """Somebody with a browser, who has a server on a hub."""

    server: Server
    approved: str
    """The kernel that everybody may start."""
    own: Path
    """The attempt's folder in the home."""
    said: list[str] = field(default_factory=list)
    """All that was answered."""
    kept: list[str] = field(default_factory=list)
    """An approved kernel that stays for later attempts; each start costs a second."""

    def kernel(self) -> str:
        """Return an approved kernel, started if there is none yet."""
        if not self.kept:
            self.kept.append(self.start(self.approved))
        return self.kept[0]

    def ask(self, path: str, method: str = "GET", body: object = None) -> Any:
        """Return the answer as JSON, or None when it is none or a refusal; note it either way."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self.server.token}"}
        request = Request(f"{self.server.address}/{path}", data, headers, method=method)
        try:
            with urlopen(request, timeout=PATIENCE) as answer:
                said = answer.read().decode(errors="replace")
        except HTTPError as error:
            with error:
                self.said.append(error.read().decode(errors="replace"))
            return None
        self.said.append(said)
        with contextlib.suppress(ValueError):
            return json.loads(said)
        return None

    def start(self, name: str, **body: object) -> str:
        """Ask for a kernel; return its id, nothing when it was refused."""
        found = self.ask("api/kernels", "POST", {"name": name, "path": "", **body})
        return str(found["id"]) if found else ""

    def session(self, name: str) -> dict[str, Any]:
        """Ask for a session; return it, nothing when it was refused."""
        body = {"path": f"{self.own.name}.ipynb", "name": "n", "type": "notebook", "kernel": {"name": name}}
        return self.ask("api/sessions", "POST", body) or {}

    def run(self, kernel: str, code: str = "print('it runs')") -> None:
        """Run code in a kernel that was started, if one was; a planted one has said so by then."""
        if kernel:
            with self.server.kernel(kernel) as channel:
                self.said.append(run(channel, code))

    def type(self, line: str) -> None:
        """Type a line in a new terminal."""
        self.said.append(self.server.type(line))

    @property
    def python(self) -> str:
        """The Python that runs the server."""
        return sys.executable

    def tidy(self) -> None:
        """End every session, kernel and terminal but the kernel that is kept."""
        for kind, key in (("sessions", "id"), ("kernels", "id"), ("terminals", "name")):
            for found in self.server.ask(f"api/{kind}"):
                if found[key] not in self.kept:
                    self.ask(f"api/{kind}/{quote(found[key])}", "DELETE")


class Gateway:
    """A kernel gateway that only says that it was asked."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> list[bytes]:
        """Answer whatever is asked."""
        self.asked.set()
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"default": "x", "kernelspecs": {}}).encode()]


class Visited:
    """A hub at a level, and the user's server on it."""

    def __init__(self, ground: Ground, level: str, folder: Path) -> None:
        self.ground, self.builder, self.level, self.folder = ground, ground.builder, level, folder
        self.approved = "python3" if level == "none" else "minimal"
        self.front = reachable(folder / "seen")
        self.kept: list[str] = []

    def own(self, visit: Attempt) -> Path:
        """Return the folder of an attempt."""
        return self.ground.home / f"{visit.id}-{self.level}"

    def plant(self, visit: Attempt) -> None:
        """Write as the user what comes before the server is asked, or is started."""
        own = self.own(visit)
        if not own.exists():
            own.mkdir(mode=0o700)
            os.chown(own, self.ground.uid, self.ground.gid)
        environment = {
            "HOME": str(self.ground.home),
            "PATH": "/usr/bin:/bin",
            "OWN": str(own),
            "APPROVED": self.approved,
            **self.ground.names(self.level),
        }
        subprocess.run(
            [self.ground.python, "-I", "-c", f"{PLANTING}\n{visit.code}"],
            env=environment,
            cwd=own,
            check=True,
            user=self.ground.uid,
            group=self.ground.gid,
            extra_groups=[],
        )

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        """Start the hub and on it the server of the user."""
        (port,) = hub.free_ports(1)
        config = hub.write_config(self.folder / "hub", self.builder.path, port)
        text = config.read_text().replace('= "simple"', '= "jupyterhub.spawner.LocalProcessSpawner"')
        if self.level == "none":
            text = text[: text.rindex("configure(")] + PLAIN
        config.write_text(text + SERVICE)
        address = f"http://127.0.0.1:{port}"
        with hub.running(config, address, self.folder / "hub.log", self.front):
            hubs = Server(f"{address}/hub", TOKEN)
            hubs.ask(f"api/users/{self.ground.name}", {})
            hubs.ask(f"api/users/{self.ground.name}/server", {})
            while (
                not (hubs.ask(f"api/users/{self.ground.name}").get("servers") or {}).get("", {}).get("ready")
            ):
                pass
            yield Server(f"{address}/user/{self.ground.name}", TOKEN)

    def make(self, server: Server, visit: Visit, before: frozenset[Any]) -> Outcome:
        """Make one attempt and look what came of it."""
        recorded = len(self.builder.events())
        if not visit.early:
            self.plant(visit)
        person = Person(server, self.approved, self.own(visit), kept=self.kept)
        visit.visit(person)
        person.tidy()
        mark = person.own / "said"
        said = "\n".join(person.said) + (mark.read_text() if mark.is_file() else "")
        for name in (".local/share/jupyter/kernels", ".ipython/kernels"):
            shutil.rmtree(self.ground.home / name, ignore_errors=True)
        told = {record.event.type for record in self.builder.events()[recorded:]} & TOLD
        return Outcome(REACHED in said, self.ground.state() != before, said, tuple(sorted(told)))

    def with_gateway(self) -> Outcome:
        """Start a server of the user that is told of a gateway, and ask it for kernels."""
        before, asked = self.ground.state(), Gateway()
        with make_server("127.0.0.1", 0, asked, handler_class=Silent) as gateway:
            threading.Thread(target=gateway.serve_forever).start()
            try:
                said = _heard(self._start(f"http://127.0.0.1:{gateway.server_port}"))
            finally:
                gateway.shutdown()
        return Outcome(asked.asked.is_set(), self.ground.state() != before, said)

    def _start(self, gateway: str) -> subprocess.Popen[str]:
        site = self.ground.at(self.level)
        words = [sys.executable, "-I", "-m", "jupyter_server", "--no-browser", "--ServerApp.port=0"]
        if self.level != "none":
            extensions = {"jupyter_envguard": True}
            words = [*in_front(site, site.guard, sys.executable), *words]
            words += [f"--EnvGuardApp.site={site.path}", f"--ServerApp.jpserver_extensions={extensions}"]
        who = ["setpriv", f"--reuid={self.ground.uid}", f"--regid={self.ground.gid}", "--clear-groups"]
        environment = {"HOME": str(self.ground.home), "PATH": "/usr/bin:/bin"}
        environment |= {"JUPYTER_TOKEN": TOKEN, "JUPYTER_GATEWAY_URL": gateway}
        return subprocess.Popen(
            [*self.front, *who, *words],
            cwd=self.ground.home,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )


class Silent(WSGIRequestHandler):
    """Notes no requests."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


TOLD = {"kernel.denied", "package.denied", "import.denied"}
"""Events that are refusals."""
_ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/")


def _heard(process: subprocess.Popen[str]) -> str:
    """Return what a server says until it ends; one that listens is asked for kernels, and ended."""
    said = []
    assert process.stderr
    with process, process.stderr:
        for line in process.stderr:
            said.append(line)
            found = _ADDRESS.search(line)
            if found:
                _ask_until_it_answers(process, found[1])
                process.kill()
    return "".join(said)


def _ask_until_it_answers(process: subprocess.Popen[str], address: str) -> None:
    while process.poll() is None:
        try:
            Server(address, TOKEN).ask("api/kernelspecs")
        except HTTPError as error:
            error.close()
        except URLError:  # it says its address a moment before it answers there
            continue
        return


def at_level(text: str, level: str) -> str:
    """Return the site file `text` for a level."""
    text = text.replace("level: enforce", f"level: {'lockdown' if level in LOCKED else level}")
    for name in STRICT if level == "strict" else ():
        text = text.replace(f"{name}: false", f"{name}: true")
    return text


def visited(ground: Ground, level: str, visits: Iterable[Visit], gateway: Attempt) -> dict[str, Outcome]:
    """Make attempts at a level, all on one hub but the `gateway`, and return what came of each."""
    text = ground.builder.path.read_text()
    if level != "none":
        ground.builder.path.write_text(at_level(text, level))
    place = Visited(ground, level, ground.home.parent / f"hub-{level}")
    try:
        for visit in visits:
            if visit.early:
                place.plant(visit)
        with place.running() as server:
            before = ground.state()
            found = {visit.id: place.make(server, visit, before) for visit in visits}
        return {**found, gateway.id: place.with_gateway()}
    finally:
        ground.builder.path.write_text(text)
        empty(ground.home)
