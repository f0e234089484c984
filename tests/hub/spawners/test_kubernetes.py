"""The pod that KubeSpawner would really create."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jupyterhub.spawner import SpawnException
from kubernetes_asyncio.config import kube_config
from kubespawner import KubeSpawner
from kubespawner.clients import load_config
from traitlets.config import Config

from jupyter_envguard.hub import configure
from jupyter_envguard.hub.spawners.kubernetes import CONTEXT, PodHook, equivalents, pod_problems
from jupyter_envguard.hub.spawners.places import Wanted, wanted_for
from jupyter_envguard.site import load
from tests.hub.users import spawner_for

PYTHON = "/opt/conda/bin/python"
CLUSTER = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: hub}}]
clusters: [{name: here, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: hub, user: {}}]
"""


def config(site: Path, **settings: Any) -> Config:
    c = Config()
    c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
    for name, value in settings.items():
        c.KubeSpawner[name] = value
    configure(c, site=site, python=PYTHON)
    return c


@pytest.fixture(autouse=True)
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name a cluster in the file where KubeSpawner looks for one; nobody answers there."""
    path = tmp_path / "kubeconfig"
    path.write_text(CLUSTER)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    load_config.cache_clear()


async def manifest(c: Config, groups: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
    """Return the pod as it is sent to Kubernetes, the user's choice and every hook applied."""
    with spawner_for("ada", KubeSpawner, c, groups) as spawner:
        spawner.user_options = options
        await spawner.run_pre_spawn_hook()
        await spawner.load_user_options()
        pod = await spawner.get_pod_manifest()
        pod = await spawner.modify_pod_hook(spawner, pod)
        found: dict[str, Any] = spawner.api.api_client.sanitize_for_serialization(pod)
        return found


def container_of(pod: dict[str, Any]) -> dict[str, Any]:
    (found,) = pod["spec"]["containers"]
    return dict(found)


def lockdown(site: Path) -> Wanted:
    found = wanted_for(load(site), PYTHON, ("x",))
    return Wanted("lockdown", found.read, found.write, found.hidden, found.programs, found.command)


class TestPod:
    async def test_has_the_places_of_the_site_at_their_own_paths(self, site: Path) -> None:
        pod = await manifest(config(site))
        folder = site.parent
        mounts = {mount["mountPath"]: mount for mount in container_of(pod)["volumeMounts"]}
        assert {path: mount.get("readOnly") for path, mount in mounts.items()} == {
            f"{folder}/site.yaml": True,
            f"{folder}/root.json": True,
            f"{folder}/store": True,
            f"{folder}/catalog": True,
            f"{folder}/spool": False,
            "/tmp": False,
        }
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        assert volumes[mounts[f"{folder}/store"]["name"]]["hostPath"] == {"path": f"{folder}/store"}
        assert volumes[mounts["/tmp"]["name"]]["emptyDir"] == {}

    async def test_gains_no_rights(self, site: Path) -> None:
        context = container_of(await manifest(config(site)))["securityContext"]
        assert context == CONTEXT

    async def test_runs_the_server_behind_the_wall(self, site: Path) -> None:
        container = container_of(await manifest(config(site)))
        assert container["args"][:4] == [PYTHON, "-I", "-m", "jupyter_envguard.wall"]
        assert "command" not in container
        environment = {one["name"]: one.get("value") for one in container["env"]}
        assert environment["JUPYTER_PREFER_ENV_PATH"] == "1"

    async def test_keeps_what_the_admin_set(self, site: Path) -> None:
        store = str(site.parent / "store")
        c = config(
            site,
            uid=1000,
            volumes=[{"name": "images", "persistentVolumeClaim": {"claimName": "images"}}],
            volume_mounts=[
                {"name": "images", "mountPath": store, "readOnly": True},
                {"name": "images", "mountPath": "/tmp", "subPath": "tmp"},
            ],
            container_security_context={"seccompProfile": {"type": "Localhost", "localhostProfile": "x"}},
        )
        pod = await manifest(c)
        mounts = container_of(pod)["volumeMounts"]
        assert [mount["name"] for mount in mounts if mount["mountPath"] in (store, "/tmp")] == ["images"] * 2
        context = container_of(pod)["securityContext"]
        assert context["seccompProfile"] == {"type": "Localhost", "localhostProfile": "x"}
        assert context["runAsUser"] == 1000
        assert context["capabilities"] == {"drop": ["ALL"]}

    async def test_profiles_add_to_the_volumes(self, site: Path) -> None:
        data = {"volumes": {"data": {"name": "data", "emptyDir": {}}}}
        data["volume_mounts"] = {"data": {"name": "data", "mountPath": "/data"}}
        c = config(
            site, profile_list=[{"display_name": "Data", "slug": "data", "kubespawner_override": data}]
        )
        pod = await manifest(c, profile="data")
        paths = [mount["mountPath"] for mount in container_of(pod)["volumeMounts"]]
        assert {"/data", f"{site.parent}/store"} < set(paths)

    async def test_an_admins_own_hook_is_run_and_looked_after(self, site: Path) -> None:
        async def label(spawner: Any, pod: Any) -> Any:
            pod.metadata.labels["team"] = "north"
            return pod

        pod = await manifest(config(site, modify_pod_hook=label))
        assert pod["metadata"]["labels"]["team"] == "north"

        def weaken(spawner: Any, pod: Any) -> Any:
            pod.spec.host_pid = True
            pod.spec.containers[0].args = ["jupyterhub-singleuser"]
            pod.spec.containers[0].volume_mounts = pod.spec.containers[0].volume_mounts[1:]
            pod.spec.containers[0].security_context = None
            return pod

        with pytest.raises(SpawnException) as caught:
            await manifest(config(site, modify_pod_hook=weaken))
        for reason in ("is not started by", "is not mounted", "hostPID", "capabilities are not dropped"):
            assert reason in str(caught.value)

    async def test_a_site_that_only_advises_gets_its_places_and_no_more(self, site: Path) -> None:
        with site.open("a") as file:
            file.write("guard: {level: advise}\n")
        container = container_of(await manifest(config(site)))
        assert len(container["volumeMounts"]) == 5
        assert container["securityContext"] == {"allowPrivilegeEscalation": False}

    def test_configuring_twice_changes_nothing(self, site: Path) -> None:
        c = config(site)
        before = dict(c.KubeSpawner)
        c.Spawner.pop("pre_spawn_hook")
        configure(c, site=site, python=PYTHON)
        assert dict(c.KubeSpawner) == before
        assert isinstance(c.KubeSpawner.modify_pod_hook, PodHook)


class TestLockdown:
    async def test_of_a_group_is_what_its_members_get(self, site: Path) -> None:
        with site.open("a") as file:
            file.write("guard: {groups: {students: {level: lockdown}}}\n")
        container = container_of(await manifest(config(site), ("students",)))
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert "--lockdown" in container["args"]
        container = container_of(await manifest(config(site), ("staff",)))
        assert "readOnlyRootFilesystem" not in container["securityContext"]

    def test_the_containers_own_files_are_read_only(self, site: Path) -> None:
        found = equivalents({}, lockdown(site)).settings["container_security_context"]
        assert found["readOnlyRootFilesystem"] is True

    def test_a_pod_whose_files_can_be_written_is_refused(self, site: Path) -> None:
        container = {"name": "notebook", "args": ["x"], "securityContext": CONTEXT}
        found = list(pod_problems({"spec": {"containers": [container]}}, lockdown(site)))
        assert "readOnlyRootFilesystem=None contradicts True" in found


class TestContradictions:
    @pytest.mark.parametrize(
        ("settings", "reason"),
        [
            ({"privileged": True}, "no wall"),
            ({"allow_privilege_escalation": True}, "contradicts False"),
            ({"uid": 0}, "a session of root"),
            ({"container_security_context": {"privileged": True}}, "no wall"),
            ({"container_security_context": {"runAsUser": 0}}, "a session of root"),
            ({"container_security_context": {"capabilities": {"add": ["SYS_ADMIN"]}}}, "added capabilities"),
            ({"container_security_context": {"allowPrivilegeEscalation": True}}, "contradicts False"),
            ({"container_security_context": {"seccompProfile": {"type": "Unconfined"}}}, "the filter"),
            ({"container_security_context": lambda spawner: {}}, "cannot be added to"),
            ({"extra_container_config": {"command": ["sh"]}}, "command would replace"),
            ({"extra_pod_config": {"hostPID": True}}, "hostPID would be the node's"),
            ({"extra_pod_config": {"volumes": []}}, "volumes would replace"),
            ({"profile_list": [{"kubespawner_override": {"cmd": ["sh"]}}]}, "cmd would replace"),
            ({"profile_list": [{"kubespawner_override": {"privileged": True}}]}, "no wall"),
        ],
    )
    def test_the_hub_does_not_start_and_says_why(
        self, site: Path, settings: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(SystemExit, match=reason) as caught:
            config(site, **settings)
        assert f"c.KubeSpawner.{next(iter(settings))}: " in str(caught.value)

    def test_a_place_of_the_site_cannot_be_mounted_writable(self, site: Path) -> None:
        with pytest.raises(SystemExit, match=r"volume_mounts: .*store would be writable"):
            config(site, volume_mounts={"x": {"name": "x", "mountPath": f"{site.parent}/store"}})

    def test_the_log_of_decisions_cannot_be_mounted(self, site: Path) -> None:
        volume = {"name": "x", "hostPath": {"path": str(site.parent)}}
        mount = {"name": "x", "mountPath": "/x", "readOnly": True}
        with pytest.raises(SystemExit, match=r"volume_mounts: /x would show .*log\.sqlite"):
            config(site, volumes=[volume], volume_mounts=[mount])

    async def test_a_choice_that_weakens_the_pod_is_refused(self, site: Path) -> None:
        def profiles(spawner: Any) -> list[dict[str, Any]]:
            return [{"display_name": "Big", "slug": "big", "kubespawner_override": {"privileged": True}}]

        with pytest.raises(SpawnException, match="a privileged container is no wall"):
            await manifest(config(site, profile_list=profiles), profile="big")
