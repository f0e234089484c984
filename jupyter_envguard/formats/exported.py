"""What is exported: a release with everything that any format tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from jupyter_envguard.spec import Spec

SHOWN_DIGITS = 12
"""Hexadecimal digits of the spec's digest in the name of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One release, as plain values."""

    name: str
    """Name of the environment."""
    release: str
    """Name of the release."""
    spec: Spec
    """Its packages."""
    digest: str
    """Digest of the spec."""
    pack: str
    """Digest of the packed archive."""
    manifest: str
    """Digest of the sealed tree's manifest."""
    created: str
    """When it was imported, RFC 3339 in UTC: files say this time, so that their bytes do not change."""
    signed: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    """The signed catalog and the release's entry in it by file name; only where a format asks for them."""

    @property
    def id(self) -> str:
        """How people write it: `datasci@2026.05`."""
        return f"{self.name}@{self.release}"

    @property
    def bare_digest(self) -> str:
        """The digest of the spec without the name of the hash."""
        return self.digest.partition(":")[2]

    def file_name(self, suffix: str) -> str:
        """Return the name to save a file with `suffix` under."""
        return f"{self.name}-{self.release}-{self.bare_digest[:SHOWN_DIGITS]}.{suffix}"
