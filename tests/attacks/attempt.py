"""What an attempt is, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.attacks.hubs import Person

REACHED = "REACHED"
"""What an attempt prints, on a line of its own, once it has seen its goal."""

Where = Literal["kernel", "terminal", "start", "hub"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way in which a user may try to change an approved environment, or to run something else in it.

    Its code knows `IMAGE`, `PYTHON`, `LIB` and `SITE` (places of the environment), `SERVER` (the pid of
    the user's server), `HELD` (a file of the environment), `PIP`, `WHEEL`, `OWN` (its folder in the home),
    `ELSEWHERE` (a folder that it may only read, with a program and a library).
    """

    id: str
    """Family and number."""
    what: str
    """What is tried, for a person."""
    where: Where
    """`kernel`: a cell; `terminal`: a shell of the session; `start`: a shell, after which a kernel starts;
    `hub`: a shell, after which a server on a hub is asked over HTTP."""
    code: str
    """What is typed there."""
    goal: Literal["said", "changed"] = "said"
    """Whether the attempt sees its goal itself, or its goal is that the environment changes."""
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """For `start`: what the server's environment has besides; `{OWN}` is the attempt's folder."""

    @property
    def family(self) -> str:
        """The letter of the family."""
        return self.id[0]


@dataclass(frozen=True, slots=True)
class Visit(Attempt):
    """An attempt by requests to the user's server on a hub; its code is what they plant before.

    The code is Python with the names of `planting`. What is planted says that it runs in `OWN / "said"`.
    """

    visit: Callable[[Person], None] = field(kw_only=True)
    """What is asked then."""
    early: bool = False
    """Whether the code runs before the server starts, and not before the requests."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt under one set-up."""

    reached: bool
    """Whether the attempt saw its goal."""
    changed: bool
    """Whether anything about any path of the environment was other than before."""
    said: str
    """What was shown."""
    told: tuple[str, ...] = ()
    """What the hooks told the session's server: kinds of drift, and operations that were refused."""

    @property
    def detected(self) -> bool:
        """Whether the server heard of it, so that there is an event."""
        return bool(self.told)
