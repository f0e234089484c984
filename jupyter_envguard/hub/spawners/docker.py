"""What Docker puts around a session: DockerSpawner's settings and the container's host configuration.

The site's places are bound read-only at their own paths (a bind of the kind that
fails when the path is missing), nothing in the container gains a right that it does
not start with, and `/tmp` is in memory. Docker's own system call filter lets
Landlock through, so the wall stands inside as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jupyterhub.spawner import SpawnException
from jupyterhub.utils import maybe_future

from jupyter_envguard.hub.spawners.places import Equivalents, Mount, Wanted, missing_mounts

TRAITS = (
    *("extra_create_kwargs", "extra_host_config", "mounts", "read_only_volumes"),
    *("remove", "run_as_root", "volumes"),
)

NO_NEW_PRIVILEGES = "no-new-privileges:true"
SAME = frozenset({"no-new-privileges", "no-new-privileges=true", NO_NEW_PRIVILEGES})
"""How Docker lets one write it."""

TEMPORARY = "/tmp"  # noqa: S108 - the container's own
TEMPORARY_OPTIONS = ("rw", "nosuid", "nodev", "mode=1777")

OWN = ("command", "entrypoint", "host_config")
"""Arguments of the container that would replace the wall, or all that is set on the host's side."""

HOST = ("cgroupns_mode", "ipc_mode", "pid_mode", "userns_mode", "uts_mode")
"""What a container may not share with its host."""

SOCKET = "docker.sock"
ROOT = frozenset({"", "0", "root"})


@dataclass(frozen=True, slots=True)
class HostConfig:
    """Works a container's host configuration out when the admin's own is worked out for each user."""

    original: Any
    """The admin's function, of the spawner; it may be a coroutine."""
    wanted: Wanted
    """What the guard adds."""

    async def __call__(self, spawner: Any) -> dict[str, Any]:
        """Return the configuration for `spawner`; raise `SpawnException` when it contradicts the guard."""
        given = dict(await maybe_future(self.original(spawner)))
        problems = list(_wrong_host(given, self.wanted))
        if problems:
            raise SpawnException("; ".join(problems), reason="hub-contradiction")
        return _host_config(given, self.wanted)


def equivalents(given: Mapping[str, Any], wanted: Wanted) -> Equivalents:
    """Return what to set for `wanted` where `given` is set already."""
    read, write, problems = missing_mounts(wanted, _mounts(given))
    settings: dict[str, Any] = {
        "mounts": [
            *given.get("mounts", []),
            *(_bind(place, read_only=True) for place in read),
            *(_bind(place, read_only=False) for place in write),
        ]
    }
    if not wanted.confined:
        return Equivalents(settings, tuple(problems))
    host: Any = given.get("extra_host_config", {})
    problems += _wrong(given)
    problems += [] if callable(host) else _wrong_host(host, wanted)
    settings["remove"] = True  # a container from before would start again as it was made then
    settings["extra_host_config"] = (
        _for_each_user(host, wanted) if callable(host) else _host_config(host, wanted)
    )
    return Equivalents(settings, tuple(problems))


async def prepare(spawner: Any, wanted: Wanted) -> None:
    """Refuse a container in which nothing can be written: its own files are read-only under lockdown."""
    if not wanted.listed:
        return
    binds = spawner.volume_binds.values()
    writable = [bind["bind"] for bind in binds if "ro" not in str(bind.get("mode", "rw")).split(",")]
    writable += [mount["target"] for mount in spawner.mounts if not mount.get("read_only")]
    if not set(writable) - set(wanted.write):
        raise SpawnException(
            "The container's own files are read-only, and no home is mounted: set c.DockerSpawner.volumes.",
            reason="hub-contradiction",
        )


def _for_each_user(host: Any, wanted: Wanted) -> HostConfig:
    return HostConfig(host.original if isinstance(host, HostConfig) else host, wanted)


def _bind(place: str, *, read_only: bool) -> dict[str, Any]:
    return {"type": "bind", "source": place, "target": place, "read_only": read_only}


def _mounts(given: Mapping[str, Any]) -> Iterator[Mount]:
    for trait, mode in (("volumes", "rw"), ("read_only_volumes", "ro")):
        for source, target in given.get(trait, {}).items():
            where = target if isinstance(target, Mapping) else {"bind": target}
            writable = "ro" not in str(where.get("mode", mode)).split(",")
            yield Mount(where["bind"], writable, source, trait)
    for mount in given.get("mounts", []):
        yield Mount(mount["target"], not mount.get("read_only"), mount.get("source") or "", "mounts")


def _wrong(given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what contradicts beside the host configuration."""
    if given.get("remove", True) is not True:
        yield "remove: a container that was made before would start again as it was made then"
    if given.get("run_as_root"):
        yield "run_as_root: a session of root owns what it should not be able to change"
    for mount in _mounts(given):
        if mount.source.endswith(SOCKET):
            yield f"{mount.trait}: {mount.source} would let a session command Docker itself"
    create: Any = given.get("extra_create_kwargs", {})
    if callable(create):
        yield "extra_create_kwargs: what is worked out for each user cannot be checked before"
        return
    for name in OWN:
        if name in create:
            yield f"extra_create_kwargs: {name} would replace what the guard sets"
    if str(create.get("user", "1")).split(":")[0] in ROOT:
        yield "extra_create_kwargs: a session of root owns what it should not be able to change"


def _wrong_host(given: Mapping[str, Any], wanted: Wanted) -> Iterator[str]:
    """Yield what in a host configuration contradicts, the trait's name in front."""
    yield from (f"extra_host_config: {problem}" for problem in _host_problems(given, wanted))


def _host_problems(given: Mapping[str, Any], wanted: Wanted) -> Iterator[str]:
    if given.get("privileged"):
        yield "a privileged container is no wall"
    yield from (f"cap_add {name} contradicts dropping all" for name in given.get("cap_add") or [])
    yield from (f"security_opt {option} takes a wall away" for option in _weakening(given))
    yield from (f"{name} would be the host's" for name in HOST if given.get(name) == "host")
    for name in ("binds", "mounts"):
        if name in given:
            yield f"{name} would replace what the guard mounts: set c.DockerSpawner.volumes or mounts"
    if wanted.listed and given.get("read_only", True) is not True:
        yield "read_only=False contradicts lockdown"
    if wanted.listed and "exec" in _options(given):
        yield f"{TEMPORARY} with exec contradicts lockdown"


def _weakening(given: Mapping[str, Any]) -> Iterator[str]:
    for option in given.get("security_opt") or []:
        if option not in SAME and (option.startswith("no-new-privileges") or "unconfined" in option):
            yield option


def _host_config(given: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    found = dict(given)
    security = [option for option in given.get("security_opt") or [] if option not in SAME]
    found["security_opt"] = [*security, NO_NEW_PRIVILEGES]
    found["cap_drop"] = ["ALL"]
    found["tmpfs"] = {**_tmpfs(given), TEMPORARY: ",".join(_temporary(_options(given), wanted))}
    if wanted.listed:
        found["read_only"] = True
    return found


def _temporary(given: list[str], wanted: Wanted) -> Iterable[str]:
    """Return the options of `/tmp`; Docker forbids programs there unless told otherwise."""
    names = {option.split("=")[0] for option in given}
    ours = [option for option in TEMPORARY_OPTIONS if option.split("=")[0] not in names]
    if wanted.listed:
        return dict.fromkeys([*given, *ours, "noexec"])
    return [*given, *ours, *([] if names & {"exec", "noexec"} else ["exec"])]


def _options(given: Mapping[str, Any]) -> list[str]:
    return [option for option in _tmpfs(given).get(TEMPORARY, "").split(",") if option]


def _tmpfs(given: Mapping[str, Any]) -> dict[str, str]:
    """Return a container's file systems in memory; docker-py takes a list of paths as well."""
    found = given.get("tmpfs") or {}
    return dict(found) if isinstance(found, Mapping) else dict.fromkeys(found, "")
