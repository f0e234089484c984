"""Who needs whom inside one spec: what the requirements of its packages come to.

A record says `numpy >=1.26,<3` or `requests[socks]; extra == "http"`; here that is the
package of the spec that fulfils it, or nothing.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from jupyter_envguard.spec import Package, Spec

NAME = re.compile(r"\s*(?:[^\s:]+::)?([A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?)")
OF_AN_EXTRA = re.compile(r";.*\bextra\b\s*==")
"""What an optional part of a Python project needs; the record does not say whether it was asked for."""
KEPT_NAMES = 20_000
"""Names whose form is remembered: releases have most of them in common, and a search asks for all of them."""
SEPARATORS = re.compile(r"[-_.]+")


@functools.lru_cache(maxsize=KEPT_NAMES)
def canonical(name: str) -> str:
    """Return `name` in the one form in which pypi compares names (PEP 503)."""
    return SEPARATORS.sub("-", name).lower()


def requirement_name(requirement: str) -> str:
    """Return the name in a requirement as recorded, MatchSpec or PEP 508; empty when there is none."""
    found = NAME.match(requirement)
    return found[1] if found and not OF_AN_EXTRA.search(requirement) else ""


class Dependencies:
    """The graph of one spec; packages are told apart by their place in it."""

    def __init__(self, spec: Spec) -> None:
        """Draw the graph; it may have circles."""
        self._spec = spec
        self._conda: dict[str, int] = {}
        self._pypi: dict[str, int] = {}
        for place, package in enumerate(spec.packages):
            if package.manager == "conda":
                self._conda.setdefault(package.name.lower(), place)
                self._pypi.setdefault(canonical(package.name), place)
        for place, package in enumerate(spec.packages):
            if package.manager == "pypi":
                self._pypi[canonical(package.name)] = place
        self._needs = tuple(
            tuple(dict.fromkeys(self._fulfilling(place, package)))
            for place, package in enumerate(spec.packages)
        )
        needed_by: list[list[int]] = [[] for _ in spec.packages]
        for place, needs in enumerate(self._needs):
            for need in needs:
                needed_by[need].append(place)
        self._needed_by = tuple(map(tuple, needed_by))

    def needs(self, place: int) -> tuple[Package, ...]:
        """Return the packages that the one at `place` needs, in the order of its record."""
        return tuple(self._spec.packages[need] for need in self._needs[place])

    def needed_by(self, place: int) -> tuple[Package, ...]:
        """Return the packages that need the one at `place`, in the order of the spec."""
        return tuple(self._spec.packages[other] for other in self._needed_by[place])

    def _fulfilling(self, place: int, package: Package) -> Iterator[int]:
        for requirement in package.depends:
            name = requirement_name(requirement)
            found = (
                self._conda.get(name.lower())
                if package.manager == "conda"
                else self._pypi.get(canonical(name))
            )
            if found is not None and found != place:
                yield found
