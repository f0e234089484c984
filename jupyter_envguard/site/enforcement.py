"""The `guard` section of a site file: how far sessions are confined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from yaml.nodes import Node

from jupyter_envguard.errors import InvalidInput, did_you_mean
from jupyter_envguard.site import reading
from jupyter_envguard.site.reading import Mistakes

Level = Literal["advise", "enforce"]
Mode = Literal["required", "best-effort"]
LEVELS: tuple[Level, ...] = get_args(Level)
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """How far sessions are confined, and what happens where they cannot be."""

    level: Level = "enforce"
    """`enforce` confines sessions and kernels; `advise` only says what should not be done."""
    mode: Mode = "best-effort"
    """`required` starts nothing on a machine that cannot confine; `best-effort` starts, and says so."""
    write: tuple[Path, ...] = ()
    """Folders and devices that sessions may write to besides the usual, such as `/projects`."""

    @property
    def required(self) -> bool:
        """Whether what cannot be confined may not start."""
        return self.level == "enforce" and self.mode == "required"


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


def _read_write(node: Node, folder: Path, mistakes: Mistakes) -> tuple[Path, ...]:
    def path(item: Node, mistakes: Mistakes) -> Path | None:
        return reading.checked(item, lambda text: reading.absolute(text, folder), mistakes)

    return reading.items(node, path, mistakes)


READERS: Mapping[str, Callable[[Node, Path, Mistakes], Any]] = MappingProxyType(
    {"level": _read_level, "mode": _read_mode, "write": _read_write}
)
"""The keys of the section, and what reads each."""


def _level(text: str) -> Level:
    if text in LEVELS:
        return text
    raise _unknown("level", text, LEVELS)


def _mode(text: str) -> Mode:
    if text in MODES:
        return text
    raise _unknown("mode", text, MODES)


def _unknown(what: str, text: str, known: tuple[str, ...]) -> InvalidInput:
    hint = did_you_mean(text, known) or f"Write {' or '.join(known)}."
    return InvalidInput("invalid-argument", f"{text!r} is no {what}.", hint)
