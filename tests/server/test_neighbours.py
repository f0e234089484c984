from __future__ import annotations

import pytest

from jupyter_envguard.server.neighbours import flags, listed, usual_channel
from jupyter_envguard.spec import Package, Spec

GOOD = {"version": "1", "channel": "forge", "sha256": "0" * 64, "license": "MIT"}


def package(name: str = "a", **fields: object) -> Package:
    return Package(**{"name": name} | GOOD | fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"manager": "pypi", "channel": ""}, ["pip"]),
        ({"sha256": ""}, ["no-hash"]),
        ({"license": " "}, ["licence-unknown"]),
        ({"channel": "main"}, ["other-channel"]),
        ({"channel": "", "sha256": "", "license": ""}, ["no-hash", "licence-unknown", "other-channel"]),
    ],
)
def test_what_is_unusual_is_flagged(fields: dict[str, object], expected: list[str]) -> None:
    assert list(flags(package(**fields), "forge")) == expected


def test_the_usual_channel_is_that_of_most() -> None:
    spec = Spec("p", (package("a"), package("b"), package("c", channel="main")))
    assert usual_channel(spec) == "forge"
    assert usual_channel(Spec("p", ())) == ""
    assert usual_channel(Spec("p", (package("a", channel="b"), package("b", channel="a")))) == "a"


def test_neighbours_are_named_on_both_sides() -> None:
    one, two = listed(Spec("p", (package("a", depends=("b >=1", "__glibc")), package("b"))))
    assert (one["depends"], one["requirements"], one["required_by"]) == (["b"], ["b >=1", "__glibc"], [])
    assert (two["depends"], two["required_by"]) == ([], ["a"])
