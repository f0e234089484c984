"""What listings tell about a release besides the catalog: read from its image, a thousand times in a row.

A server that starts reads this of every release before it answers, so each file is
opened once and no document is parsed that can be counted in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from jupyter_envguard.catalog.entry import Entry
from jupyter_envguard.errors import Untrusted
from jupyter_envguard.files import explained, read_bounded
from jupyter_envguard.kernels.launch import abilities
from jupyter_envguard.spec import sha256_digest
from jupyter_envguard.store import Image, Presence, Store

MAX_SPEC_BYTES = 64 * 1024 * 1024
"""Size of a spec on the disk."""

ONE_PACKAGE = b'"manager":"'
"""Stands once for each package in a spec's canonical bytes, and in no text: there its quotes are escaped.
Parsing thousand specs to count their packages would take seconds."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an image says about itself for listings."""

    packages: int = 0
    """How many packages it holds; 0 when nobody here can tell."""
    abilities: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """What its kernel can do, as its kernelspec's metadata."""


def facts_of(store: Store, entry: Entry) -> tuple[Facts, bool]:
    """Return what the image of `entry` says, and whether that will stay so.

    Of an image with nothing at its path the abilities are seen later. Raises
    `image-missing`, `image-damaged` and `spec-drifted`.
    """
    image = store.get(entry.pack)
    count = approved_spec(image, entry).count(ONE_PACKAGE)
    is_final = Presence(store).is_usable(image)
    return Facts(count, abilities(image.path, entry.language)), is_final


def approved_spec(image: Image, entry: Entry) -> bytes:
    """Return the canonical bytes of the spec of `entry`; raise `spec-drifted` when `image` has another."""
    path = image.meta / "spec.json"
    with explained(f"read {path}"):
        content = read_bounded(path, MAX_SPEC_BYTES)
    if sha256_digest(content) != entry.spec:
        raise Untrusted(
            "spec-drifted",
            f"{path} is not the approved spec of {entry.id} ({entry.spec}).",
            "Import the pack again on this machine.",
        )
    return content
