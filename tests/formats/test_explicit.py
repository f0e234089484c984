from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.formats.explicit import can_be_fetched, explicit, in_order
from jupyter_envguard.formats.hashes import hashes_of
from jupyter_envguard.spec import Package, Spec
from tests.formats.releases import SPECS

HEX = "0f" * 32


def package(name: str, **fields: object) -> Package:
    return Package(
        **{"name": name, "version": "1", "build": "b", "url": f"https://c.org/{name}.conda"} | fields
    )


def lines(*packages: Package) -> list[str]:
    return explicit(Spec("linux-64", packages), "datasci@2026.05").splitlines()


def test_an_empty_spec_is_a_file_without_packages():
    assert lines()[0] == "# datasci@2026.05"
    assert lines()[-1] == "@EXPLICIT"


def test_names_platform_and_digest_in_comments():
    spec = Spec("linux-64", (package("a"),))
    text = explicit(spec, "t")
    assert "# platform: linux-64\n" in text
    assert f"# spec: {spec.digest()}\n" in text


def test_a_title_cannot_leave_its_comment():
    assert (
        explicit(Spec("linux-64", ()), "a\nhttps://evil.org/x.conda").splitlines()[0].startswith("# a https")
    )


def test_pins_by_sha256():
    assert lines(package("a", sha256=HEX, md5="ab" * 16))[-1] == f"https://c.org/a.conda#sha256:{HEX}"


def test_falls_back_to_md5():
    assert lines(package("a", md5="ab" * 16))[-1] == "https://c.org/a.conda#" + "ab" * 16


def test_leaves_the_hash_out_when_none_is_known():
    assert lines(package("a"))[-1] == "https://c.org/a.conda"


def test_replaces_a_hash_that_the_address_carries():
    assert lines(package("a", url="https://c.org/a.conda#old", sha256=HEX))[-1].count("#") == 1


def test_what_pip_installed_stands_in_a_comment():
    found = lines(package("a"), Package(name="risk", version="2", manager="pypi"))
    assert "# pypi: risk==2" in found
    assert found[-1] == "https://c.org/a.conda"


def test_a_package_without_an_address_stands_in_a_comment():
    assert "# no address: a=1=b" in lines(package("a", url=""))


def test_packages_come_after_what_they_need():
    found = [
        p.name
        for p in in_order([package("a", depends=("z >=1", "b")), package("b", depends=("z",)), package("z")])
    ]
    assert found == ["z", "b", "a"]


def test_a_circle_does_not_hang():
    circle = [package("a", depends=("b",)), package("b", depends=("a", "unknown", " "))]
    assert {p.name for p in in_order(circle)} == {"a", "b"}


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), max_size=4)))
def test_every_package_comes_once_and_after_its_needs_unless_in_a_circle(graph: dict[str, list[str]]):
    packages = [package(name, depends=tuple(needs)) for name, needs in graph.items()]
    order = [p.name for p in in_order(packages)]
    assert sorted(order) == sorted(graph)
    acyclic = {name: [need for need in needs if need < name] for name, needs in graph.items()}
    order = [p.name for p in in_order([package(n, depends=tuple(d)) for n, d in acyclic.items()])]
    for name, needs in acyclic.items():
        assert all(order.index(need) < order.index(name) for need in needs if need in acyclic)


@given(SPECS)
def test_any_spec_comes_back_as_addresses_and_hashes(spec: Spec):
    text = explicit(spec, "datasci@2026.05")
    _, _, listed = text.partition("\n@EXPLICIT\n")
    found = {tuple(line.partition("#")[::2]) for line in listed.splitlines()}
    wanted = {
        (p.url.partition("#")[0], f"sha256:{p.sha256}" if "sha256" in hashes_of(p) else p.md5)
        for p in spec.packages
        if can_be_fetched(p)
    }
    assert found == wanted
    assert all(line.startswith("#") for line in text.partition("\n@EXPLICIT\n")[0].splitlines())


def test_packages_of_one_name_are_both_listed():
    found = lines(package("a"), package("a", version="2", url="https://c.org/a-2.conda"))
    assert found[-2:] == ["https://c.org/a.conda", "https://c.org/a-2.conda"]


def test_a_hash_cannot_be_another_line():
    assert lines(package("a", sha256="\nhttps://evil.org/x.conda"))[-1] == "https://c.org/a.conda"
