"""A release of the catalog in one of the formats: what the command line and the server both do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from jupyter_envguard.catalog import Client, Entry
from jupyter_envguard.formats.exported import Exported
from jupyter_envguard.formats.registry import FORMATS, Format, format_of
from jupyter_envguard.spec import Spec, canonical_json


@dataclass(frozen=True, slots=True)
class Export:
    """One file."""

    format: str
    """Name of the format."""
    about: Format
    """What there is to know about the format."""
    file_name: str
    """Name to save it under, with the digest of the spec."""
    content: bytes
    """The file."""


def export(entry: Entry, spec: Spec, form: str, client: Client) -> Export:
    """Return `entry`, whose packages are `spec`, in the format called `form`.

    `client` is asked for signatures where the format tells of them. Raises
    `invalid-argument` for a format that there is not, and as `Client.signed` does.
    """
    about = format_of(form)
    signed: Mapping[str, bytes] = MappingProxyType({})
    if about.wants_signed:
        signed = {"release.json": canonical_json(entry.as_json()), **client.signed()}
    exported = _exported(entry, spec, signed)
    return Export(form, about, exported.file_name(about.suffix), about.write(exported))


def described(entry: Entry, spec: Spec) -> list[dict[str, object]]:
    """Return every format that `entry` can be exported in as JSON (`schemas/exports.json`)."""
    exported = _exported(entry, spec)
    return [
        {
            "format": name,
            "title": form.title,
            "media_type": form.media_type,
            "file_name": exported.file_name(form.suffix),
            "exact": form.is_exact(spec),
        }
        for name, form in FORMATS.items()
    ]


def _exported(entry: Entry, spec: Spec, signed: Mapping[str, bytes] = MappingProxyType({})) -> Exported:
    return Exported(
        name=entry.name,
        release=entry.release,
        spec=spec,
        digest=entry.spec,
        pack=entry.pack,
        manifest=entry.manifest,
        created=entry.imported_at,
        signed=signed,
    )
