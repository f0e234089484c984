"""What in a hub's configuration, or in a spawner about to start, would undo the guard.

Nothing that an admin set is overwritten in silence: it is named here, with why, and
the hub does not start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from jupyterhub.spawner import Spawner
from traitlets.config import Configurable
from traitlets.config.loader import LazyConfigValue

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.hub.plan import Plan

KEPT_VARIABLES = ("LANG", "LC_ALL", "TZ")
"""All that a single-user server inherits from the hub's own environment."""

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


def contradictions(c: Any, plan: Plan, spawner: type = Spawner) -> tuple[str, ...]:
    """Return every setting on `c` that would undo the plan, with the class it is set on.

    `spawner` is the configured class: what the guard only adds to may be set on it too.
    """
    found: list[str] = []
    sections = sections_of(spawner)
    for section, name, value in _spawner_settings(c):
        added = name in ADDED_TO and name != "cmd" and section in sections
        if section != "Spawner" and name in OUR_TRAITS and not added:
            found.append(f"c.{section}.{name} would replace what the guard sets: set it on c.Spawner")
        found += [f"c.{section}.{name}: {reason}" for reason in _against(name, value, plan)]
    return tuple(found)


def unsafe_spawner(c: Any) -> tuple[str, ...]:
    """Return why the configured spawner can never be used, by its name, before anything of it is imported."""
    name = str(c.JupyterHub.get("spawner_class", ""))
    return _unsafe(name) if any(unsafe in name.lower() for unsafe in UNSAFE_SPAWNERS) else ()


def unsafe_class(spawner: type) -> tuple[str, ...]:
    """Return why the class `spawner` can never be used: also when it is only made from one that cannot."""
    packages = {one.__module__.split(".")[0] for one in spawner.__mro__}
    return _unsafe(spawner.__qualname__) if packages & set(UNSAFE_SPAWNERS) else ()


def _unsafe(name: str) -> tuple[str, ...]:
    return (f"c.JupyterHub.spawner_class: {name} lets a user replace the command that is started",)


def sections_of(spawner: type) -> list[str]:
    """Return the sections that configure the class `spawner`; a later one wins over those before."""
    return [one.__name__ for one in reversed(spawner.__mro__) if issubclass(one, Configurable)]


def section_for(c: Any, spawner: type, name: str) -> Any:
    """Return the section of `c` that decides about the setting `name` of the class `spawner`."""
    deciding = [section for section in sections_of(spawner) if section in c and name in c[section]]
    return c[deciding[-1]] if deciding else c.Spawner


def _spawner_settings(c: Any) -> Iterator[tuple[str, str, Any]]:
    for section in sorted(c):
        if section.endswith("Spawner"):
            for name in sorted(c[section]):
                yield section, name, given(c[section], name)


def given(section: Any, name: str) -> Any:
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
    if tuple(command) in plan.commands.values():
        return []
    return [f"the server must be started by {' '.join(plan.command)}"]


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
