from __future__ import annotations

import json

import pytest

from demo.cpython import SUBDIR
from demo.environments import CHANNEL, Packs
from demo.recipes import PINS

pytestmark = pytest.mark.packs


def test_the_channel_holds_every_pin_python_and_the_other_kernel(packs: Packs) -> None:
    folder = packs.minimal.parent / CHANNEL
    found = [
        (package["name"], package["version"])
        for subdir in ("noarch", SUBDIR)
        for package in json.loads((folder / subdir / "repodata.json").read_text())["packages.conda"].values()
    ]
    pinned = {(name, version) for name, pin in PINS.items() for version in pin.versions}
    assert pinned <= set(found)
    assert {"python", "python_abi", "calc-kernel"} <= {name for name, _ in found}
    assert len(set(found)) == len(found)
