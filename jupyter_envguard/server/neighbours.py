"""The packages of a release with what each needs, what needs it, and what is unusual about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from jupyter_envguard.dependencies import Dependencies
from jupyter_envguard.spec import Package, Spec


def listed(spec: Spec) -> list[dict[str, Any]]:
    """Return every package of `spec` as JSON (`schemas/packages.json`), in the order of the spec."""
    dependencies, usual = Dependencies(spec), usual_channel(spec)
    return [
        {
            **package.as_json(),
            "depends": sorted({need.name for need in dependencies.needs(place)}),
            "requirements": list(package.depends),
            "required_by": sorted({other.name for other in dependencies.needed_by(place)}),
            "flags": list(flags(package, usual)),
        }
        for place, package in enumerate(spec.packages)
    ]


def flags(package: Package, usual: str) -> Iterator[str]:
    """Yield what is unusual about `package` in a spec whose usual channel is `usual`."""
    if package.manager == "pypi":
        yield "pip"
    if not package.sha256:
        yield "no-hash"
    if not package.license.strip():
        yield "licence-unknown"
    if package.manager == "conda" and package.channel != usual:
        yield "other-channel"


def usual_channel(spec: Spec) -> str:
    """Return the channel of most conda packages in `spec`, the first by name among equals."""
    counted = Counter(package.channel for package in spec.packages if package.manager == "conda")
    return min(counted, key=lambda channel: (-counted[channel], channel), default="")
