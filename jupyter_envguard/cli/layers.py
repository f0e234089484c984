"""The checks of `doctor` on layers that are not walls: how kernels are started, and courtesy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jupyter_envguard.catalog import Client
from jupyter_envguard.catalog.entry import USABLE
from jupyter_envguard.cli.checks import Check, Status
from jupyter_envguard.cli.hooks import FILES, State
from jupyter_envguard.cli.terminal import count
from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.kernels.launch import launch_for
from jupyter_envguard.site import Site
from jupyter_envguard.store import Store

MACHINE = Path("/")
"""Where the files of hooks lie."""


def layers(site: Site) -> Iterator[Check]:
    """Yield how kernels of `site` are started, and which tools answer kindly here."""
    yield from _launches(site)
    yield _hooks()


def _launches(site: Site) -> Iterator[Check]:
    store, ready = Store(site.store_root), 0
    for entry in Client(site.catalog, site.trust).load().entries:
        if entry.state not in USABLE or not store.path_of(entry.pack).exists():
            continue
        try:
            launch_for(store.path_of(entry.pack), entry.language)
        except EnvGuardError as error:
            yield Check("launch", Status.FAIL, f"{entry.id}: {error.message}", error.hint, error.code)
        else:
            ready += 1
    what = f"{count(ready, 'release')} can be started here, isolated and without the server's variables."
    yield Check("launch", Status.INFO, what)  # no kernel was started


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
