from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from jupyter_envguard.formats.exported import Exported
from jupyter_envguard.formats.spdx import spdx
from jupyter_envguard.spec import Spec
from tests.formats.releases import NUMPY, PYTHON, RISK, SPECS, exported, of

# spdx-tools is not to blame for what its own dependencies warn of.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def valid(it: Exported, folder: Path) -> Any:
    path = folder / "it.spdx.json"
    path.write_text(spdx(it))
    document = parse_file(str(path))
    assert [message.validation_message for message in validate_full_spdx_document(document)] == []
    return json.loads(path.read_text())


def test_an_empty_spec_is_a_valid_document(tmp_path: Path) -> None:
    document = valid(of(Spec("linux-64", ())), tmp_path)
    assert [package["name"] for package in document["packages"]] == ["datasci"]


def test_names_every_package_with_checksums_licence_and_origin(tmp_path: Path) -> None:
    packages = {p["name"]: p for p in valid(exported(), tmp_path)["packages"]}
    numpy = packages["numpy"]
    assert numpy["versionInfo"] == "2.2.6"
    assert {c["algorithm"]: c["checksumValue"] for c in numpy["checksums"]} == {
        "MD5": "d" * 32,
        "SHA256": "c" * 64,
    }
    assert numpy["licenseDeclared"] == "BSD-3-Clause AND LicenseRef-Extra"
    assert numpy["downloadLocation"] == NUMPY.url
    assert packages["acme_risk"]["downloadLocation"] == "NOASSERTION"


def test_words_that_are_no_expression_are_kept(tmp_path: Path) -> None:
    document = valid(exported(), tmp_path)
    said = {info["licenseId"]: info["extractedText"] for info in document["hasExtractedLicensingInfos"]}
    declared = {p["name"]: p["licenseDeclared"] for p in document["packages"]}
    assert said[declared["acme_risk"]] == "All rights reserved"
    assert "LicenseRef-Extra" in said


def test_tells_who_needs_whom(tmp_path: Path) -> None:
    document = valid(exported(), tmp_path)
    names = {p["SPDXID"]: p["name"] for p in document["packages"]}
    needs = {
        (names[r["spdxElementId"]], names[r["relatedSpdxElement"]])
        for r in document["relationships"]
        if r["relationshipType"] == "DEPENDS_ON"
    }
    assert needs == {("acme_risk", "numpy"), ("numpy", "python")}


def test_the_same_release_is_the_same_document() -> None:
    assert spdx(exported()) == spdx(exported())
    assert spdx(exported(PYTHON)) != spdx(exported(RISK))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SPECS)
def test_any_spec_is_a_valid_document(tmp_path: Path, spec: Spec) -> None:
    assert len(valid(of(spec), tmp_path)["packages"]) == len(spec.packages) + 1
