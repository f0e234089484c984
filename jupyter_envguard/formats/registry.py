"""Every format that a release can be exported in: command line and server offer these and no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from jupyter_envguard.errors import InvalidInput, did_you_mean
from jupyter_envguard.formats.conda_lock import can_be_locked, conda_lock
from jupyter_envguard.formats.csv import csv_table
from jupyter_envguard.formats.cyclonedx import cyclonedx
from jupyter_envguard.formats.environment_yaml import environment_yaml
from jupyter_envguard.formats.evidence import evidence
from jupyter_envguard.formats.explicit import can_be_fetched, explicit
from jupyter_envguard.formats.exported import Exported
from jupyter_envguard.formats.requirements import requirements
from jupyter_envguard.formats.spdx import spdx
from jupyter_envguard.spec import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format."""

    title: str
    """What people call it."""
    media_type: str
    """Of the file."""
    suffix: str
    """Of the file's name, without the first dot."""
    write: Callable[[Exported], bytes]
    """Makes the file; the same release gives the same bytes."""
    is_exact: Callable[[Spec], bool] = lambda _: False
    """Tells whether another tool can rebuild exactly these packages from it."""
    wants_signed: bool = False
    """Whether it tells of the signed catalog, too."""


def _text(write: Callable[[Exported], str]) -> Callable[[Exported], bytes]:
    return lambda exported: write(exported).encode()


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "explicit": Format(
            title="conda @EXPLICIT list",
            media_type="text/plain; charset=utf-8",
            suffix="explicit.txt",
            write=_text(lambda it: explicit(it.spec, it.id)),
            is_exact=lambda spec: all(map(can_be_fetched, spec.packages)),
        ),
        "conda-lock": Format(
            title="conda-lock.yml",
            media_type="application/yaml",
            suffix="conda-lock.yml",
            write=_text(conda_lock),
            is_exact=lambda spec: all(map(can_be_locked, spec.packages)),
        ),
        "environment-yaml": Format(
            title="environment.yml",
            media_type="application/yaml",
            suffix="environment.yml",
            write=_text(lambda it: environment_yaml(it.spec, it.name)),
        ),
        "requirements": Format(
            title="requirements.txt for pip",
            media_type="text/plain; charset=utf-8",
            suffix="requirements.txt",
            write=_text(requirements),
        ),
        "cyclonedx": Format(
            title="CycloneDX 1.6 (SBOM)",
            media_type="application/vnd.cyclonedx+json; version=1.6",
            suffix="cdx.json",
            write=_text(cyclonedx),
        ),
        "spdx": Format(
            title="SPDX 2.3 (SBOM)", media_type="application/spdx+json", suffix="spdx.json", write=_text(spdx)
        ),
        "csv": Format(
            title="CSV for spreadsheets",
            media_type="text/csv; charset=utf-8",
            suffix="csv",
            write=_text(lambda it: csv_table(it.spec)),
        ),
        "spec": Format(
            title="Canonical spec, whose SHA-256 is its digest",
            media_type="application/json",
            suffix="spec.json",
            write=lambda it: it.spec.canonical(),
        ),
        "evidence": Format(
            title="Evidence: spec, approval and signatures, with how to check them",
            media_type="application/zip",
            suffix="evidence.zip",
            write=evidence,
            wants_signed=True,
        ),
    }
)


def format_of(name: str) -> Format:
    """Return the format called `name`; raise `invalid-argument` when there is none."""
    found = FORMATS.get(name)
    if found is None:
        hint = did_you_mean(name, FORMATS) or f"Use one of {', '.join(FORMATS)}."
        raise InvalidInput("invalid-argument", f"{name[:40]!r} is not a format.", hint)
    return found
