"""What the guard sets around the sessions of one hub: found out, written, and looked at before each start."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from traitlets.config.loader import LazyConfigValue

from jupyter_envguard.hub.contradictions import sections_of
from jupyter_envguard.hub.spawners.docker import HostConfig
from jupyter_envguard.hub.spawners.kinds import Kind, is_supported, kind_of
from jupyter_envguard.hub.spawners.places import Equivalents, Wanted
from jupyter_envguard.site import Enforcement
from jupyter_envguard.site.enforcement import LEVELS

BEFORE = "_envguard_before"
"""Attribute of a spawner in which its settings are kept while a stricter level holds."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A hub's spawner and what it has to put around every session."""

    spawner: type
    """The configured class."""
    kind: Kind
    """Its family."""
    wanted: Wanted
    """What its sessions want, by the level of the site."""
    guard: Enforcement
    """How far sessions are confined, by group."""

    def contradictions(self, c: Any) -> Iterator[str]:
        """Yield every setting on `c` that would undo what `write` sets."""
        confined = any(guard.level != "advise" for guard in self.guard.possible())
        if confined and not is_supported(self.spawner):
            yield f"c.JupyterHub.spawner_class: {self.spawner.__name__} passes on nothing of this"
        for section, name in self._replacing(c):
            yield (f"c.{section}.{name} would replace what the guard sets: set it on c.{self.kind.section}")
        for problem in self._equivalents(c).contradictions:
            yield f"c.{self.kind.section}.{problem}"

    def write(self, c: Any) -> None:
        """Set on `c` what has to be set."""
        for name, value in self._equivalents(c).settings.items():
            c[self.kind.section][name] = value

    async def problems(self, spawner: Any, groups: Iterable[str]) -> tuple[str, ...]:
        """Prepare `spawner`, about to start for a member of `groups`, and return how it deviates.

        What stands around a session is what the level of the site wants at least, and
        more where the level of the groups does.
        """
        _restore(spawner)
        await self.kind.prepare(spawner, self.wanted)
        has = self._traits(spawner)
        evaluated = {
            name: await value(spawner) if isinstance(value, HostConfig) else value
            for name, value in has.items()
        }
        found = self.kind.equivalents(evaluated, self.wanted)
        changed = [name for name, value in found.settings.items() if evaluated.get(name) != value]
        problems = (*found.contradictions, *(f"{name} is not what the guard set" for name in changed))
        level = self.guard.of(groups).level
        if problems or LEVELS.index(level) <= LEVELS.index(self.guard.level):
            return problems
        return await self._tighten(spawner, has, replace(self.wanted, level=level))

    async def _tighten(self, spawner: Any, has: Mapping[str, Any], wanted: Wanted) -> tuple[str, ...]:
        """Set on `spawner` what `wanted` has beyond the site's level, until its next start."""
        found = self.kind.equivalents(has, wanted)
        if found.contradictions:
            return found.contradictions
        for name, value in found.settings.items():
            setattr(spawner, name, value)
        await self.kind.prepare(spawner, wanted)
        now = self._traits(spawner)
        setattr(spawner, BEFORE, {name: (has[name], now[name]) for name in now if has[name] != now[name]})
        return ()

    def _traits(self, spawner: Any) -> dict[str, Any]:
        return {name: getattr(spawner, name) for name in self.kind.traits if spawner.has_trait(name)}

    def _equivalents(self, c: Any) -> Equivalents:
        return self.kind.equivalents(dict(self._given(c)), self.wanted)

    def _given(self, c: Any) -> Iterator[tuple[str, Any]]:
        """Yield the settings of the guard's concern, whole also where `c` only adds to the default."""
        for section in sections_of(self.spawner):
            for name in self.kind.traits:
                if section in c and name in c[section]:
                    yield name, self._whole(name, c[section][name])

    def _whole(self, name: str, value: Any) -> Any:
        if not isinstance(value, LazyConfigValue):
            return value
        trait: Any = self.spawner.class_traits()[name]  # type: ignore[attr-defined]
        default = copy.deepcopy(trait.default())
        return value.get_value([] if default is None else default)

    def _replacing(self, c: Any) -> Iterator[tuple[str, str]]:
        sections = sections_of(self.spawner)
        for section in sections[sections.index(self.kind.section) + 1 :]:
            for name in self.kind.traits:
                if section in c and name in c[section]:
                    yield section, name


def _restore(spawner: Any) -> None:
    """Undo what a start for a member of other groups set, where nobody has changed it since."""
    for name, (before, ours) in vars(spawner).pop(BEFORE, {}).items():
        if getattr(spawner, name) == ours:
            setattr(spawner, name, before)


def surroundings(spawner: type, wanted: Wanted, guard: Enforcement) -> Surroundings | None:
    """Return what has to be around the sessions that `spawner` starts; None when they are plain processes."""
    kind = kind_of(spawner)
    return Surroundings(spawner, kind, wanted, guard) if kind else None
