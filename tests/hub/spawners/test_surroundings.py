"""What is put around sessions is found in the configuration, written there, and kept."""

from __future__ import annotations

import getpass
from typing import Any

from dockerspawner import DockerSpawner
from jupyterhub.spawner import LocalProcessSpawner
from systemdspawner import SystemdSpawner
from traitlets.config import Config

from jupyter_envguard.hub.spawners.places import Wanted
from jupyter_envguard.hub.spawners.surroundings import Surroundings, surroundings
from jupyter_envguard.site.enforcement import Degree, Enforcement
from tests.hub.users import spawner_for

WANTED = Wanted("enforce", ("/srv/store",), ("/srv/spool",), (), (), ("server",))


class MySpawner(SystemdSpawner):
    """A subclass, as sites write them."""


def around(spawner: type = SystemdSpawner) -> Surroundings:
    found = surroundings(spawner, WANTED, Enforcement(groups={"students": Degree("lockdown")}))
    assert found is not None
    return found


def test_plain_processes_have_the_wall_only() -> None:
    assert surroundings(LocalProcessSpawner, WANTED, Enforcement()) is None


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


class TestLevelOfGroups:
    def made(self) -> Config:
        c = Config()
        around().write(c)
        return c

    async def test_is_set_where_it_is_stricter_and_only_for_that_start(self) -> None:
        with spawner_for(getpass.getuser(), SystemdSpawner, self.made()) as spawner:
            assert await around().problems(spawner, ["staff"]) == ()
            assert "NoExecPaths" not in spawner.unit_extra_properties
            assert await around().problems(spawner, ["students"]) == ()
            assert "-/tmp" in spawner.unit_extra_properties["NoExecPaths"]
            assert await around().problems(spawner, ["students"]) == ()
            assert await around().problems(spawner, []) == ()
            assert "NoExecPaths" not in spawner.unit_extra_properties

    async def test_leaves_what_somebody_changed_since(self) -> None:
        with spawner_for(getpass.getuser(), SystemdSpawner, self.made()) as spawner:
            await around().problems(spawner, ["students"])
            mine: dict[str, Any] = {**spawner.unit_extra_properties, "CPUWeight": "20"}
            spawner.unit_extra_properties = mine
            assert await around().problems(spawner, []) == ()
            assert spawner.unit_extra_properties["CPUWeight"] == "20"

    async def test_may_contradict_what_the_sites_does_not(self) -> None:
        with spawner_for("ada", DockerSpawner, docker := Config()) as spawner:
            docked = around(DockerSpawner)
            docker.DockerSpawner.extra_host_config = {"tmpfs": {"/tmp": "exec"}}
            docked.write(docker)
            spawner.update_config(docker)
            assert await docked.problems(spawner, []) == ()
            (found,) = await docked.problems(spawner, ["students"])
            assert found == "extra_host_config: /tmp with exec contradicts lockdown"
