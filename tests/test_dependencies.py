from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.dependencies import Dependencies, canonical, requirement_name
from jupyter_envguard.spec import Package, Spec


def package(name: str, *depends: str, manager: str = "conda") -> Package:
    return Package(name=name, version="1", depends=depends, manager=manager)


def edges(*packages: Package) -> dict[str, list[str]]:
    spec = Spec("linux-64", packages)
    graph = Dependencies(spec)
    return {
        f"{p.name}/{p.manager}": [need.name for need in graph.needs(place)]
        for place, p in enumerate(spec.packages)
    }


def test_names_are_compared_as_pypi_does() -> None:
    assert canonical("Jupyter_Server.Fileid--x") == "jupyter-server-fileid-x"


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("numpy >=1.26,<3", "numpy"),
        ("numpy>=1.26", "numpy"),
        ("conda-forge::numpy 2.*", "numpy"),
        ("requests[socks]>=2; python_version > '3'", "requests"),
        ('black; extra == "dev"', ""),
        ("__glibc >=2.17", "__glibc"),
        ("_libgcc_mutex 0.1", "_libgcc_mutex"),
        ("", ""),
        (">=2", ""),
    ],
)
def test_finds_the_name_in_a_requirement(requirement: str, name: str) -> None:
    assert requirement_name(requirement) == name


class TestDependencies:
    def test_of_nothing(self) -> None:
        assert edges() == {}

    def test_links_what_is_there_and_leaves_out_what_is_not(self) -> None:
        assert edges(package("a", "b >=1", "__glibc", "b 1.*"), package("b"))["a/conda"] == ["b"]

    def test_pip_prefers_what_pip_installed(self) -> None:
        found = edges(
            package("x", "num.py", manager="pypi"), package("num-py"), package("num_py", manager="pypi")
        )
        assert found["x/pypi"] == ["num_py"]

    def test_what_pip_installed_may_need_what_conda_did(self) -> None:
        assert edges(package("x", "NumPy", manager="pypi"), package("numpy"))["x/pypi"] == ["numpy"]

    def test_conda_needs_nothing_of_pip(self) -> None:
        assert edges(package("x", "y"), package("y", manager="pypi"))["x/conda"] == []

    def test_nothing_needs_itself(self) -> None:
        assert edges(package("a", "a >=1"))["a/conda"] == []

    @given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=4)))
    def test_both_directions_tell_the_same(self, graph: dict[str, list[str]]) -> None:
        spec = Spec("p", tuple(package(name, *needs) for name, needs in graph.items()))
        found = Dependencies(spec)
        places = range(len(spec.packages))
        down = {(spec.packages[p].name, need.name) for p in places for need in found.needs(p)}
        up = {(other.name, spec.packages[p].name) for p in places for other in found.needed_by(p)}
        assert down == up
