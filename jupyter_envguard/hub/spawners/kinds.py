"""Which spawner a hub uses, and what the guard can set on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jupyterhub.app import JupyterHub
from traitlets import TraitError

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.hub.spawners import docker, kubernetes, systemd
from jupyter_envguard.hub.spawners.places import Equivalents, Wanted


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of spawners: a class and all that are made from it."""

    base: str
    """Full name of the class."""
    section: str
    """Where its settings are written in `jupyterhub_config.py`."""
    traits: tuple[str, ...]
    """What of its settings has to do with the guard."""
    elsewhere: bool
    """Whether servers run in another image than the hub."""
    equivalents: Callable[[Mapping[str, Any], Wanted], Equivalents]
    """From those settings that are set to what has to be set."""
    prepare: Callable[[Any, Wanted], Awaitable[None]]
    """Sets what only the user's own spawner tells, before each start."""


KINDS = (
    Kind(
        base="systemdspawner.systemdspawner.SystemdSpawner",
        section="SystemdSpawner",
        traits=systemd.TRAITS,
        elsewhere=False,
        equivalents=systemd.equivalents,
        prepare=systemd.prepare,
    ),
    Kind(
        base="dockerspawner.dockerspawner.DockerSpawner",
        section="DockerSpawner",
        traits=docker.TRAITS,
        elsewhere=True,
        equivalents=docker.equivalents,
        prepare=docker.prepare,
    ),
    Kind(
        base="kubespawner.spawner.KubeSpawner",
        section="KubeSpawner",
        traits=kubernetes.TRAITS,
        elsewhere=True,
        equivalents=kubernetes.equivalents,
        prepare=kubernetes.prepare,
    ),
)
"""Known by name: a hub has no more than one of these packages installed."""

UNSUPPORTED = "dockerspawner.swarmspawner.SwarmSpawner"
"""Its services take nothing of what is set for containers here."""


def spawner_class(c: Any) -> type:
    """Return the class that `c`, a hub's configuration, asks for, by class, dotted name or entry point.

    Raises `hub-contradiction` when there is none of that name: what cannot be
    looked at cannot be trusted.
    """
    trait: Any = JupyterHub.class_traits()["spawner_class"]
    try:
        found: type = trait.validate(None, c.JupyterHub.get("spawner_class", trait.default_value))
    except (TraitError, ImportError) as error:
        raise InvalidInput(
            "hub-contradiction",
            f"c.JupyterHub.spawner_class cannot be used: {error}",
            "Install the spawner, or correct its name.",
        ) from error
    return found


def kind_of(spawner: type) -> Kind | None:
    """Return the family of the class `spawner`; None when servers are plain processes."""
    names = _names(spawner)
    return next((kind for kind in KINDS if kind.base in names), None)


def is_supported(spawner: type) -> bool:
    """Return whether the class `spawner` passes on what its family's settings say."""
    return UNSUPPORTED not in _names(spawner)


def _names(spawner: type) -> set[str]:
    return {f"{one.__module__}.{one.__qualname__}" for one in spawner.__mro__}
