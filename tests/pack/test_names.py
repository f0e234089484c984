"""Names and links are judged lexically, and the judgement agrees with the kernel."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import Kind, Member
from jupyter_envguard.pack.limits import Limits
from jupyter_envguard.pack.names import Tree, check_link, check_path, decode

LIMITS = Limits()


def tree_of(*members: Member) -> Tree:
    tree = Tree(LIMITS)
    for member in members:
        tree.add(member)
    return tree


def link(path: str, target: str) -> Member:
    return Member(path, Kind.SYMLINK, target=target)


def code_of(*members: Member) -> str:
    with pytest.raises(PackRefused) as caught:
        tree_of(*members).finish()
    return caught.value.code


class TestPaths:
    @pytest.mark.parametrize(
        "path", ["a", "a/b", "é/ü", "a b", "-x", "a\\b", "...", "..a", "n" * 255, "日本"]
    )
    def test_accepts_ordinary_ones(self, path: str) -> None:
        check_path(path, LIMITS)

    def test_accepts_the_longest(self) -> None:
        check_path("/".join(["p" * 204] * 5), LIMITS)
        check_path("/".join("d" * 64), LIMITS)

    @given(st.text())
    def test_whatever_is_accepted_is_relative_normal_and_visible(self, path: str) -> None:
        try:
            check_path(path, LIMITS)
        except PackRefused:
            return
        assert os.path.normpath(path) == path
        assert not os.path.isabs(path)
        assert not {"", ".", ".."} & set(path.split("/"))
        assert "\0" not in path
        assert "\n" not in path

    def test_decodes_utf8_only(self) -> None:
        assert decode("é".encode()) == "é"
        with pytest.raises(PackRefused):
            decode(b"\xe9")


class TestLinks:
    @pytest.mark.parametrize("target", ["b", "../x", "./b", "b//c", "b/", ".", "a/../b"])
    def test_accepts_relative_text(self, target: str) -> None:
        check_link("a", target, LIMITS)

    def test_a_link_may_dangle_inside(self) -> None:
        tree = tree_of(link("lib/a.so", "a.so.1"))
        tree.finish()
        assert tree.resolve("lib/a.so") == "lib/a.so.1"

    def test_a_link_may_lead_to_the_root(self) -> None:
        tree = tree_of(link("lib/up", ".."))
        tree.finish()
        assert tree.resolve("lib/up") == ""
        assert tree.resolve("lib/up/bin") == "bin"

    def test_resolves_through_chains(self) -> None:
        tree = tree_of(
            link("lib64", "lib"), link("lib/python3.1", "python3.11"), Member("lib/python3.11/x", Kind.FILE)
        )
        tree.finish()
        assert tree.resolve("lib64/python3.1/x") == "lib/python3.11/x"

    def test_forty_links_are_followed_and_no_more(self) -> None:
        chain = [link(f"l{n}", f"l{n + 1}") for n in range(40)]
        tree_of(*chain).finish()
        tree_of(*reversed(chain)).finish()
        assert code_of(*chain, link("one-more", "l0")) == "pack-link-loop"

    def test_links_that_multiply_cost_little(self) -> None:
        many = [link(f"l{n}", "/".join([f"l{n - 1}", ".."] * 100)) for n in range(1, 30)]
        assert code_of(link("l0", "x"), *many) == "pack-link-loop"

    def test_climbing_above_the_root_on_the_way_is_an_escape_even_when_it_comes_back(self) -> None:
        assert code_of(link("a", "../env/b")) == "pack-link-escape"


class TestHardLinks:
    def test_may_point_at_an_earlier_file_or_hard_link(self) -> None:
        tree_of(
            Member("a", Kind.FILE),
            Member("b", Kind.HARDLINK, target="a"),
            Member("c", Kind.HARDLINK, target="b"),
        ).finish()

    def test_may_not_point_at_a_later_one(self) -> None:
        assert (
            code_of(Member("b", Kind.HARDLINK, target="a"), Member("a", Kind.FILE)) == "pack-hardlink-target"
        )


class TestPlaces:
    def test_folders_may_come_after_what_is_in_them(self) -> None:
        tree = tree_of(Member("a/b/c", Kind.FILE), Member("a", Kind.DIRECTORY), Member("a/b", Kind.DIRECTORY))
        assert list(tree.members) == ["a/b/c", "a", "a/b"]

    def test_number_of_members_is_bounded(self) -> None:
        tree = Tree(Limits(entries=1))
        tree.add(Member("a", Kind.FILE))
        with pytest.raises(PackRefused) as caught:
            tree.add(Member("b", Kind.FILE))
        assert caught.value.code == "pack-too-many-entries"


NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TARGETS = st.lists(st.sampled_from(["a", "b", "c", "..", ".", ""]), min_size=1, max_size=5).map("/".join)
MEMBERS = st.one_of(
    st.builds(link, PATHS, TARGETS),
    st.builds(lambda path: Member(path, Kind.FILE), PATHS),
    st.builds(lambda path: Member(path, Kind.DIRECTORY), PATHS),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(MEMBERS, max_size=7))
def test_whatever_is_accepted_stays_inside_on_a_real_disk(members: list[Member]) -> None:
    tree = Tree(LIMITS)
    try:
        for member in members:
            tree.add(member)
        tree.finish()
    except PackRefused:
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "root"
        root.mkdir()
        _make(root, members)
        for member in members:
            reached = os.path.realpath(root / member.path)
            assert reached == os.path.normpath(root / tree.resolve(member.path))


def _make(root: Path, members: list[Member]) -> None:
    for member in members:
        place = root / member.path
        place.parent.mkdir(parents=True, exist_ok=True)
        if member.kind is Kind.SYMLINK:
            place.symlink_to(member.target)
        elif member.kind is Kind.FILE:
            place.touch()
        else:
            place.mkdir(exist_ok=True)
