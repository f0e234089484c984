from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_envguard.hooks.report import ADDRESS
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.kernelspecs import EnvGuardKernelSpecManager
from jupyter_envguard.kernels.told import told
from tests.sites import REQUEST_URL, SiteBuilder


def test_a_kernel_is_told_its_release_and_where_the_specs_of_the_others_lie(
    site: SiteBuilder, images: tuple[Image, Image]
) -> None:
    site.offer(images[0], "datasci", "1")
    site.offer(images[1], "nlp", "2")
    guard = EnvGuardKernelSpecManager(site=str(site.path)).guard
    found = told(guard, guard.permit("datasci", "k"))
    assert found["ENVGUARD_RELEASE"] == "datasci@1"
    assert found["ENVGUARD_REQUEST_URL"] == REQUEST_URL
    specs = json.loads(found["ENVGUARD_SPECS"])
    assert specs.keys() == {"datasci", "nlp"}
    assert Path(specs["nlp"]) == images[1].meta / "spec.json"
    assert Path(specs["nlp"]).is_file()


def test_a_kernel_is_told_where_what_it_starts_can_report(
    site: SiteBuilder, images: tuple[Image, Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.offer(images[0], "datasci", "1")
    guard = EnvGuardKernelSpecManager(site=str(site.path)).guard
    for address in (None, "/tmp/x"):
        monkeypatch.delenv(ADDRESS, raising=False)
        if address:
            monkeypatch.setenv(ADDRESS, address)
        assert told(guard, guard.permit("datasci", "k")).get(ADDRESS) == address
