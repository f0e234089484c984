"""What is put around sessions is found in the configuration, written there, and kept."""

from __future__ import annotations

from jupyterhub.spawner import LocalProcessSpawner
from systemdspawner import SystemdSpawner
from traitlets.config import Config

from jupyter_envguard.hub.spawners.places import Wanted
from jupyter_envguard.hub.spawners.surroundings import Surroundings, surroundings

WANTED = Wanted("enforce", ("/srv/store",), ("/srv/spool",), (), (), ("server",))


class MySpawner(SystemdSpawner):
    """A subclass, as sites write them."""


def around(spawner: type = SystemdSpawner) -> Surroundings:
    found = surroundings(spawner, WANTED)
    assert found is not None
    return found


def test_plain_processes_have_the_wall_only() -> None:
    assert surroundings(LocalProcessSpawner, WANTED) is None


def test_a_setting_of_every_spawner_counts() -> None:
    c = Config()
    c.Spawner.isolate_tmp = False
    assert list(around().contradictions(c)) == ["c.SystemdSpawner.isolate_tmp: False contradicts True"]


def test_a_setting_of_a_class_made_from_it_would_win() -> None:
    c = Config()
    c.MySpawner.isolate_tmp = True
    (found,) = around(MySpawner).contradictions(c)
    assert found == "c.MySpawner.isolate_tmp would replace what the guard sets: set it on c.SystemdSpawner"


def test_what_only_adds_to_a_default_is_made_whole() -> None:
    c = Config()
    c.SystemdSpawner.readwrite_paths.append("/projects")
    around().write(c)
    assert c.SystemdSpawner.readwrite_paths == ["/projects", "-/srv/spool"]


def test_looking_for_contradictions_changes_nothing() -> None:
    c = Config()
    assert list(around().contradictions(c)) == []
    assert c == Config()
