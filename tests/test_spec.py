"""A spec has one canonical form, says what changed, and refuses documents that are not specs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.spec import (
    Package,
    Spec,
    canonical_json,
    check_digest,
    diff,
    sha256_digest,
    sorted_packages,
)

TEXT = st.text(max_size=12)
PACKAGES = st.builds(
    Package,
    name=st.text(alphabet="abcxyz-", min_size=1, max_size=6),
    version=st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}", fullmatch=True),
    build=TEXT,
    channel=TEXT,
    subdir=st.sampled_from(["linux-64", "noarch", ""]),
    manager=st.sampled_from(["conda", "pypi"]),
    url=TEXT,
    sha256=st.sampled_from(["", "ab" * 32]),
    license=TEXT,
    size=st.integers(0, 2**40),
    depends=st.lists(TEXT, max_size=3).map(tuple),
    requested=st.booleans(),
)


def package(name: str, version: str = "1.0", **fields: Any) -> Package:
    return Package(name=name, version=version, **fields)


class TestCanonicalForm:
    @given(st.lists(PACKAGES, max_size=6), st.randoms())
    def test_the_order_in_which_packages_are_found_never_matters(
        self, packages: list[Package], random: Any
    ) -> None:
        shuffled = list(packages)
        random.shuffle(shuffled)
        assert Spec("linux-64", tuple(shuffled)).digest() == Spec("linux-64", tuple(packages)).digest()

    @given(st.lists(PACKAGES, max_size=6))
    def test_json_gives_back_the_same_spec(self, packages: list[Package]) -> None:
        spec = Spec("linux-64", tuple(packages))
        assert Spec.from_json(json.loads(spec.canonical())) == spec

    @given(PACKAGES, PACKAGES)
    def test_different_packages_have_different_digests(self, one: Package, two: Package) -> None:
        same = one == two
        assert (Spec("p", (one,)).digest() == Spec("p", (two,)).digest()) is same

    def test_the_canonical_bytes_are_frozen(self) -> None:
        spec = Spec("linux-64", (package("zlib", "1.3", build="h0", depends=("libc",)),))
        assert spec.canonical() == (
            b'{"mixed":false,"packages":[{"build":"h0","channel":"","depends":["libc"],"license":"",'
            b'"manager":"conda","md5":"","name":"zlib","requested":false,"sha256":"","size":0,"subdir":"",'
            b'"url":"","version":"1.3"}],"platform":"linux-64"}'
        )
        assert spec.digest() == sha256_digest(spec.canonical())

    def test_refuses_numbers_that_json_cannot_hold(self) -> None:
        with pytest.raises(ValueError, match="Out of range"):
            canonical_json({"x": float("nan")})

    def test_packages_can_be_put_in_the_order_of_specs(self) -> None:
        assert [p.name for p in sorted_packages([package("b"), package("a")])] == ["a", "b"]


class TestContent:
    def test_a_spec_with_pip_on_top_is_mixed(self) -> None:
        assert Spec("p", (package("a"), package("b", manager="pypi"))).is_mixed
        assert not Spec("p", (package("a"),)).is_mixed
        assert not Spec("p", ()).is_mixed

    def test_finds_a_package_by_name(self) -> None:
        spec = Spec("p", (package("a"),))
        assert spec.find("a") == package("a")
        assert spec.find("b") is None


class TestRefusedDocuments:
    good = Spec("p", (package("a"),)).as_json()

    @pytest.mark.parametrize(
        "change",
        [
            {"platform": 1},
            {"packages": {}},
            {"mixed": True},
            {"extra": 1},
            {"packages": ["a"]},
            {"packages": [{}]},
        ],
    )
    def test_refuses_a_document_of_another_shape(self, change: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput) as caught:
            Spec.from_json({**self.good, **change})
        assert caught.value.code == "spec-invalid"

    def test_refuses_something_that_is_no_object(self) -> None:
        with pytest.raises(InvalidInput):
            Spec.from_json([])  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("size", True),
            ("size", "1"),
            ("depends", "x"),
            ("depends", [1]),
            ("requested", 1),
            ("manager", "npm"),
            ("name", 3),
        ],
    )
    def test_refuses_a_package_field_of_another_type(self, field: str, value: object) -> None:
        with pytest.raises(InvalidInput) as caught:
            Package.from_json({**package("a").as_json(), field: value})
        assert caught.value.code == "spec-invalid"


class TestDigests:
    def test_a_digest_names_its_algorithm(self) -> None:
        digest = sha256_digest(b"")
        assert digest == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        assert check_digest(digest) == digest

    @pytest.mark.parametrize(
        "text", ["", "sha256:", "e3b0", "sha256:" + "E" * 64, "sha256:" + "0" * 64 + "\n", None]
    )
    def test_refuses_what_is_not_a_digest(self, text: Any) -> None:
        with pytest.raises(InvalidInput) as caught:
            check_digest(text, "pack digest")
        assert caught.value.code == "invalid-digest"
        assert "pack digest" in caught.value.message


class TestDiff:
    @given(st.lists(PACKAGES, max_size=6))
    def test_a_spec_does_not_differ_from_itself(self, packages: list[Package]) -> None:
        spec = Spec("p", tuple(packages))
        assert diff(spec, spec) == ()

    @pytest.mark.parametrize(
        ("before", "after", "change"),
        [
            (None, package("a"), "added"),
            (package("a"), None, "removed"),
            (package("a", "1.9"), package("a", "1.10"), "upgraded"),
            (package("a", "2.0"), package("a", "2.0rc1"), "downgraded"),
            (package("a", "2.1"), package("a", "2.0"), "downgraded"),
            (package("a", "2.0"), package("a", "2.0.0", build="1"), "rebuilt"),
            (package("a", build="0"), package("a", build="1"), "rebuilt"),
            (package("a", sha256="0"), package("a", sha256="1"), "rebuilt"),
            (package("a", license="MIT"), package("a", license="GPL"), "changed"),
        ],
    )
    def test_says_what_happened_to_a_package(
        self, before: Package | None, after: Package | None, change: str
    ) -> None:
        (found,) = diff(Spec("p", (before,) if before else ()), Spec("p", (after,) if after else ()))
        assert found.kind == change
        sides = [found.as_json()["from"], found.as_json()["to"]]
        assert [side and side["version"] for side in sides] == [p and p.version for p in (before, after)]

    def test_the_same_version_with_another_hash_comes_first(self) -> None:
        before = Spec("p", (package("a"), package("z", sha256="0")))
        after = Spec("p", (package("a", "2"), package("z", sha256="1")))
        assert [d.name for d in diff(before, after)] == ["z", "a"]

    def test_two_packages_of_one_name_hide_none_of_each_other(self) -> None:
        before = Spec("p", (package("a"), package("b")))
        after = Spec("p", (package("a"), package("a", "9"), package("b"), package("b")))
        assert [(d.name, d.kind, d.after and d.after.version) for d in diff(before, after)] == [
            ("a", "added", "9"),
            ("b", "added", package("b").version),
        ]

    @given(st.lists(PACKAGES, max_size=5), st.lists(PACKAGES, max_size=5))
    def test_applied_to_the_one_it_gives_the_other(self, one: list[Package], two: list[Package]) -> None:
        before, after = Spec("p", tuple(one)), Spec("p", tuple(two))
        packages = list(before.packages)
        for change in diff(before, after):
            if change.before:
                packages.remove(change.before)
            if change.after:
                packages.append(change.after)
        assert Spec("p", tuple(packages)).digest() == after.digest()

    def test_a_package_that_moved_to_pip_is_removed_and_added(self) -> None:
        found = diff(Spec("p", (package("a"),)), Spec("p", (package("a", manager="pypi"),)))
        assert [d.kind for d in found] == ["removed", "added"]
