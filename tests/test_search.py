from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.search import Query
from jupyter_envguard.spec import Package

FORGE = "https://conda.anaconda.org/conda-forge"
PACKAGES = (
    Package(name="numpy", version="2.2.6", build="py311_0", channel=FORGE),
    Package(name="numpy-base", version="2.2.6", build="h1_0", channel="https://repo.example.org/main"),
    Package(name="pytorch", version="2.4.1", build="cpu_py311", channel=FORGE),
    Package(name="Scikit_Learn", version="1.5", manager="pypi"),
)


def found(text: str, *names: str) -> list[str] | None:
    hits = Query.parse(text).find(PACKAGES, names)
    return None if hits is None else [package.name for package in hits]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("numpy", ["numpy", "numpy-base"]),
        ("NumPy_Base", ["numpy-base"]),
        ("learn", ["Scikit_Learn"]),
        ("torch", ["pytorch"]),
        ("numpy>=2", ["numpy"]),
        ("numpy >= 2 , < 3", ["numpy"]),
        ("numpy >=2,<3", ["numpy"]),
        ("numpy 2.2.6", ["numpy"]),
        ("numpy 2.2.*", ["numpy"]),
        ("numpy=2.2", ["numpy"]),
        ("numpy<2", None),
        ("torch>=2", None),
        ("*torch>=2", ["pytorch"]),
        ("num*", ["numpy", "numpy-base"]),
        ("numpy=2.2.6=py311*", ["numpy"]),
        ("numpy==2.2.6=py312*", None),
        ("conda-forge::numpy", ["numpy"]),
        ("main::numpy", ["numpy-base"]),
        ("numpy>=2 pytorch=2.4", ["numpy", "pytorch"]),
        ("numpy>=2 nothing", None),
        ("numpy numpy", ["numpy", "numpy-base"]),
    ],
)
def test_finds_what_is_meant(text: str, names: list[str] | None) -> None:
    assert found(text) == names


class TestNamesOfEnvironments:
    def test_a_word_may_mean_one(self) -> None:
        assert found("data", "datasci", "Data Science") == []
        assert found("2026.11", "datasci@2026.11") == []

    def test_a_word_with_versions_may_not(self) -> None:
        assert found("datasci>=1", "datasci") is None

    def test_other_words_still_have_to_match(self) -> None:
        assert found("data numpy>=2", "datasci") == ["numpy"]
        assert found("data numpy>=3", "datasci") is None


class TestNear:
    NAMES = ("pytorch", "torchvision", "numpy")

    def test_offers_what_holds_the_name_shortest_first(self) -> None:
        assert Query.parse("torch>=2").near(self.NAMES) == ("pytorch", "torchvision")

    @pytest.mark.parametrize("text", ["torch", "numpy>=3", "*torch>=9"])
    def test_offers_nothing_where_nothing_is_amiss(self, text: str) -> None:
        assert Query.parse(text).near(self.NAMES) == ()


class TestRefusals:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "  ",
            ">=2",
            "numpy>=",
            "numpy[build=x]",
            "a\x07b",
            "a" * 201,
            "a b c d e f g h i",
            "ünicode>=1",
        ],
    )
    def test_of_what_cannot_be_meant(self, text: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            Query.parse(text)
        assert refused.value.code == "invalid-argument"
        assert refused.value.hint

    @given(st.text(alphabet="abtorch0123456789.*<>=!~,|: []@\n\x00é-_", max_size=30))
    def test_are_the_only_way_to_fail(self, text: str) -> None:
        try:
            query = Query.parse(text)
        except InvalidInput:
            return
        assert query.terms
        hits = query.find(PACKAGES, ("datasci",))
        assert hits is None or set(hits) <= set(PACKAGES)
        query.near(p.name for p in PACKAGES)

    @given(st.sampled_from(PACKAGES))
    def test_every_package_finds_itself(self, package: Package) -> None:
        query = Query.parse(
            f"{package.name}=={package.version}" + (f"={package.build}" if package.build else "")
        )
        assert query.find(PACKAGES) == (package,)
