"""What Kubernetes puts around a session: KubeSpawner's volumes and the container's security context.

A place of the site that the admin mounts already, from whatever kind of volume, is
left as it is if it is read-only; the others come from the same path of the node. The
pod is looked at once more as it is about to be created, after the user's choice of a
profile and the admin's own hook have changed it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyterhub.spawner import SpawnException
from jupyterhub.utils import maybe_future

from jupyter_envguard.hub.spawners.places import Equivalents, Mount, Wanted, missing_mounts

TRAITS = (
    *("allow_privilege_escalation", "container_security_context", "extra_container_config"),
    *("extra_pod_config", "modify_pod_hook", "privileged", "profile_list", "uid", "volume_mounts", "volumes"),
)

TEMPORARY = "/tmp"  # noqa: S108 - the pod's own
CONTEXT: Mapping[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What the container of every session has; without the filter Kubernetes runs it with none."""

OWN = ("args", "command", "securityContext", "security_context", "volumeMounts", "volume_mounts")
"""Parts of a container that would replace what the guard sets."""

HOST = ("hostIPC", "hostPID", "host_ipc", "host_pid")
"""What a pod may not share with its node."""

POD = ("containers", "securityContext", "security_context", "volumes")
"""Parts of a pod that would replace what the guard sets."""

TAKEN = ("args", "cmd", "modify_pod_hook", "pre_spawn_hook")
"""Settings that no choice of a profile may replace."""

NOTEBOOK = "notebook"
"""Name of the container in which KubeSpawner runs the session."""


@dataclass(frozen=True, slots=True)
class PodHook:
    """Looks at a pod that is about to be created, after the admin's own hook."""

    original: Any
    """The admin's hook, of the spawner and the pod; it may be a coroutine. None when there is none."""
    wanted: Wanted
    """What the pod has to be like."""

    async def __call__(self, spawner: Any, pod: Any) -> Any:
        """Return the pod; raise `SpawnException` with every reason why it may not be created."""
        if self.original is not None:
            pod = await maybe_future(self.original(spawner, pod))
        manifest = spawner.api.api_client.sanitize_for_serialization(pod)
        problems = tuple(pod_problems(manifest, self.wanted))
        if problems:
            raise SpawnException(
                f"The pod contradicts the guard: {'; '.join(problems)}.", reason="hub-contradiction"
            )
        return pod


def equivalents(given: Mapping[str, Any], wanted: Wanted) -> Equivalents:
    """Return what to set for `wanted` where `given` is set already."""
    read, write, problems = missing_mounts(wanted, _mounts(given))
    volumes = [{"name": _name(place), "hostPath": {"path": place}} for place in (*read, *write)]
    mounts = [_mounted(place, read_only=True) for place in read]
    mounts += [_mounted(place, read_only=False) for place in write]
    there = {mount["mountPath"].rstrip("/") for mount in _listed(given.get("volume_mounts"))}
    if wanted.confined and TEMPORARY not in there:
        volumes.append({"name": _name(TEMPORARY), "emptyDir": {}})
        mounts.append(_mounted(TEMPORARY, read_only=False))
    settings: dict[str, Any] = {
        "volumes": _with(given.get("volumes"), volumes),
        "volume_mounts": _with(given.get("volume_mounts"), mounts),
    }
    hook = given.get("modify_pod_hook")
    settings["modify_pod_hook"] = PodHook(hook.original if isinstance(hook, PodHook) else hook, wanted)
    if not wanted.confined:
        return Equivalents(settings, tuple(problems))
    problems += _wrong(given, wanted)
    problems += [f"profile_list: {problem}" for problem in _wrong_profiles(given.get("profile_list"), wanted)]
    settings["allow_privilege_escalation"] = False
    context: Any = given.get("container_security_context") or {}
    if not callable(context):
        settings["container_security_context"] = _tightened(context, wanted)
    return Equivalents(settings, tuple(problems))


async def prepare(spawner: Any, wanted: Wanted) -> None:
    """Do nothing: `pod_problems` looks at what KubeSpawner makes of everything."""


def pod_problems(pod: Mapping[str, Any], wanted: Wanted) -> Iterator[str]:
    """Yield what in the manifest `pod` contradicts."""
    spec, commands = pod["spec"], (wanted.command, *wanted.others)
    container = next(one for one in spec["containers"] if one["name"] == NOTEBOOK)
    words = container.get("args", [])
    if container.get("command") or not any(words[: len(command)] == list(command) for command in commands):
        yield f"the session is not started by {' '.join(wanted.command)}"
    mounts = [_mount(mount, {}, "pod") for mount in container.get("volumeMounts", [])]
    read, write, problems = missing_mounts(wanted, mounts)
    yield from problems
    yield from (f"{place} is not mounted" for place in (*read, *write))
    if wanted.confined:
        yield from _context_problems(container.get("securityContext") or {}, wanted)
        for name in HOST:
            if spec.get(name):
                yield f"{name} would be the node's"


def _wrong(given: Mapping[str, Any], wanted: Wanted) -> Iterator[str]:
    """Yield what contradicts beside the volumes, the trait's name in front."""
    if given.get("privileged"):
        yield "privileged: a privileged container is no wall"
    if given.get("allow_privilege_escalation"):
        yield "allow_privilege_escalation: True contradicts False"
    if given.get("uid") == 0:
        yield "uid: a session of root owns what it should not be able to change"
    context: Any = given.get("container_security_context") or {}
    if callable(context):
        yield "container_security_context: what is worked out for each user cannot be added to"
    else:
        capabilities = {**context.get("capabilities", {}), "drop": ["ALL"]}
        whole = {**_context(wanted), **context, "capabilities": capabilities}
        yield from (f"container_security_context: {problem}" for problem in _context_problems(whole, wanted))
    yield from _replaced("extra_container_config", given.get("extra_container_config"), OWN)
    yield from _replaced("extra_pod_config", given.get("extra_pod_config"), POD)
    for name in HOST:
        if (given.get("extra_pod_config") or {}).get(name):
            yield f"extra_pod_config: {name} would be the node's"


def _wrong_profiles(profiles: Any, wanted: Wanted) -> Iterator[str]:
    """Yield what contradicts in the overrides that users may choose from; a function is left to the pod."""
    if isinstance(profiles, Mapping):
        override = profiles.get("kubespawner_override")
        if isinstance(override, Mapping):
            yield from _wrong(override, wanted)
            yield from (f"{name} would replace what the guard sets" for name in TAKEN if name in override)
        profiles = list(profiles.values())
    if isinstance(profiles, list):
        for part in profiles:
            yield from _wrong_profiles(part, wanted)


def _replaced(trait: str, value: Any, ours: Sequence[str]) -> Iterator[str]:
    for name in ours:
        if name in (value or {}):
            yield f"{trait}: {name} would replace what the guard sets"


def _tightened(given: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    """Return a security context with ours in it; a filter of the admin's own is kept."""
    filtered = {"seccompProfile": given["seccompProfile"]} if given.get("seccompProfile") else {}
    return {**given, **_context(wanted), **filtered}


def _context(wanted: Wanted) -> dict[str, Any]:
    return {**CONTEXT, **({"readOnlyRootFilesystem": True} if wanted.listed else {})}


def _context_problems(context: Mapping[str, Any], wanted: Wanted) -> Iterator[str]:
    if context.get("privileged"):
        yield "a privileged container is no wall"
    if context.get("runAsUser") == 0:
        yield "a session of root owns what it should not be able to change"
    if (context.get("capabilities") or {}).get("add"):
        yield "added capabilities contradict dropping all"
    if (context.get("capabilities") or {}).get("drop") != ["ALL"]:
        yield "capabilities are not dropped"
    if (context.get("seccompProfile") or {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile takes the filter of system calls away"
    for name, ours in _context(wanted).items():
        if isinstance(ours, bool) and context.get(name) is not ours:
            yield f"{name}={context.get(name)} contradicts {ours}"


def _mounts(given: Mapping[str, Any]) -> Iterator[Mount]:
    sources = {
        volume["name"]: str((volume.get("hostPath") or volume.get("host_path") or {}).get("path", ""))
        for volume in _listed(given.get("volumes"))
    }
    for mount in _listed(given.get("volume_mounts")):
        yield _mount(mount, sources, "volume_mounts")


def _mount(mount: Mapping[str, Any], sources: Mapping[str, str], trait: str) -> Mount:
    writable = not (mount.get("readOnly") or mount.get("read_only"))
    return Mount(mount["mountPath"], writable, sources.get(mount["name"], ""), trait)


def _listed(given: Any) -> list[dict[str, Any]]:
    """Return a trait that is a list or, by KubeSpawner's custom, a dict in the order of its keys."""
    return [given[key] for key in sorted(given)] if isinstance(given, dict) else list(given or [])


def _with(given: Any, more: Sequence[dict[str, Any]]) -> Any:
    """Return `given` with `more`; a dict, which the profiles' overrides add to, unless it is a list."""
    if isinstance(given, list) and given:
        return [*given, *more]
    return {**(given or {}), **{f"{one['name']}": one for one in more}}


def _mounted(place: str, *, read_only: bool) -> dict[str, Any]:
    return {"name": _name(place), "mountPath": place, "readOnly": read_only}


def _name(place: str) -> str:
    """Return the name of the volume for `place`: names have 63 characters at most, and none but these."""
    return f"envguard-{hashlib.sha256(place.encode()).hexdigest()[:12]}"
