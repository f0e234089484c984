"""The configured spawner is recognised however it is named."""

from __future__ import annotations

from typing import Any

import pytest
from dockerspawner import DockerSpawner, SwarmSpawner, SystemUserSpawner
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner
from kubespawner import KubeSpawner
from systemdspawner import SystemdSpawner
from traitlets.config import Config

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.hub.spawners.kinds import KINDS, is_supported, kind_of, spawner_class


class MySpawner(KubeSpawner):
    """A subclass, as sites write them."""


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("systemd", SystemdSpawner),
        ("systemdspawner.SystemdSpawner", SystemdSpawner),
        ("docker-system-user", SystemUserSpawner),
        ("kubespawner.KubeSpawner", KubeSpawner),
        ("simple", SimpleLocalProcessSpawner),
        (DockerSpawner, DockerSpawner),
    ],
)
def test_a_class_a_dotted_name_and_an_entry_point_are_understood(name: Any, found: type) -> None:
    c = Config()
    c.JupyterHub.spawner_class = name
    assert spawner_class(c) is found


def test_without_a_word_servers_are_plain_processes() -> None:
    assert spawner_class(Config()) is LocalProcessSpawner
    assert kind_of(LocalProcessSpawner) is None


def test_a_spawner_that_cannot_be_found_is_refused() -> None:
    c = Config()
    c.JupyterHub.spawner_class = "nowhere.Spawner"
    with pytest.raises(InvalidInput, match=r"spawner_class cannot be used"):
        spawner_class(c)


@pytest.mark.parametrize(
    ("spawner", "section"),
    [
        (SystemdSpawner, "SystemdSpawner"),
        (SystemUserSpawner, "DockerSpawner"),
        (MySpawner, "KubeSpawner"),
    ],
)
def test_a_class_made_from_a_known_one_is_of_its_kind(spawner: type, section: str) -> None:
    kind = kind_of(spawner)
    assert kind is not None
    assert kind.section == section


def test_a_swarm_passes_nothing_on() -> None:
    assert is_supported(DockerSpawner)
    assert not is_supported(SwarmSpawner)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.section)
def test_every_trait_is_one_of_a_real_spawner(kind: Any) -> None:
    real = {"SystemdSpawner": SystemdSpawner, "DockerSpawner": SystemUserSpawner, "KubeSpawner": KubeSpawner}
    assert set(kind.traits) <= set(real[kind.section].class_trait_names())
