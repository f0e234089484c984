"""Which environment made a notebook's outputs: its stamp, compared with the catalog.

    "metadata": {"envguard": {"name": "datasci", "release": "2026.05", "digest": "sha256:…"}}

The digest is that of the manifest. A stamp proves nothing: whoever can edit the
notebook can edit it. What it says can still be compared with what was approved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from jupyter_envguard.catalog import Catalog, Denied, Entry, Offer, names
from jupyter_envguard.errors import Conflict, EnvGuardError, InvalidInput, NotFound, Untrusted
from jupyter_envguard.spec import check_digest

KEY = "envguard"
"""Of the notebook's metadata."""
KERNEL_LENGTH = 200
"""Characters of a kernel name that are looked at."""

Status = Literal["match", "other-release", "withdrawn", "unknown", "no-stamp"]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the notebook says about its outputs."""

    name: str
    """Name of the environment."""
    release: str
    """Name of the release."""
    digest: str
    """Digest of the manifest."""

    @property
    def id(self) -> str:
        """How people write the release: `datasci@2026.05`."""
        return names.release_id(self.name, self.release)


@dataclass(frozen=True, slots=True)
class Notebook:
    """What there is to know about a notebook here."""

    kernel: str
    """The kernel that it names; empty when it names none."""
    stamp: Stamp | None
    """Its stamp, if it has one."""

    @classmethod
    def from_bytes(cls, content: bytes) -> Notebook:
        """Return the notebook in the file `content`, which nobody has to believe.

        Raises `notebook-invalid` for what is no notebook, and `stamp-invalid` for a
        stamp that is none.
        """
        try:
            metadata = _mapping(_mapping(json.loads(content)).get("metadata", {}))
            kernel = _mapping(metadata.get("kernelspec", {})).get("name", "")
        except (ValueError, RecursionError) as error:
            raise InvalidInput(
                "notebook-invalid", "The file is not a notebook.", "Name a file that Jupyter wrote."
            ) from error
        name = kernel if isinstance(kernel, str) and len(kernel) <= KERNEL_LENGTH else ""
        return cls(name, _stamp(metadata[KEY]) if KEY in metadata else None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a notebook stands to the catalog."""

    status: Status
    """`match`: its kernel means the release that made its outputs; `other-release`: it means another one;
    `withdrawn`: the release may not start any more; `unknown`: there is no such release."""
    entry: Entry | None = None
    """The release that made the outputs, if it is known."""
    now: Entry | None = None
    """The release that the notebook's kernel means now, if there is one that may start."""
    refusal: EnvGuardError | None = None
    """Why the answer is no."""


def compare(notebook: Notebook, catalog: Catalog, now: datetime) -> Comparison:
    """Return how `notebook` stands to `catalog` at the moment `now`, whoever may use what."""
    stamp = notebook.stamp
    if stamp is None:
        return Comparison("no-stamp", refusal=_missing())
    entry = catalog.find(stamp.name, stamp.release)
    if entry is None or entry.manifest != stamp.digest:
        return Comparison("unknown", refusal=_unknown(stamp, entry, catalog))
    offers = _for_anybody(catalog, now)
    (decision,) = (offer.decision for offer in offers if offer.entry.id == entry.id)
    meant = _meant(notebook.kernel, stamp, offers)
    current = catalog.require(meant.entry.name, meant.entry.release) if meant else None
    if isinstance(decision, Denied):
        return Comparison("withdrawn", entry, current, decision.as_error())
    if current != entry:
        return Comparison("other-release", entry, current, _other(stamp, current))
    return Comparison("match", entry, current)


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("not a mapping")
    return value


def _stamp(value: object) -> Stamp:
    try:
        found = _mapping(value)
        return Stamp(
            names.check_name(found.get("name"), "environment"),
            names.check_name(found.get("release"), "release"),
            check_digest(found.get("digest", ""), "digest"),
        )
    except (ValueError, EnvGuardError) as error:
        raise InvalidInput(
            "stamp-invalid",
            f"The notebook's stamp cannot be meant: {error}",
            "Save it again from JupyterLab with a running kernel.",
        ) from error


def _for_anybody(catalog: Catalog, now: datetime) -> tuple[Offer, ...]:
    """Return the offers as somebody sees them to whom everything is granted."""
    entries = tuple(replace(entry, groups=(names.EVERYONE,)) for entry in catalog.entries)
    return replace(catalog, entries=entries).offers("anybody", (), now)


def _meant(kernel: str, stamp: Stamp, offers: tuple[Offer, ...]) -> Offer | None:
    """Return the offer that `kernel` means, or that the stamp's environment means where it means none."""
    name, _, release = kernel.lower().partition(names.SEPARATOR)
    allowed = [offer for offer in offers if offer.decision]
    for offer in allowed:
        entry = offer.entry
        if offer.kernel_name == kernel.lower() or (entry.name, entry.release) == (name, release):
            return offer
    return next((offer for offer in allowed if offer.kernel_name == stamp.name), None)


def _missing() -> NotFound:
    return NotFound(
        "stamp-missing",
        "The notebook does not say which environment made its outputs.",
        "Save it from JupyterLab with an approved kernel.",
    )


def _unknown(stamp: Stamp, entry: Entry | None, catalog: Catalog) -> Untrusted:
    other = next((one.id for one in catalog.entries if one.manifest == stamp.digest), "")
    why = f"its digest is that of {other}" if other else "no release has its digest"
    if entry is None and not other:
        why = "there is no such release"
    return Untrusted(
        "stamp-unknown",
        f"The notebook says that {stamp.id} made its outputs, but {why}.",
        "Run it again with an approved kernel.",
    )


def _other(stamp: Stamp, current: Entry | None) -> Conflict:
    now = f"its kernel means {current.id} now" if current else "its kernel means nothing that may start"
    return Conflict(
        "stamp-other-release",
        f"{stamp.id} made the notebook's outputs, and {now}.",
        f"Open it with the kernel {names.kernel_name(stamp.name, stamp.release)}, or run it again.",
    )
