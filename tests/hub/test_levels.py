"""A real hub with two people in groups of different levels: what really holds in the session of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

from demo import hub
from demo.environments import Packs
from tests.servers import Server, run
from tests.sites import SiteBuilder, short_folder
from tests.walls import needs_mounts

TOKEN = "the-token-of-the-test"
LEVELS = {"analyst": "enforce", "student": "lockdown"}
SERVICE = f"""
c.JupyterHub.services = [{{"name": "test", "api_token": {TOKEN!r}}}]
c.JupyterHub.load_roles = [
    {{"name": "test", "scopes": ["admin:users", "admin:servers", "access:servers"], "services": ["test"]}}
]
"""
PROGRAM = "cp /bin/echo own && ./own rea''ched"
"""What no list of programs has."""

pytestmark = [pytest.mark.packs, needs_mounts]


@pytest.fixture(scope="module")
def address(packs: Packs) -> Iterator[str]:
    """The address of a hub with one environment for everybody."""
    with short_folder() as folder:
        folder.chmod(0o755)
        builder = SiteBuilder(folder / "site", folder / "s")
        builder.spool.chmod(0o1733)
        builder.offer(builder.image(packs.minimal), "minimal", "2026.11")
        group = {user: name for name, users in hub.GROUPS.items() for user in users}
        levels = {group[user]: {"level": level} for user, level in LEVELS.items()}
        text = builder.path.read_text()
        assert "groups: {}" in text
        builder.path.write_text(text.replace("groups: {}", f"groups: {json.dumps(levels)}", 1))
        (port,) = hub.free_ports(1)
        config = hub.write_config(folder / "hub", builder.path, port)
        config.write_text(config.read_text() + SERVICE)
        found = f"http://127.0.0.1:{port}"
        with hub.running(config, found, folder / "hub.log"):
            yield found


def started(address: str, user: str) -> Server:
    """Let the hub start the server of `user`, and wait until it is ready."""
    hubs = Server(f"{address}/hub", TOKEN)
    try:
        hubs.ask(f"api/users/{user}/server", {})
    except HTTPError as error:
        with error:
            assert error.code == 400, error.read()  # it runs already
    while not (hubs.ask(f"api/users/{user}").get("servers") or {}).get("", {}).get("ready"):
        pass
    return Server(f"{address}/user/{user}", TOKEN)


@pytest.mark.parametrize("user", LEVELS)
def test_the_level_of_the_group_holds_in_terminals_and_kernels(
    address: str, user: str, tmp_path: Path
) -> None:
    server = started(address, user)
    is_locked = LEVELS[user] == "lockdown"
    said = server.type(PROGRAM)
    assert ("reached" in said, "Permission denied" in said) == (not is_locked, is_locked), said
    kernel = server.start_kernel("minimal")
    with server.kernel(kernel) as channel:
        said = run(channel, f"import subprocess; print(subprocess.getoutput({PROGRAM!r}))")
        assert ("reached" in said, "ermission denied" in said) == (not is_locked, is_locked), said
    (shown,) = server.ask("envguard/api/running")["kernels"]
    assert (shown["id"], shown["wall"]["level"]) == (kernel, LEVELS[user])
