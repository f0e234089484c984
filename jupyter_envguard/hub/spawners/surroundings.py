"""What the guard sets around the sessions of one hub: found out, written, and looked at before each start."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from traitlets.config import Configurable
from traitlets.config.loader import LazyConfigValue

from jupyter_envguard.hub.spawners.docker import HostConfig
from jupyter_envguard.hub.spawners.kinds import Kind, is_supported, kind_of
from jupyter_envguard.hub.spawners.places import Equivalents, Wanted


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A hub's spawner and what it has to put around every session."""

    spawner: type
    """The configured class."""
    kind: Kind
    """Its family."""
    wanted: Wanted
    """What its sessions want."""

    def contradictions(self, c: Any) -> Iterator[str]:
        """Yield every setting on `c` that would undo what `write` sets."""
        if not is_supported(self.spawner) and self.wanted.confined:
            yield f"c.JupyterHub.spawner_class: {self.spawner.__name__} passes on nothing of this"
        for section, name in self._replacing(c):
            yield (f"c.{section}.{name} would replace what the guard sets: set it on c.{self.kind.section}")
        for problem in self._equivalents(c).contradictions:
            yield f"c.{self.kind.section}.{problem}"

    def write(self, c: Any) -> None:
        """Set on `c` what has to be set."""
        for name, value in self._equivalents(c).settings.items():
            c[self.kind.section][name] = value

    async def problems(self, spawner: Any) -> tuple[str, ...]:
        """Prepare `spawner`, about to start, and return how it deviates; empty when it does not."""
        await self.kind.prepare(spawner, self.wanted)
        has = {name: getattr(spawner, name) for name in self.kind.traits if spawner.has_trait(name)}
        for name, value in has.items():
            if isinstance(value, HostConfig):
                has[name] = await value(spawner)
        found = self.kind.equivalents(has, self.wanted)
        changed = [name for name, value in found.settings.items() if has.get(name) != value]
        return (*found.contradictions, *(f"{name} is not what the guard set" for name in changed))

    def _equivalents(self, c: Any) -> Equivalents:
        return self.kind.equivalents(dict(self._given(c)), self.wanted)

    def _given(self, c: Any) -> Iterator[tuple[str, Any]]:
        """Yield the settings of the guard's concern, whole also where `c` only adds to the default."""
        for section in self._sections():
            for name in self.kind.traits:
                if section in c and name in c[section]:
                    yield name, self._whole(name, c[section][name])

    def _whole(self, name: str, value: Any) -> Any:
        if not isinstance(value, LazyConfigValue):
            return value
        trait: Any = self.spawner.class_traits()[name]  # type: ignore[attr-defined]
        default = copy.deepcopy(trait.default())
        return value.get_value([] if default is None else default)

    def _sections(self) -> list[str]:
        """Return the sections that configure the spawner, the more particular later."""
        return [one.__name__ for one in reversed(self.spawner.__mro__) if issubclass(one, Configurable)]

    def _replacing(self, c: Any) -> Iterator[tuple[str, str]]:
        sections = self._sections()
        for section in sections[sections.index(self.kind.section) + 1 :]:
            for name in self.kind.traits:
                if section in c and name in c[section]:
                    yield section, name


def surroundings(spawner: type, wanted: Wanted) -> Surroundings | None:
    """Return what has to be around the sessions that `spawner` starts; None when they are plain processes."""
    kind = kind_of(spawner)
    return Surroundings(spawner, kind, wanted) if kind else None
