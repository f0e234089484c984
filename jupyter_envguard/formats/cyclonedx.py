"""CycloneDX 1.6 in JSON: a bill of materials for scanners, with the graph of dependencies.

The same release gives the same bytes: serial number and time follow from it.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

from jupyter_envguard import __version__
from jupyter_envguard.dependencies import Dependencies
from jupyter_envguard.formats.exported import Exported
from jupyter_envguard.formats.hashes import hashes_of
from jupyter_envguard.formats.licenses import expression
from jupyter_envguard.formats.purl import address_of, purl
from jupyter_envguard.spec import Package, Spec

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://jupyter-envguard.readthedocs.io/cyclonedx")
ALGORITHMS = {"md5": "MD5", "sha256": "SHA-256"}


def cyclonedx(exported: Exported) -> str:
    """Return `exported` as a bill of materials."""
    spec = exported.spec
    names = references(spec)
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, exported.id + exported.digest)}",
        "version": 1,
        "metadata": _metadata(exported),
        "components": [_component(package, name) for package, name in zip(spec.packages, names, strict=True)],
        "dependencies": [*_graph(exported, names)],
    }
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def references(spec: Spec) -> tuple[str, ...]:
    """Return a name for each package of `spec`, its package URL unless two would share it."""
    seen: Counter[str] = Counter()
    found = []
    for package in spec.packages:
        name = purl(package)
        seen[name] += 1
        found.append(f"{name}#{seen[name]}" if seen[name] > 1 else name)
    return tuple(found)


def _metadata(exported: Exported) -> dict[str, Any]:
    digests = {"pack": exported.pack, "spec": exported.digest, "manifest": exported.manifest}
    return {
        "timestamp": exported.created,
        "tools": {
            "components": [{"type": "application", "name": "jupyter-envguard", "version": __version__}]
        },
        "component": {
            "type": "platform",
            "bom-ref": _root(exported),
            "name": exported.name,
            "version": exported.release,
            "properties": _properties({**digests, "platform": exported.spec.platform}),
        },
    }


def _root(exported: Exported) -> str:
    return f"environment:{exported.id}"


def _component(package: Package, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": name,
        "name": package.name,
        "version": package.version,
        "purl": purl(package),
        "hashes": [{"alg": ALGORITHMS[kind], "content": value} for kind, value in hashes_of(package).items()],
        "licenses": _licenses(package.license),
        "properties": _properties(
            {
                "build": package.build,
                "channel": package.channel,
                "subdir": package.subdir,
                "requested": "true" if package.requested else "false",
            }
        ),
    }
    address = address_of(package)
    if address:
        found["externalReferences"] = [{"type": "distribution", "url": address}]
    return {key: value for key, value in found.items() if value != []}


def _licenses(text: str) -> list[dict[str, Any]]:
    if not text.strip():
        return []
    known = expression(text)
    return [{"expression": known} if known else {"license": {"name": text}}]


def _properties(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": f"envguard:{name}", "value": value} for name, value in values.items() if value]


def _graph(exported: Exported, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    spec, graph = exported.spec, Dependencies(exported.spec)
    by_package = dict(zip(spec.packages, names, strict=True))
    asked = [name for package, name in zip(spec.packages, names, strict=True) if package.requested]
    yield {"ref": _root(exported), "dependsOn": sorted(asked)}
    for place, name in enumerate(names):
        yield {"ref": name, "dependsOn": sorted({by_package[need] for need in graph.needs(place)})}
