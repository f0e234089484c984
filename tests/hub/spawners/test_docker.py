"""What DockerSpawner would really have Docker create."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dockerspawner import DockerSpawner, SystemUserSpawner
from jupyterhub.spawner import SpawnException
from traitlets.config import Config

from jupyter_envguard.hub import configure
from jupyter_envguard.hub.spawners.docker import HostConfig, equivalents, prepare
from jupyter_envguard.hub.spawners.places import Wanted, wanted_for
from jupyter_envguard.site import load
from tests.hub.spawners.engine import Engine, engine
from tests.hub.users import spawner_for

PYTHON = "/opt/conda/bin/python"


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Run an engine to which Docker's real client talks; no dockerd runs here."""
    with engine() as made:
        monkeypatch.setenv("DOCKER_HOST", made.address)
        for spawner in (DockerSpawner, SystemUserSpawner):
            monkeypatch.setattr(spawner, "_client", None, raising=False)
        yield made
        for spawner in (DockerSpawner, SystemUserSpawner):
            if spawner._client is not None:
                spawner._client.close()


def config(site: Path, spawner: Any = "docker", **settings: Any) -> Config:
    c = Config()
    c.JupyterHub.spawner_class = spawner
    for name, value in settings.items():
        c.DockerSpawner[name] = value
    configure(c, site=site, python=PYTHON)
    return c


async def created(docker: Engine, c: Config, spawner_class: type = DockerSpawner) -> dict[str, Any]:
    """Return what the engine is really asked to create."""
    with spawner_for("root", spawner_class, c) as spawner:
        await spawner.run_pre_spawn_hook()
        await spawner.create_object()
    return docker.created[-1]


def lockdown(site: Path) -> Wanted:
    found = wanted_for(load(site), PYTHON, ("x",))
    return Wanted("lockdown", found.read, found.write, found.hidden, found.programs, found.command)


class TestContainer:
    async def test_has_the_places_of_the_site_at_their_own_paths(self, site: Path, docker: Engine) -> None:
        mounts = (await created(docker, config(site)))["HostConfig"]["Mounts"]
        assert {mount["Type"] for mount in mounts} == {"bind"}
        assert all(mount["Source"] == mount["Target"] for mount in mounts)
        folder = site.parent
        assert {mount["Target"]: bool(mount.get("ReadOnly")) for mount in mounts} == {
            f"{folder}/site.yaml": True,
            f"{folder}/root.json": True,
            f"{folder}/store": True,
            f"{folder}/catalog": True,
            f"{folder}/spool": False,
        }

    async def test_gains_no_rights_and_has_a_tmp_of_its_own(self, site: Path, docker: Engine) -> None:
        host = (await created(docker, config(site)))["HostConfig"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["CapDrop"] == ["ALL"]
        assert host["Tmpfs"] == {"/tmp": "rw,nosuid,nodev,mode=1777,exec"}
        assert "ReadonlyRootfs" not in host
        assert host["AutoRemove"] is True

    async def test_runs_the_server_behind_the_wall(self, site: Path, docker: Engine) -> None:
        asked = await created(docker, config(site))
        assert asked["Cmd"][:4] == [PYTHON, "-I", "-m", "jupyter_envguard.wall"]
        after = asked["Cmd"].index("--")
        assert asked["Cmd"][after + 1 : after + 5] == [PYTHON, "-I", "-m", "jupyterhub.singleuser"]
        assert "PATH=/opt/conda/bin:/usr/local/bin:/usr/bin:/bin" in asked["Env"]

    async def test_keeps_what_the_admin_set(self, site: Path, docker: Engine) -> None:
        c = config(
            site,
            volumes={"home-{username}": "/home/jovyan"},
            read_only_volumes={f"{site.parent}/store": f"{site.parent}/store"},
            extra_host_config={
                "security_opt": ["label=type:jupyter", "no-new-privileges"],
                "tmpfs": {"/tmp": "size=1g", "/scratch": ""},
                "cpuset_cpus": "0",
            },
        )
        host = (await created(docker, c))["HostConfig"]
        assert "home-root:/home/jovyan:rw" in host["Binds"]
        assert f"{site.parent}/store:{site.parent}/store:ro" in host["Binds"]
        assert f"{site.parent}/store" not in [mount["Target"] for mount in host["Mounts"]]
        assert host["SecurityOpt"] == ["label=type:jupyter", "no-new-privileges:true"]
        assert host["Tmpfs"] == {"/tmp": "size=1g,rw,nosuid,nodev,mode=1777,exec", "/scratch": ""}
        assert host["CpusetCpus"] == "0"

    async def test_a_host_configuration_worked_out_for_each_user_is_added_to(
        self, site: Path, docker: Engine
    ) -> None:
        async def for_each(spawner: Any) -> dict[str, Any]:
            return {"cpuset_cpus": str(len(spawner.user.name))}

        c = config(site, extra_host_config=for_each)
        host = (await created(docker, c))["HostConfig"]
        assert host["CpusetCpus"] == "4"
        assert host["CapDrop"] == ["ALL"]
        again = equivalents({"extra_host_config": c.DockerSpawner.extra_host_config}, lockdown(site))
        assert again.settings["extra_host_config"] == HostConfig(for_each, lockdown(site))

    async def test_a_privilege_given_to_one_user_is_refused(self, site: Path, docker: Engine) -> None:
        c = config(site, extra_host_config=lambda spawner: {"privileged": spawner.user.name == "root"})
        with pytest.raises(SpawnException, match="a privileged container is no wall"):
            await created(docker, c)

    async def test_a_users_own_home_comes_along(self, site: Path, docker: Engine) -> None:
        c = config(site, SystemUserSpawner)
        host = (await created(docker, c, SystemUserSpawner))["HostConfig"]
        assert "/home/root:/home/root:rw" in host["Binds"] or "/home/root:/home/root" in host["Binds"]
        assert host["CapDrop"] == ["ALL"]

    async def test_a_site_that_only_advises_gets_its_places_and_no_more(
        self, site: Path, docker: Engine
    ) -> None:
        with site.open("a") as file:
            file.write("guard: {level: advise}\n")
        host = (await created(docker, config(site)))["HostConfig"]
        assert len(host["Mounts"]) == 5
        assert "CapDrop" not in host

    async def test_a_file_system_list_in_memory_is_understood(self, site: Path) -> None:
        found = equivalents({"extra_host_config": {"tmpfs": ["/scratch"]}}, lockdown(site))
        assert found.settings["extra_host_config"]["tmpfs"]["/scratch"] == ""


class TestLockdown:
    async def test_of_a_group_is_what_its_members_get(self, site: Path, docker: Engine) -> None:
        with site.open("a") as file:
            file.write("guard: {groups: {students: {level: lockdown}}}\n")
        c = config(site, volumes={"home-{username}": "/home/jovyan"}, extra_host_config=lambda spawner: {})
        with spawner_for("root", DockerSpawner, c, ("students",)) as spawner:
            for _ in range(2):
                await spawner.run_pre_spawn_hook()
                await spawner.create_object()
        assert [asked["HostConfig"]["ReadonlyRootfs"] for asked in docker.created] == [True, True]
        assert "--lockdown" in docker.created[-1]["Cmd"]

    def test_leaves_nothing_to_write_to_and_runs_nothing_from_tmp(self, site: Path) -> None:
        host = equivalents({}, lockdown(site)).settings["extra_host_config"]
        assert host["read_only"] is True
        assert host["tmpfs"]["/tmp"] == "rw,nosuid,nodev,mode=1777,noexec"

    @pytest.mark.parametrize(
        ("host", "reason"),
        [
            ({"read_only": False}, "read_only=False contradicts lockdown"),
            ({"tmpfs": {"/tmp": "rw,exec"}}, "/tmp with exec contradicts lockdown"),
        ],
    )
    def test_contradictions_are_named(self, site: Path, host: dict[str, Any], reason: str) -> None:
        found = equivalents({"extra_host_config": host}, lockdown(site))
        assert found.contradictions == (f"extra_host_config: {reason}",)

    async def test_a_container_without_a_home_does_not_start(self, site: Path) -> None:
        c = config(site)
        with spawner_for("ada", DockerSpawner, c) as spawner:
            with pytest.raises(SpawnException, match="no home is mounted"):
                await prepare(spawner, lockdown(site))
            spawner.volumes = {"home-{username}": "/home/jovyan"}
            await prepare(spawner, lockdown(site))


class TestContradictions:
    @pytest.mark.parametrize(
        ("settings", "reason"),
        [
            ({"remove": False}, "start again as it was made"),
            ({"extra_host_config": {"privileged": True}}, "no wall"),
            ({"extra_host_config": {"cap_add": ["SYS_ADMIN"]}}, "cap_add SYS_ADMIN contradicts"),
            ({"extra_host_config": {"security_opt": ["seccomp=unconfined"]}}, "takes a wall away"),
            ({"extra_host_config": {"security_opt": ["no-new-privileges:false"]}}, "takes a wall away"),
            ({"extra_host_config": {"pid_mode": "host"}}, "pid_mode would be the host's"),
            ({"extra_host_config": {"binds": {}}}, "binds would replace"),
            ({"extra_create_kwargs": {"entrypoint": "/x"}}, "entrypoint would replace"),
            ({"extra_create_kwargs": {"user": "root"}}, "a session of root"),
            ({"extra_create_kwargs": {"user": "0:0"}}, "a session of root"),
            ({"extra_create_kwargs": lambda spawner: {}}, "cannot be checked before"),
            ({"volumes": {"/var/run/docker.sock": "/var/run/docker.sock"}}, "command Docker itself"),
            ({"volumes": {"/x": {"bind": "/x", "mode": "rw"}, "/": "/host"}}, "show .*log.sqlite"),
        ],
    )
    def test_the_hub_does_not_start_and_says_why(
        self, site: Path, settings: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(SystemExit, match=reason) as caught:
            config(site, **settings)
        assert f"c.DockerSpawner.{next(iter(settings))}: " in str(caught.value)

    def test_a_place_of_the_site_cannot_be_mounted_writable(self, site: Path) -> None:
        store = f"{site.parent}/store"
        with pytest.raises(SystemExit, match=f"volumes: {store} would be writable"):
            config(site, volumes={"scratch": store})
        with pytest.raises(SystemExit, match=f"mounts: {store}/x would be writable"):
            config(site, mounts=[{"type": "volume", "source": "x", "target": f"{store}/x"}])

    def test_the_spool_cannot_be_mounted_read_only(self, site: Path) -> None:
        with pytest.raises(SystemExit, match="sessions must be able to write to"):
            config(site, read_only_volumes={"spool": f"{site.parent}/spool"})

    def test_a_class_made_from_the_spawner_may_not_replace_what_is_set(self, site: Path) -> None:
        c = Config()
        c.JupyterHub.spawner_class = SystemUserSpawner
        c.SystemUserSpawner.volumes = {}
        with pytest.raises(SystemExit, match=r"c\.SystemUserSpawner\.volumes would replace"):
            configure(c, site=site, python=PYTHON)

    def test_a_session_of_root_is_refused(self, site: Path) -> None:
        c = Config()
        c.JupyterHub.spawner_class = SystemUserSpawner
        c.DockerSpawner.run_as_root = True
        with pytest.raises(SystemExit, match=r"run_as_root: a session of root"):
            configure(c, site=site, python=PYTHON)

    def test_a_swarm_is_refused(self, site: Path) -> None:
        with pytest.raises(SystemExit, match="SwarmSpawner passes on nothing"):
            config(site, "dockerspawner.SwarmSpawner")

    def test_the_python_of_the_image_has_to_be_named(self, site: Path) -> None:
        c = Config()
        c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
        with pytest.raises(SystemExit, match=r"configure\(c, site=…, python="):
            configure(c, site=site)

    async def test_lines_after_configure_do_not_undo_it(self, site: Path, docker: Engine) -> None:
        c = config(site)
        c.DockerSpawner.extra_host_config = {}
        c.DockerSpawner.mounts = []
        with pytest.raises(SpawnException, match=r"mounts is not .*; extra_host_config is not"):
            await created(docker, c)
