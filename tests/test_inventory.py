"""An inventory answers the few questions that rules and the image ask of it."""

from __future__ import annotations

from jupyter_envguard.inventory import Inventory, Kind, Member
from jupyter_envguard.spec import Package, Spec


def inventory(*packages: Package, texts: dict[str, bytes] | None = None) -> Inventory:
    return Inventory(
        digest="sha256:" + "0" * 64,
        size=1,
        format="tar",
        members={"bin/python": Member("bin/python", Kind.FILE)},
        sha256={},
        spec=Spec("linux-64", packages),
        records=(),
        texts=texts or {},
    )


def test_knows_the_version_of_python() -> None:
    assert inventory(Package(name="python", version="3.11.7")).python_version == "3.11.7"
    assert inventory().python_version == ""


def test_names_the_kernels_that_the_pack_brings_along() -> None:
    texts = {
        "share/jupyter/kernels/ir/kernel.json": b"{}",
        "share/jupyter/kernels/deep/er/kernel.json": b"{}",
        "other/kernels/x/kernel.json": b"{}",
    }
    assert inventory(texts=texts).kernel_specs() == {"ir": "share/jupyter/kernels/ir/kernel.json"}
