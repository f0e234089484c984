"""`AttestedForm`: the one file as which an image may be fetched and mounted, as the catalog signs it.

Linux reads a file system that it mounts with code that is not made for hostile ones.
So a form that comes from elsewhere is mounted only if it is, byte by byte, the file
that was compared with the manifest where it was made, and whose hash was signed then.

>>> AttestedForm("erofs", "sha256:" + 64 * "0", 4096).as_json()["size"]
4096
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from jupyter_envguard.errors import EnvGuardError, InvalidInput
from jupyter_envguard.spec import check_digest

KINDS = frozenset({"erofs"})
"""Kinds of forms that may be fetched."""

FORM_BYTES = 1 << 40
"""Most that a form may say that it has."""


@dataclass(frozen=True, slots=True)
class AttestedForm:
    """Which file is an image; raises `entry-invalid` for what can be none."""

    kind: str
    """How it is mounted: `erofs`."""
    digest: str
    """SHA-256 of the file."""
    size: int
    """Bytes of it."""

    def __post_init__(self) -> None:
        check_digest(self.digest, "form digest")
        if self.kind not in KINDS or type(self.size) is not int or not 0 < self.size <= FORM_BYTES:
            raise InvalidInput(
                "entry-invalid",
                "What is said of a form can be true of none.",
                "Publish the release again with --form.",
            )

    @property
    def sha256(self) -> str:
        """The digest as bare hexadecimal digits."""
        return self.digest.removeprefix("sha256:")

    def as_json(self) -> dict[str, str | int]:
        """Return the JSON form."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: object) -> AttestedForm | None:
        """Return what `as_json` wrote, and None for anything else: a form can be done without."""
        if not isinstance(document, Mapping) or set(document) != {"kind", "digest", "size"}:
            return None
        if not isinstance(document["kind"], str):
            return None
        try:
            return cls(**document)
        except EnvGuardError:
            return None
