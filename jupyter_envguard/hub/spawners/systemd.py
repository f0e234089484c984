"""What systemd puts around a session: systemdspawner's settings, and properties of the unit.

The whole file system is read-only for the unit (`ProtectSystem=strict`) but for the
user's home, a `/tmp` of its own and what the site names; the site's own places are
read-only wherever they lie, and its keys are not there at all. The meaning of each
property is in systemd.exec(5).
"""

from __future__ import annotations

import pwd
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jupyter_envguard.hub.spawners.places import Equivalents, Wanted

TRAITS = ("disable_user_sudo", "isolate_tmp", "readonly_paths", "readwrite_paths", "unit_extra_properties")

SWITCHES: Mapping[str, str] = {
    "NoNewPrivileges": "yes",
    "PrivateTmp": "yes",
    "ProtectSystem": "strict",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
}
"""Properties of every unit. `RestrictNamespaces` keeps a user from mounting over what is read-only."""

MEMORY: Mapping[str, str] = {"MemoryDenyWriteExecute": "yes"}
"""Properties of a unit in lockdown whose site says so; just-in-time compilers break."""

TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108
"""Where everybody may write, and where under lockdown nothing may be run from."""

TRUE = frozenset({"yes", "true", "on", "1"})
"""What systemd takes for yes."""

REPLACING: Mapping[str, str] = {
    "ReadOnlyDirectories": "readonly_paths",
    "ReadWriteDirectories": "readwrite_paths",
}
"""Properties that would replace what the spawner makes of its own settings."""

LISTS = frozenset({"ExecPaths", "InaccessiblePaths", "NoExecPaths"})
"""Properties that name paths, separated by spaces."""


def equivalents(given: Mapping[str, Any], wanted: Wanted) -> Equivalents:
    """Return what to set for `wanted` where `given` is set already."""
    if not wanted.confined:
        return Equivalents()
    extra = dict(given.get("unit_extra_properties") or {})
    problems = [
        f"{name}: {given[name]!r} contradicts True"
        for name in ("isolate_tmp", "disable_user_sudo")
        if given.get(name, True) is not True
    ]
    problems += [f"readwrite_paths: {path} would be writable" for path in _opened(given, wanted)]
    switches = {**SWITCHES, **(MEMORY if wanted.listed and wanted.strict_memory else {})}
    problems += [f"unit_extra_properties: {problem}" for problem in _wrong(extra, switches)]
    settings = {
        "isolate_tmp": True,
        "disable_user_sudo": True,
        "readonly_paths": _joined(given.get("readonly_paths"), wanted.read),
        "readwrite_paths": _joined(given.get("readwrite_paths"), wanted.write),
        "unit_extra_properties": {**extra, **switches, **_paths(extra, wanted)},
    }
    return Equivalents(settings, tuple(problems))


async def prepare(spawner: Any, wanted: Wanted) -> None:
    """Let the unit write to the home of its user, and under lockdown run nothing from there."""
    if not wanted.confined or spawner.dynamic_users:  # systemd makes a dynamic user's home writable itself
        return
    name = spawner.username_template.format(USERNAME=spawner.user.name, USERID=spawner.user.id)
    home = pwd.getpwnam(name).pw_dir.replace("{", "{{").replace("}", "}}")
    spawner.readwrite_paths = _joined(spawner.readwrite_paths, (home,))
    if wanted.listed:
        extra = spawner.unit_extra_properties
        spawner.unit_extra_properties = {**extra, "NoExecPaths": _words(extra.get("NoExecPaths"), (home,))}


def _opened(given: Mapping[str, Any], wanted: Wanted) -> Iterator[str]:
    """Yield what the admin makes writable although it lies in a place of the site."""
    for path in given.get("readwrite_paths") or []:
        plain = Path(path.lstrip("-+"))
        if any(plain.is_relative_to(place) for place in (*wanted.read, *wanted.hidden)):
            yield path


def _wrong(extra: Mapping[str, Any], switches: Mapping[str, str]) -> Iterator[str]:
    for name, value in extra.items():
        if name in REPLACING:
            yield f"{name} would replace what the guard sets: use {REPLACING[name]}"
        elif name in switches and not _means(value, switches[name]):
            yield f"{name}={value} contradicts {switches[name]}"
        elif name in LISTS and not isinstance(value, str):
            yield f"{name} is not a text, which is all that systemdspawner expands"
        elif name == "AmbientCapabilities" and value:
            yield f"{name}={value} would give sessions rights of root"


def _means(value: Any, ours: str) -> bool:
    said = str(value).lower()
    return said == ours or (ours == "yes" and said in TRUE)


def _paths(extra: Mapping[str, Any], wanted: Wanted) -> dict[str, str]:
    """Return the lists of paths for the unit; a leading `-` lets a path be missing."""
    found = {"InaccessiblePaths": _words(extra.get("InaccessiblePaths"), wanted.hidden)}
    if wanted.listed:
        found["NoExecPaths"] = _words(extra.get("NoExecPaths"), (*TEMPORARY, *wanted.write))
        found["ExecPaths"] = _words(extra.get("ExecPaths"), wanted.programs)
    return found


def _joined(given: Any, ours: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys([*(given or []), *(f"-{path}" for path in ours)]))


def _words(given: Any, ours: tuple[str, ...]) -> str:
    return " ".join(_joined(str(given or "").split(), ours))
