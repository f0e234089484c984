"""Sets up a JupyterHub so that its single-user servers offer approved environments only.

One line at the end of `jupyterhub_config.py` does it:

    from jupyter_envguard.hub import configure

    configure(c, site="/etc/jupyter/envguard/site.yaml")

It switches user configuration off, puts the wall around the session
(`jupyter_envguard.wall`), starts the single-user server isolated (`python -I`) in
it, and hands it the site on the command line, which wins over every
file. What the configuration says already is never overwritten in silence: where
it contradicts the guard the hub refuses to start and says why. The same check is
made once more before each spawn, so a line that comes after `configure` cannot
undo it.

The user's groups are not passed here. The single-user server asks the Hub for
them with its own token (`jupyter_envguard.kernels.subject`), so they change when
the Hub's do and nothing that a user can write has a say.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jupyterhub.spawner import SpawnException
from jupyterhub.utils import maybe_future
from traitlets.config.loader import LazyConfigValue

from jupyter_envguard import wall
from jupyter_envguard.errors import EnvGuardError, InvalidInput
from jupyter_envguard.site import Site, load

MANAGER = "jupyter_envguard.kernels.kernelspecs.EnvGuardKernelSpecManager"
PROVISIONER = "envguard-provisioner"

TOKEN_SCOPES = frozenset(
    {"access:servers!server", "read:users:groups!user", "read:users:name!user", "users:activity!user"}
)
"""What a single-user server may ask the Hub: who its user is, in which groups, and to report activity."""

KEPT_VARIABLES = ("LANG", "LC_ALL", "TZ")
"""All that a single-user server inherits from the hub's own environment."""

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

FORBIDDEN_VARIABLES = frozenset(
    {
        "JUPYTERHUB_SINGLEUSER_APP",
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_CONFIG_PATH",
        "JUPYTER_DATA_DIR",
        "JUPYTER_GATEWAY_URL",
        "JUPYTER_PATH",
    }
)
"""Variables that would bring another configuration, other kernels or another kernel manager in."""

FORBIDDEN_VARIABLE_PREFIXES = ("LD_", "PYTHON")

OUR_TRAITS = frozenset(
    {
        "args",
        "cmd",
        "disable_user_config",
        "env_keep",
        "environment",
        "pre_spawn_hook",
        "server_token_scopes",
    }
)
"""The spawner traits that the guard sets; a subclass's section would win over ours."""

ADDED_TO: Mapping[str, Any] = MappingProxyType(
    {"args": [], "cmd": [], "env_keep": list(KEPT_VARIABLES), "environment": {}, "server_token_scopes": []}
)
"""What `c.Spawner.args.append(…)` and its like add to; JupyterHub's own `env_keep` has `PYTHONPATH` in it."""

UNSAFE_SPAWNERS = ("batchspawner", "wrapspawner")
"""Spawners that let the user's options or token replace the command that is started."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What `configure` sets, worked out before anything is changed."""

    site: Path
    """The site file as single-user servers see it."""
    command: tuple[str, ...]
    """What starts the single-user server."""
    arguments: tuple[str, ...]
    """What the command is told, after whatever the configuration passes already."""
    environment: Mapping[str, str]
    """Variables added for the single-user server."""


def configure(c: Any, site: str | os.PathLike[str], *, python: str | None = None) -> Site:
    """Set everything on `c`, the configuration object of `jupyterhub_config.py`.

    `site` is the site file, at the same path on the hub and on every node;
    `python` is the interpreter that runs single-user servers, the hub's own
    unless servers run in another image. The hub does not start (`SystemExit`,
    with the code, the sentence and the hint) when the site cannot be used or
    when something that is configured contradicts the guard.
    """
    try:
        found = load(Path(site).expanduser().absolute())
        plan = _plan(found, python or sys.executable)
        refuse(_contradictions(c, plan))
    except EnvGuardError as error:
        raise SystemExit(f"error[{error.code}]: {error.message}\nhint: {error.hint}") from error
    _apply(c, plan)
    return found


def refuse(contradictions: Sequence[str]) -> None:
    """Raise `hub-contradiction` with every reason, if there is one."""
    if contradictions:
        raise InvalidInput(
            "hub-contradiction",
            "The hub's configuration contradicts the guard: " + "; ".join(contradictions) + ".",
            "Remove these settings from jupyterhub_config.py, and call configure(c, …) last.",
        )


def check_spawner(spawner: Any, plan: Plan) -> tuple[str, ...]:
    """Return how `spawner`, about to start, deviates from `plan`; empty when it does not."""
    values = {
        "disable_user_config": spawner.disable_user_config,
        "cmd": list(spawner.cmd),
        "args": list(spawner.args),
        "environment": dict(spawner.environment),
        "env_keep": list(spawner.env_keep),
    }
    found = [reason for name, value in values.items() for reason in _against(name, value, plan)]
    found += [f"{missing} is missing" for missing in plan.arguments if missing not in spawner.args]
    return tuple(dict.fromkeys(found))


def _plan(site: Site, python: str) -> Plan:
    return Plan(
        site=site.path,
        command=(*_wall(site, python), python, "-I", "-m", "jupyterhub.singleuser"),
        arguments=(
            f"--ServerApp.kernel_spec_manager_class={MANAGER}",
            f"--EnvGuardKernelSpecManager.site={site.path}",
            f"--KernelProvisionerFactory.default_provisioner_name={PROVISIONER}",
            "--LabApp.extension_manager=readonly",
        ),
        environment={"PATH": f"{Path(python).parent}:{SYSTEM_PATH}", "JUPYTER_PREFER_ENV_PATH": "1"},
    )


def _wall(site: Site, python: str) -> tuple[str, ...]:
    """Return what stands before the server's own command: the wall, where the site wants one."""
    if site.guard.level == "advise":
        return ()
    return (
        *wall.command(python),
        *(["--required"] if site.guard.required else []),
        *(f"--write={path}" for path in (site.spool, *site.guard.write)),
        *(f"--protect={path}" for path in site.protected()),
        "--",
    )


def _contradictions(c: Any, plan: Plan) -> tuple[str, ...]:
    """Return every setting on `c` that would undo the plan, with the class it is set on."""
    found: list[str] = []
    for section, name, value in _spawner_settings(c):
        if section != "Spawner" and name in OUR_TRAITS:
            found.append(f"c.{section}.{name} would replace what the guard sets: set it on c.Spawner")
        found += [f"c.{section}.{name}: {reason}" for reason in _against(name, value, plan)]
    spawner_class = str(c.JupyterHub.get("spawner_class", ""))
    if any(unsafe in spawner_class.lower() for unsafe in UNSAFE_SPAWNERS):
        found.append(
            f"c.JupyterHub.spawner_class: {spawner_class} lets a user replace the command that is started"
        )
    return tuple(found)


def _spawner_settings(c: Any) -> Iterator[tuple[str, str, Any]]:
    for section in sorted(c):
        if section.endswith("Spawner"):
            for name in sorted(c[section]):
                yield section, name, _given(c[section], name)


def _given(section: Any, name: str) -> Any:
    """Return the setting `name`, complete also where the configuration only adds to what is there."""
    value = section[name] if name in section else LazyConfigValue()
    return (
        value.get_value(ADDED_TO[name]) if isinstance(value, LazyConfigValue) and name in ADDED_TO else value
    )


def _against(name: str, value: Any, plan: Plan) -> list[str]:
    """Return what is wrong with `value` for the spawner trait called `name`."""
    kinds = _KINDS.get(name)
    if kinds is not None and not isinstance(value, kinds):
        return [f"{value!r} is not a {kinds[0].__name__}"]
    check = _CHECKS.get(name)
    return check(value, plan) if check else []


def _check_user_config(value: Any, _: Plan) -> list[str]:
    return [] if value is True else ["users' own configuration must stay off"]


def _check_cmd(value: Any, plan: Plan) -> list[str]:
    command = [value] if isinstance(value, str) else list(value)
    return (
        [] if command == list(plan.command) else [f"the server must be started by {' '.join(plan.command)}"]
    )


def _check_args(value: Any, plan: Plan) -> list[str]:
    ours = {argument.split("=")[0]: argument for argument in plan.arguments}
    return [
        f"{argument} contradicts {ours[argument.split('=')[0]]}"
        for argument in value
        if argument.split("=")[0] in ours and argument != ours[argument.split("=")[0]]
    ] + [
        f"{argument} brings another kernel manager in" for argument in value if "gateway" in argument.lower()
    ]


def _check_variables(value: Any, plan: Plan) -> list[str]:
    return [
        f"variable {name} would reach the single-user server"
        for name in value
        if name not in plan.environment
        and (name in FORBIDDEN_VARIABLES or str(name).startswith(FORBIDDEN_VARIABLE_PREFIXES))
    ]


_KINDS: Mapping[str, tuple[type, ...]] = {
    "args": (list, tuple),
    "cmd": (list, tuple, str),
    "env_keep": (list, tuple),
    "environment": (dict,),
}
"""What a setting must be; a text would be taken apart into letters."""

_CHECKS: Mapping[str, Callable[[Any, Plan], list[str]]] = {
    "disable_user_config": _check_user_config,
    "cmd": _check_cmd,
    "args": _check_args,
    "environment": _check_variables,
    "env_keep": _check_variables,
}


def _apply(c: Any, plan: Plan) -> None:
    """Write the plan into `c`; everything set there already has been checked."""
    spawner = c.Spawner
    spawner.disable_user_config = True
    spawner.cmd = list(plan.command)
    given = list(_given(spawner, "args"))
    spawner.args = given + [argument for argument in plan.arguments if argument not in given]
    spawner.environment = {**plan.environment, **_given(spawner, "environment")}
    spawner.env_keep = list(_given(spawner, "env_keep"))
    scopes = _given(spawner, "server_token_scopes")
    if not callable(scopes):
        spawner.server_token_scopes = sorted(TOKEN_SCOPES.union(scopes))
    earlier = spawner.pre_spawn_hook if "pre_spawn_hook" in spawner else None
    spawner.pre_spawn_hook = _pre_spawn_hook(plan, earlier)


def _pre_spawn_hook(plan: Plan, earlier: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """Return the hook that looks once more, after the admin's own hook has run."""

    async def check_before_spawn(spawner: Any) -> None:
        if earlier is not None:
            await maybe_future(earlier(spawner))
        try:
            refuse(check_spawner(spawner, plan))
        except InvalidInput as error:
            raise SpawnException(f"{error.message} {error.hint}", reason=error.code) from error

    return check_before_spawn
