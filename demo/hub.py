"""The demo's JupyterHub: two users in two groups, one line of EnvGuard."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

PASSWORD = "envguard"
GROUPS = {"data-science": ["analyst"], "students": ["student"]}
"""Who is in which group of the demo hub."""

START_TIMEOUT = 120.0
"""Seconds that the hub may take until it answers."""

STOP_TIMEOUT = 30.0
"""Seconds that the hub may take to stop before it is killed."""

CONFIG = '''\
"""Configuration of the demo hub; written anew each time the demo starts."""

from jupyter_envguard.hub import configure

c = get_config()  # noqa: F821

c.JupyterHub.bind_url = {url!r}
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.JupyterHub.load_groups = {groups!r}
c.JupyterHub.cookie_secret_file = {secret!r}
c.JupyterHub.db_url = {database!r}
c.JupyterHub.pid_file = {pid!r}
c.ConfigurableHTTPProxy.command = {proxy!r}
c.ConfigurableHTTPProxy.pid_file = {proxy_pid!r}
c.ConfigurableHTTPProxy.api_url = {proxy_api!r}

# No accounts are made on this machine: every server runs as the user who started the
# demo, in a home folder of its own. A real hub has real accounts (see the tutorial).
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {home!r}
c.Spawner.args = {args!r}
c.Spawner.default_url = "/lab"

configure(c, site={site!r})
'''


def free_ports(count: int) -> list[int]:
    """Return ports on which nobody listens at this moment."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def check_port(port: int) -> None:
    """Raise RuntimeError if somebody listens on `port` already."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise RuntimeError(
                f"port {port} is taken; choose another: .venv/bin/python -m demo --port {port + 1}"
            )


def find_proxy() -> str:
    """Return the path of configurable-http-proxy; raise FileNotFoundError when it is not installed."""
    root = Path(__file__).resolve().parent
    for folder in [root / "node_modules/.bin", *map(Path, os.environ.get("PATH", "").split(":"))]:
        if (folder / "configurable-http-proxy").is_file():
            return str(folder / "configurable-http-proxy")
    raise FileNotFoundError("configurable-http-proxy is not installed; run `make demo`, which installs it")


def write_config(folder: Path, site: Path, port: int) -> Path:
    """Write `jupyterhub_config.py` for the site into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    for user in sorted({user for users in GROUPS.values() for user in users}):
        _make_home(folder / "home" / user)
    hub_port, proxy_port = free_ports(2)
    args = ["--allow-root"] if os.geteuid() == 0 else []
    text = CONFIG.format(
        url=f"http://127.0.0.1:{port}",
        hub_port=hub_port,
        password=PASSWORD,
        groups={name: {"users": users} for name, users in GROUPS.items()},
        secret=str(folder / "cookie_secret"),
        database=f"sqlite:///{folder / 'hub.sqlite'}",
        pid=str(folder / "hub.pid"),
        proxy=[find_proxy()],
        proxy_pid=str(folder / "proxy.pid"),
        proxy_api=f"http://127.0.0.1:{proxy_port}",
        home=str(folder / "home" / "{username}"),
        args=args,
        site=str(site),
    )
    config = folder / "jupyterhub_config.py"
    config.write_text(text)
    return config


def _make_home(home: Path) -> None:
    """Make a home folder in which JupyterLab does not ask about news from the network."""
    settings = home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}\n')


@contextmanager
def running(
    config: Path, url: str, log: Path, before: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the hub of `config` until the block ends, with the words `before` its command.

    Raises RuntimeError with its last words if it dies.
    """
    with log.open("wb") as output:
        hub = subprocess.Popen(
            [*before, sys.executable, "-m", "jupyterhub", "-f", str(config)],
            cwd=config.parent,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_it_answers(hub, url, log)
        yield hub
    finally:
        stop(hub)


def stop(hub: subprocess.Popen[bytes]) -> None:
    """End the hub, its proxy and its servers."""
    hub.terminate()
    try:
        hub.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        hub.kill()
        hub.wait()


def _environment() -> dict[str, str]:
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "JPY_"))}
    return keep | {"CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(32)}


def _wait_until_it_answers(hub: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + START_TIMEOUT
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < end:
        if hub.poll() is not None:
            break
        try:
            opener.open(f"{url}/hub/health", timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    raise RuntimeError(f"the hub did not start; its log ({log}) ends with:\n{tail}")
