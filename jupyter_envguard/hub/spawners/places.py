"""What a session must see of its site, and what a spawner's own mounts make of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.site import Site

PLAIN = re.compile(r"/[A-Za-z0-9._/@+=-]*\Z")
"""Paths that mean the same in a unit, a template, a bind and a pod: nothing in them is expanded or splits."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the guard wants around a session, whatever its spawner."""

    level: str
    """How far the session is confined."""
    read: tuple[str, ...]
    """Places of the site that a session reads and must never write."""
    write: tuple[str, ...]
    """Places outside of its home to which a session writes."""
    hidden: tuple[str, ...]
    """Places of the site that no session needs: keys and the log of decisions."""
    programs: tuple[str, ...]
    """Folders from which a session runs programs, besides those of the system."""
    command: tuple[str, ...]
    """What starts the single-user server, the wall in front."""
    others: frozenset[tuple[str, ...]] = frozenset()
    """What starts it for members of groups that have a level of their own."""
    strict_memory: bool = False
    """Whether lockdown refuses memory that is written and then run."""

    @property
    def confined(self) -> bool:
        """Whether there is a wall at all."""
        return self.level != "advise"

    @property
    def listed(self) -> bool:
        """Whether only listed programs may run."""
        return self.level == "lockdown"


@dataclass(frozen=True, slots=True)
class Equivalents:
    """What to set on a spawner, and what it has that contradicts."""

    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Traits and their whole values, what the admin set included."""
    contradictions: tuple[str, ...] = ()
    """A sentence for each thing that an admin set and that would undo the guard; it begins with the trait."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One thing that an admin brings into a container."""

    target: str
    """Where it appears."""
    writable: bool
    """Whether the session can write to it."""
    source: str = ""
    """Where it comes from on the node, when it is a path there."""
    trait: str = "volumes"
    """Which trait says so."""


def wanted_for(
    site: Site,
    python: str,
    command: tuple[str, ...],
    others: frozenset[tuple[str, ...]] = frozenset(),
) -> Wanted:
    """Return what sessions of `site` want whose servers are started by `command`, run by `python`.

    `others` start those of groups with a level of their own. Raises `invalid-argument` for a
    path that cannot be written into every spawner's configuration alike.
    """
    catalog = () if "://" in site.catalog else (site.catalog,)
    # Answers to requests; a site that was made before there were any has no such folder.
    answers = (site.decisions,) if site.decisions.is_dir() else ()
    read = tuple(map(str, (site.path, site.trust, site.store_root, *catalog, *answers)))
    write = tuple(map(str, (site.spool, *site.guard.write)))
    hidden = tuple(map(str, (*([site.keys] if site.keys else []), site.log)))
    programs = tuple(map(str, (site.store_root, Path(python).parent.parent, *site.guard.execute)))
    for path in (*read, *write, *hidden, *programs):
        if not PLAIN.match(path):
            raise InvalidInput(
                "invalid-argument",
                f"The path {path!r} cannot be written into a unit, a container or a pod.",
                "Use letters, digits and ._/@+=- in the paths of a site whose spawner makes those.",
            )
    strict = site.guard.strict_memory
    return Wanted(site.guard.level, read, write, hidden, programs, command, others, strict)


def missing_mounts(wanted: Wanted, mounts: Iterable[Mount]) -> tuple[list[str], list[str], list[str]]:
    """Return the places still to be mounted read-only, those to be mounted writable, and contradictions."""
    there = list(mounts)
    problems = [
        f"{mount.trait}: {mount.target} would show {place} to every session"
        for mount in there
        for place in wanted.hidden
        if mount.source and _holds(mount.source, place)
    ]
    read, write = [], []
    for place in wanted.read:
        over = _over(place, there)
        inside = [mount for mount in there if mount.writable and _holds(place, mount.target)]
        problems += [f"{mount.trait}: {mount.target} would be writable" for mount in inside]
        if not inside and (over is None or over.writable):
            read.append(place)
    for place in wanted.write:
        over = _over(place, there)
        if over is None or over.target != place:
            write.append(place)
        elif not over.writable:
            problems.append(f"{over.trait}: sessions must be able to write to {place}")
    return read, write, problems


def _over(place: str, mounts: Iterable[Mount]) -> Mount | None:
    """Return what of `mounts` decides about `place`: the deepest that holds it, and of equals the last."""
    found = [mount for mount in mounts if _holds(mount.target, place)]
    return max(reversed(found), key=lambda mount: len(mount.target.rstrip("/")), default=None)


def _holds(folder: str, path: str) -> bool:
    return Path(path).is_relative_to(folder)
