"""The whole list: `Catalog`, its one JSON document, and what it offers to a user."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from types import MappingProxyType
from typing import Any

from jupyter_envguard.catalog import names
from jupyter_envguard.catalog.decision import Decision, decide
from jupyter_envguard.catalog.entry import Entry, State
from jupyter_envguard.errors import EnvGuardError, InvalidInput, NotFound, did_you_mean
from jupyter_envguard.spec import canonical_json

FORMAT = 1
"""Version of the document's shape; a reader refuses another one."""
CATALOG_BYTES = 64 * 1024 * 1024
"""Size of the document."""
FIELDS = frozenset({"format", "version", "issued", "entries"})
STANDING: Mapping[State, int] = MappingProxyType({State.APPROVED: 2, State.DEPRECATED: 1})
"""What takes an environment's name first among releases that may start."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One release as one user sees it."""

    kernel_name: str
    """The environment's name for its current release, else `name--release`."""
    entry: Entry
    """The release."""
    decision: Decision
    """Whether this user may start it, and why not."""

    @property
    def is_current(self) -> bool:
        """Whether the environment's bare name means this release."""
        return self.kernel_name == self.entry.name


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every release, at one version."""

    version: int
    """Counts up with every publication."""
    issued: str
    """When this version was signed, RFC 3339 in UTC."""
    expires: datetime
    """When the signatures end; nothing is allowed after it."""
    entries: tuple[Entry, ...] = ()
    """Sorted by name and release, each once."""

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.entries, key=_identity))
        for one, two in pairwise(ordered):
            if _identity(one) == _identity(two):
                raise InvalidInput(
                    "catalog-invalid", f"The catalog lists {one.id} twice.", "Remove one of them."
                )
        object.__setattr__(self, "entries", ordered)

    def find(self, name: str, release: str) -> Entry | None:
        """Return the entry of `name@release`, or None."""
        return next((entry for entry in self.entries if (entry.name, entry.release) == (name, release)), None)

    def require(self, name: str, release: str) -> Entry:
        """Return the entry of `name@release`; raise `release-unknown` when there is none."""
        found = self.find(name, release)
        if found is None:
            wanted = names.release_id(name, release)
            close = did_you_mean(wanted, [entry.id for entry in self.entries])
            raise NotFound(
                "release-unknown", f"The catalog has no {wanted}.", close or "See jupyter envguard list."
            )
        return found

    def offers(self, user: str, groups: Collection[str], now: datetime) -> tuple[Offer, ...]:
        """Return every release with its decision for `user`, by environment, the current release first.

        The current release takes the environment's bare name. It is the newest
        approval among those allowed, an approved one before a deprecated one, and
        both before one that has been revoked and has grace;
        when none is allowed, the name stands for the newest, so that asking for
        it explains why not.
        """
        offers: list[Offer] = []
        for _, releases in groupby(self.entries, key=lambda entry: entry.name):
            judged = [(entry, decide(entry, user, groups, now)) for entry in releases]
            judged.sort(key=_rank, reverse=True)
            for index, (entry, decision) in enumerate(judged):
                kernel = entry.name if index == 0 else names.kernel_name(entry.name, entry.release)
                offers.append(Offer(kernel, entry, decision))
        return tuple(offers)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form; `expires` is not in it, because signatures carry it."""
        return {
            "format": FORMAT,
            "version": self.version,
            "issued": self.issued,
            "entries": [entry.as_json() for entry in self.entries],
        }

    def canonical(self) -> bytes:
        """Return the only bytes that are signed for this catalog."""
        return canonical_json(self.as_json())

    @classmethod
    def from_bytes(cls, content: bytes, expires: datetime) -> Catalog:
        """Return the catalog whose `canonical` is `content`; raise `catalog-invalid` for anything else."""
        document = _parsed(content)
        try:
            names.parse_time(document["issued"], "issued")
            entries = tuple(map(Entry.from_json, document["entries"]))
            return cls(document["version"], document["issued"], expires, entries)
        except EnvGuardError as error:
            raise _invalid(error.message) from error


def _parsed(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _invalid("It is not JSON.") from error
    if not isinstance(document, dict) or set(document) != FIELDS:
        raise _invalid("It has missing or unknown fields.")
    if type(document["format"]) is not int or document["format"] != FORMAT:
        raise _invalid(f"Its format is {document['format']!r}, this program reads {FORMAT}.")
    if (
        type(document["version"]) is not int
        or document["version"] < 1
        or not isinstance(document["entries"], list)
    ):
        raise _invalid("Its version is not a positive number, or its entries are not a list.")
    return document


def _rank(judged: tuple[Entry, Decision]) -> tuple[bool, int, str, str, str]:
    entry, decision = judged
    approved = entry.approval.when if entry.approval else ""
    standing = STANDING.get(entry.state, 0)
    return bool(decision), standing, approved, entry.imported_at, entry.release


def _identity(entry: Entry) -> tuple[str, str]:
    return entry.name, entry.release


def _invalid(why: str) -> InvalidInput:
    return InvalidInput(
        "catalog-invalid", f"The catalog cannot be read. {why}", "Update this program, or publish again."
    )
