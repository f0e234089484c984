from __future__ import annotations

import io

from jupyter_envguard.cli.tables import differences, packages
from jupyter_envguard.cli.terminal import Screen
from jupyter_envguard.spec import Package, Spec, diff

SCREEN = Screen(io.StringIO(), io.StringIO(), json=False)


def spec(*found: Package) -> Spec:
    return Spec("linux-64", found)


def test_packages_read_as_a_table() -> None:
    lines = packages(
        spec(Package(name="numpy", version="2.2.6", build="h0", channel="c", license="BSD-3-Clause"))
    )
    assert lines[1].split() == ["numpy", "2.2.6", "h0", "c", "conda", "BSD-3-Clause"]


def test_what_is_not_known_is_a_dash() -> None:
    assert packages(spec(Package(name="x", version="1", manager="pypi")))[1].split() == [
        "x",
        "1",
        "-",
        "-",
        "pypi",
        "-",
    ]


def test_no_package_is_only_the_head() -> None:
    assert len(packages(spec())) == 1


def test_a_hostile_name_is_escaped() -> None:
    assert "\x1b" not in "\n".join(packages(spec(Package(name="\x1b[2J", version="1"))))


def test_a_move_from_conda_to_pip_is_two_differences() -> None:
    found = diff(spec(Package(name="x", version="1")), spec(Package(name="x", version="1", manager="pypi")))
    lines = list(differences(found, SCREEN))
    assert lines[-1] == "2 differences."
    assert "1 (pip)" in "\n".join(lines)


def test_one_difference_is_singular() -> None:
    found = diff(spec(), spec(Package(name="x", version="1")))
    assert list(differences(found, SCREEN))[-1] == "1 difference."
