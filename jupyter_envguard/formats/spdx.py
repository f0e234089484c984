"""SPDX 2.3 in JSON (ISO/IEC 5962 and after): packages, licences as declared, and who needs whom.

Nobody has concluded anything about licences, and the document says so; what a record
states that is no SPDX expression is kept word for word. The same release gives the
same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from jupyter_envguard import __version__
from jupyter_envguard.dependencies import Dependencies
from jupyter_envguard.formats.exported import Exported
from jupyter_envguard.formats.hashes import hashes_of
from jupyter_envguard.formats.licenses import expression, references
from jupyter_envguard.formats.purl import address_of, purl
from jupyter_envguard.spec import Package

NAMESPACE = "https://jupyter-envguard.readthedocs.io/spdx"
UNSAID = "NOASSERTION"
DOCUMENT = "SPDXRef-DOCUMENT"
ROOT = "SPDXRef-Environment"


def spdx(exported: Exported) -> str:
    """Return `exported` as an SPDX document."""
    packages = exported.spec.packages
    document: dict[str, Any] = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": exported.id,
        "documentNamespace": f"{NAMESPACE}/{exported.name}-{exported.release}-{exported.bare_digest}",
        "creationInfo": {
            "created": exported.created,
            "creators": [f"Tool: jupyter-envguard-{__version__}"],
        },
        "packages": [_environment(exported), *(_package(*pair) for pair in enumerate(packages))],
        "relationships": [*_relationships(exported)],
    }
    said = dict(_extracted(packages))
    if said:
        document["hasExtractedLicensingInfos"] = [
            {"licenseId": name, "extractedText": text, "name": name} for name, text in said.items()
        ]
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def _environment(exported: Exported) -> dict[str, Any]:
    return {
        "SPDXID": ROOT,
        "name": exported.name,
        "versionInfo": exported.release,
        "downloadLocation": UNSAID,
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": exported.pack.partition(":")[2]}],
        "comment": f"spec {exported.digest}, manifest {exported.manifest}; the checksum is that of the pack",
        "licenseConcluded": UNSAID,
        "licenseDeclared": UNSAID,
        "copyrightText": UNSAID,
    }


def _package(place: int, package: Package) -> dict[str, Any]:
    checksums = [
        {"algorithm": kind.upper(), "checksumValue": value} for kind, value in hashes_of(package).items()
    ]
    found: dict[str, Any] = {
        "SPDXID": _id(place),
        "name": package.name,
        "versionInfo": package.version,
        "downloadLocation": address_of(package) or UNSAID,
        "filesAnalyzed": False,
        "checksums": checksums,
        "licenseConcluded": UNSAID,
        "licenseDeclared": _declared(package.license),
        "copyrightText": UNSAID,
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": purl(package),
            }
        ],
        "sourceInfo": f"{package.manager} {package.channel} {package.subdir} {package.build}".strip(),
    }
    return {key: value for key, value in found.items() if value != []}


def _id(place: int) -> str:
    return f"SPDXRef-Package-{place + 1}"


def _declared(text: str) -> str:
    if not text.strip():
        return UNSAID
    return expression(text) or _reference(text)


def _reference(text: str) -> str:
    """Return the name of a licence of which only words are known."""
    return f"LicenseRef-{hashlib.sha256(text.encode('utf-8', 'backslashreplace')).hexdigest()[:16]}"


def _extracted(packages: tuple[Package, ...]) -> Iterator[tuple[str, str]]:
    """Yield every licence that is not on SPDX's list, with the words that the record has for it."""
    for package in packages:
        text = package.license
        known = expression(text)
        if known:
            yield from (
                (name, f"As stated by the record of {package.name}: {text}") for name in references(known)
            )
        elif text.strip():
            yield _reference(text), text


def _relationships(exported: Exported) -> Iterator[dict[str, str]]:
    graph, packages = Dependencies(exported.spec), exported.spec.packages
    places = {package: place for place, package in enumerate(packages)}
    yield _relation(DOCUMENT, "DESCRIBES", ROOT)
    for place, _ in enumerate(packages):
        yield _relation(ROOT, "CONTAINS", _id(place))
        for need in sorted({places[need] for need in graph.needs(place)}):
            yield _relation(_id(place), "DEPENDS_ON", _id(need))


def _relation(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
