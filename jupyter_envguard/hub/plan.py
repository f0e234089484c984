"""What the hub is going to set for single-user servers, worked out before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_envguard.hub.wall import in_front
from jupyter_envguard.site import Enforcement, Site

MANAGER = "jupyter_envguard.kernels.kernelspecs.EnvGuardKernelSpecManager"
PROVISIONER = "envguard-provisioner"

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Plan:
    """What `configure` sets, worked out before anything is changed."""

    site: Path
    """The site file as single-user servers see it."""
    command: tuple[str, ...]
    """What starts the single-user server of somebody who is in none of the site's groups."""
    arguments: tuple[str, ...]
    """What the command is told, after whatever the configuration passes already."""
    environment: Mapping[str, str]
    """Variables added for the single-user server."""
    guard: Enforcement
    """How far sessions are confined, by group."""
    commands: Mapping[Enforcement, tuple[str, ...]]
    """What starts it, by what may hold for its person."""
    spool: Path | None = None
    """Where to make the folder of a person before their server starts; None when that is elsewhere."""
    store: Path | None = None
    """Where images without a tree are to be mounted before; None when that is elsewhere."""

    def command_for(self, groups: Iterable[str]) -> tuple[str, ...]:
        """Return what starts the server of a member of `groups`."""
        return self.commands[self.guard.of(groups)]


def plan_for(site: Site, python: str, *, elsewhere: bool = False) -> Plan:
    """Return what servers of `site` are started with, run by the interpreter `python`, in an image of
    their own when `elsewhere`."""
    server = (python, "-I", "-m", "jupyterhub.singleuser")
    commands = {
        guard: (*in_front(site, guard, python, elsewhere=elsewhere), *server)
        for guard in site.guard.possible()
    }
    return Plan(
        site=site.path,
        guard=site.guard,
        command=commands[site.guard.of(())],
        commands=commands,
        spool=None if elsewhere else site.spool,
        store=None if elsewhere else site.store_root,
        arguments=(
            f"--ServerApp.kernel_spec_manager_class={MANAGER}",
            f"--EnvGuardKernelSpecManager.site={site.path}",
            f"--KernelProvisionerFactory.default_provisioner_name={PROVISIONER}",
            "--LabApp.extension_manager=readonly",
        ),
        environment={"PATH": f"{Path(python).parent}:{SYSTEM_PATH}", "JUPYTER_PREFER_ENV_PATH": "1"},
    )
