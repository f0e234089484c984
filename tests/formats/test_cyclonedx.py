from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings

from jupyter_envguard.formats.cyclonedx import cyclonedx, references
from jupyter_envguard.formats.exported import Exported
from jupyter_envguard.spec import Package, Spec
from tests.formats.releases import NUMPY, PYTHON, RISK, SPECS, exported, of


@functools.cache
def validator() -> JsonStrictValidator:
    return JsonStrictValidator(SchemaVersion.V1_6)


def valid(it: Exported) -> Any:
    text = cyclonedx(it)
    assert validator().validate_str(text) is None
    return json.loads(text)


def test_an_empty_spec_is_a_valid_document() -> None:
    assert valid(of(Spec("linux-64", ())))["components"] == []


def test_names_every_package_with_hashes_licence_and_origin() -> None:
    components = {c["name"]: c for c in valid(exported())["components"]}
    numpy = components["numpy"]
    assert numpy["purl"].startswith("pkg:conda/numpy@2.2.6?build=py311_0")
    assert numpy["hashes"] == [{"alg": "MD5", "content": "d" * 32}, {"alg": "SHA-256", "content": "c" * 64}]
    assert numpy["licenses"] == [{"expression": "BSD-3-Clause AND LicenseRef-Extra"}]
    assert numpy["externalReferences"] == [{"type": "distribution", "url": NUMPY.url}]
    assert components["acme_risk"]["licenses"] == [{"license": {"name": "All rights reserved"}}]


def test_tells_who_needs_whom() -> None:
    graph = {node["ref"]: node["dependsOn"] for node in valid(exported())["dependencies"]}
    names = dict(zip((p.name for p in exported().spec.packages), references(exported().spec), strict=True))
    assert graph["environment:datasci@2026.11"] == sorted([names["numpy"], names["python"]])
    assert graph[names["acme_risk"]] == [names["numpy"]]
    assert graph[names["numpy"]] == [names["python"]]


def test_names_the_release_and_its_digests() -> None:
    it = exported()
    component = valid(it)["metadata"]["component"]
    said = {p["name"]: p["value"] for p in component["properties"]}
    assert (component["name"], component["version"]) == ("datasci", "2026.11")
    assert (said["envguard:spec"], said["envguard:manifest"]) == (it.digest, it.manifest)


def test_the_same_release_is_the_same_document() -> None:
    assert cyclonedx(exported()) == cyclonedx(exported())
    assert valid(exported())["serialNumber"] != valid(exported(PYTHON))["serialNumber"]


@pytest.mark.parametrize("count", [2, 3])
def test_packages_of_one_name_are_told_apart(count: int) -> None:
    spec = Spec("linux-64", tuple(Package(name="a", version="1", license=str(n)) for n in range(count)))
    assert len(set(references(spec))) == count
    assert len(valid(of(spec))["components"]) == count


def test_the_same_package_twice_is_there_twice() -> None:
    assert len(valid(exported(RISK, RISK))["components"]) == 2


@settings(deadline=None)
@given(SPECS)
def test_any_spec_is_a_valid_document(spec: Spec) -> None:
    assert len(valid(of(spec))["components"]) == len(spec.packages)
