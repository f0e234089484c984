"""The `guard` section of a site file: how far sessions are confined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from yaml.nodes import Node

from jupyter_envguard.acl.checks import check_subject
from jupyter_envguard.errors import InvalidInput, did_you_mean
from jupyter_envguard.site import reading
from jupyter_envguard.site.reading import Mistakes

Level = Literal["advise", "enforce", "lockdown"]
Mode = Literal["required", "best-effort"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""The levels, each stricter than the one before."""
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Degree:
    """How far the sessions of a group are confined."""

    level: Level
    """The group's level."""
    mode: Mode | None = None
    """What happens where it cannot be had; None takes the mode of the site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """How far sessions are confined, and what happens where they cannot be."""

    level: Level = "enforce"
    """`advise` only says what should not be done, `enforce` confines what sessions and kernels write,
    `lockdown` also what they run."""
    mode: Mode = "best-effort"
    """`required` starts nothing on a machine that cannot confine; `best-effort` starts, and says so."""
    write: tuple[Path, ...] = ()
    """Folders and devices that sessions may write to besides the usual, such as `/projects`."""
    execute: tuple[Path, ...] = ()
    """Programs, and folders of them, that sessions in lockdown may run besides the usual."""
    strict_memory: bool = False
    """Whether lockdown refuses memory that is written and then run, which just-in-time compilers need."""
    strict_python: bool = True
    """Whether kernels in lockdown start no second Python, as pools of processes do that do not fork.
    It is on by itself, because one that looks for no guard of imports would load packages from outside."""
    own_packages: bool = False
    """Whether Python kernels in lockdown load packages that users wrote, and not only single files."""
    groups: Mapping[str, Degree] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """Groups of the hub whose members have a level of their own."""

    @property
    def required(self) -> bool:
        """Whether what cannot be confined may not start."""
        return self.level != "advise" and self.mode == "required"

    @property
    def locked(self) -> bool:
        """Whether what is run is confined too."""
        return self.level == "lockdown"

    def of(self, groups: Iterable[str]) -> Enforcement:
        """Return what holds for a member of `groups`: the strictest level and mode of those that are named.

        A member of none has those of the site.
        """
        degrees = [self.groups[group] for group in groups if group in self.groups]
        if not degrees:
            return replace(self, groups=MappingProxyType({}))
        level = max((degree.level for degree in degrees), key=LEVELS.index)
        modes = {degree.mode or self.mode for degree in degrees if degree.level != "advise"}
        mode: Mode = "best-effort" if modes == {"best-effort"} else "required" if modes else self.mode
        return replace(self, level=level, mode=mode, groups=MappingProxyType({}))

    def possible(self) -> Iterator[Enforcement]:
        """Yield everything that may hold for somebody, by whatever groups they are in."""
        levels = {self.level, *(degree.level for degree in self.groups.values())}
        modes = {self.mode, *(degree.mode or self.mode for degree in self.groups.values())}
        for level, mode in product(filter(levels.__contains__, LEVELS), filter(modes.__contains__, MODES)):
            yield replace(self, level=level, mode=mode, groups=MappingProxyType({}))

    def strictest(self) -> Enforcement:
        """Return what is no weaker than what holds for anybody: for whoever's groups are not known."""
        return max(self.possible(), key=lambda each: (LEVELS.index(each.level), each.required))


USUAL = Enforcement()
"""What a site file without the section says."""


def enforcement(node: Node, folder: Path, mistakes: Mistakes) -> Enforcement:
    """Return what a `guard` section describes; paths in it are relative to `folder`."""
    nodes = reading.members(node, READERS, mistakes)
    return Enforcement(**{key: READERS[key](value, folder, mistakes) for key, value in nodes.items()})


def _read_level(node: Node, _folder: Path, mistakes: Mistakes) -> Level | None:
    return reading.checked(node, _level, mistakes)


def _read_mode(node: Node, _folder: Path, mistakes: Mistakes) -> Mode | None:
    return reading.checked(node, _mode, mistakes)


def _read_groups(node: Node, folder: Path, mistakes: Mistakes) -> Mapping[str, Degree]:
    found: dict[str, Degree] = {}
    for name, value in reading.named(node, check_subject, mistakes).items():
        nodes = reading.members(value, DEGREE, mistakes)
        values = {key: READERS[key](each, folder, mistakes) for key, each in nodes.items()}
        if values.get("level"):
            found[name] = Degree(**values)
        elif "level" not in values:
            mistakes.add(value, f"The group {name!r} has no 'level'.")
    return MappingProxyType(found)


def _read_boolean(node: Node, _folder: Path, mistakes: Mistakes) -> bool | None:
    return reading.boolean(node, mistakes)


def _read_paths(node: Node, folder: Path, mistakes: Mistakes) -> tuple[Path, ...]:
    def path(item: Node, mistakes: Mistakes) -> Path | None:
        return reading.checked(item, lambda text: reading.absolute(text, folder), mistakes)

    return reading.items(node, path, mistakes)


READERS: Mapping[str, Callable[[Node, Path, Mistakes], Any]] = MappingProxyType(
    {
        "level": _read_level,
        "mode": _read_mode,
        "write": _read_paths,
        "execute": _read_paths,
        "strict_memory": _read_boolean,
        "strict_python": _read_boolean,
        "own_packages": _read_boolean,
        "groups": _read_groups,
    }
)
"""The keys of the section, and what reads each."""

DEGREE = ("level", "mode")
"""The keys of a group in it."""


def _level(text: str) -> Level:
    if text in LEVELS:
        return text
    raise _unknown("level", text, LEVELS)


def _mode(text: str) -> Mode:
    if text in MODES:
        return text
    raise _unknown("mode", text, MODES)


def _unknown(what: str, text: str, known: tuple[str, ...]) -> InvalidInput:
    hint = did_you_mean(text, known) or f"Write {', '.join(known)}."
    return InvalidInput("invalid-argument", f"{text!r} is no {what}.", hint)
