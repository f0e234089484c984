"""The checks of `doctor` on layers that are not walls: how kernels are started, and courtesy."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import zmq
from jupyter_client.manager import KernelManager

from jupyter_envguard import doors
from jupyter_envguard.catalog import Client
from jupyter_envguard.catalog.decision import may_start
from jupyter_envguard.cli.checks import Check, Status
from jupyter_envguard.cli.hooks import FILES, State
from jupyter_envguard.cli.terminal import count
from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.kernels.launch import launch_for
from jupyter_envguard.site import Site
from jupyter_envguard.store import Store

MACHINE = Path("/")
"""Where the files of hooks lie."""

TOOL = "#!/bin/sh\necho ran\n"
"""Stands behind the front door in its trial."""

TRIAL_SECONDS = 60
"""How long a front door may take."""


def layers(site: Site) -> Iterator[Check]:
    """Yield how kernels of `site` are started, and which tools answer kindly here."""
    yield from _launches(site)
    yield _hooks()
    yield from _doors(site)


def _launches(site: Site) -> Iterator[Check]:
    store, ready, encrypted, now = Store(site.store_root), 0, 0, datetime.now(UTC)
    for entry in Client(site.catalog, site.trust).load().entries:
        if not may_start(entry, now) or not store.path_of(entry.pack).exists():
            continue
        try:
            launch = launch_for(store.path_of(entry.pack), entry.language)
        except EnvGuardError as error:
            yield Check("launch", Status.FAIL, f"{entry.id}: {error.message}", error.hint, error.code)
        else:
            ready += 1
            encrypted += launch.metadata.get("supported_encryption") == "curve"
    what = f"{count(ready, 'release')} can be started here, isolated and without the server's variables."
    yield Check("launch", Status.INFO, what)  # no kernel was started
    yield _channels(ready, encrypted)


def _channels(ready: int, encrypted: int) -> Check:
    """Say whether servers and kernels talk in secret: both have to be able to (CurveZMQ)."""
    if not hasattr(KernelManager, "transport_encryption"):
        why = f"jupyter_client {version('jupyter_client')} does not know how (8.10 does)"
        return Check("channels", Status.INFO, f"Kernels are talked to in the clear: {why}.")
    if not zmq.has("curve"):
        return Check("channels", Status.INFO, "Kernels are talked to in the clear: pyzmq has no CurveZMQ.")
    rest = f"; {ready - encrypted} cannot, and are talked to in the clear" if encrypted < ready else ""
    message = f"{count(encrypted, 'release')} of {ready} can be talked to in secret, and will be{rest}."
    return Check("channels", Status.INFO if rest else Status.PASS, message)


def _hooks() -> Check:
    states = {file.tool: file.state(MACHINE) for file in FILES}
    missing = sorted(tool for tool, state in states.items() if state is not State.INSTALLED)
    if not missing:
        return Check(
            "hooks", Status.PASS, f"{', '.join(states)} answer kindly on this machine; no wall is meant."
        )
    return Check(
        "hooks",
        Status.INFO,
        f"Without our files: {', '.join(missing)}. Installs fail all the same, with less kind words.",
        "Run jupyter envguard hooks install as root.",
    )


def _doors(site: Site) -> Iterator[Check]:
    """Try a front door, if there are any: a change that is refused, and a list that is not."""
    door = MACHINE / str(doors.FOLDER).lstrip("/") / "pip"
    store = Store(site.store_root)
    entries = Client(site.catalog, site.trust).load().entries
    images = [path for path in (store.path_of(entry.pack) for entry in entries) if path.exists()]
    if not door.is_file() or not images:
        return
    with tempfile.TemporaryDirectory() as folder:
        tool = Path(folder, "pip")
        tool.write_text(TOOL)
        tool.chmod(0o755)
        path = f"{door.parent}:{folder}:/usr/bin:/bin"
        refused = _asked(path, str(door), "install", "--prefix", str(images[0]), "envguard-trial")
        listed = _asked(path, str(door), "list")
    if refused == (doors.REFUSED, "") and listed == (0, "ran\n"):
        yield Check(
            "doors", Status.PASS, f"{door} was tried: it refuses what the rules do, and nothing else."
        )
    else:
        yield Check(
            "doors",
            Status.WARN,
            f"{door} was tried, and does not answer as it should ({refused[0]}, {listed[0]}).",
            "Run jupyter envguard hooks install as root.",
        )


def _asked(path: str, *command: str) -> tuple[int, str]:
    done = subprocess.run(
        command,
        env={"PATH": path, "HOME": "/"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TRIAL_SECONDS,
    )
    return done.returncode, done.stdout
