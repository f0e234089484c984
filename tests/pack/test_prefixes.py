"""Prefixes are read as data: from conda-pack's script, conda's records, and the files themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import CondaRecord, Kind, Member, Prefixed, RecordedFile
from jupyter_envguard.pack.prefixes import (
    Sightings,
    find_build_prefix,
    is_prefix,
    may_leak,
    needle,
    prefixed_files,
    read_unpack_script,
    shebang_prefix,
)
from tests.packs import BUILD_PREFIX, PLACEHOLDER, unpack_script

TEXT = st.text(st.characters(blacklist_categories=["Cs"]))


def record(*files: RecordedFile) -> CondaRecord:
    return CondaRecord("conda-meta/x-1-0.json", "x", "1", "0", "linux-64", files)


def members(*paths: str) -> dict[str, Member]:
    return {path: Member(path, Kind.FILE) for path in paths}


class TestScript:
    def test_reads_the_list(self) -> None:
        listed = [("a", PLACEHOLDER, "binary"), ("b/it's", BUILD_PREFIX, "text")]
        assert read_unpack_script(unpack_script(listed)) == tuple(Prefixed(*item) for item in listed)
        assert read_unpack_script(unpack_script([])) == ()

    @given(st.lists(st.tuples(TEXT, st.sampled_from(["text", "binary"]))))
    def test_reads_every_name_that_python_can_write(self, listed: list[tuple[str, str]]) -> None:
        items = [(path, "/p", mode) for path, mode in listed]
        assert read_unpack_script(unpack_script(items)) == tuple(Prefixed(*item) for item in items)

    @pytest.mark.parametrize(
        "line",
        [
            "__import__('os').system('true')",
            "('a', '/p', 'text', 'more')",
            "('a', '/p')",
            "('a', b'/p', 'text')",
            "('a', '/p' + '/q', 'text')",
            "('a', '/p', 'text'), ('b', '/p', 'text')",
            "('a\\N{BULLET}', '/p', 'text')",
            "('\\U00110000', '/p', 'text')",
            "('a', '/p', 'sideways')",
            "('a', 'relative', 'text')",
            "('a', '/', 'text')",
            "('a', '/p\\x00', 'text')",
            "('a', '/p\\ud800', 'text')",
            f"('a', '/{'p' * 600}', 'text')",
            f"('{'a' * 10_000}', '/p', 'text')",
            "('a', '/p', 'text'",
            "# comment",
        ],
    )
    def test_refuses_anything_that_is_not_a_plain_entry(self, line: str) -> None:
        script = unpack_script([("before", "/p", "text")]).replace(b"\n]", f",\n{line}\n]".encode())
        with pytest.raises(PackRefused) as caught:
            read_unpack_script(script)
        assert caught.value.code == "pack-prefix-records"

    @pytest.mark.parametrize(
        "script",
        [
            b"",
            b"print('hello')\n",
            b"\n_prefix_records = [\n('a', '/p', 'text')\n",
            b"\n_prefix_records = [\n('\xff', '/p', 'text')\n]\n",
        ],
    )
    def test_refuses_scripts_of_another_kind(self, script: bytes) -> None:
        with pytest.raises(PackRefused) as caught:
            read_unpack_script(script)
        assert caught.value.code == "pack-prefix-records"


class TestPrefixedFiles:
    def test_is_the_union_of_script_and_records(self) -> None:
        script = (Prefixed("a", "/p", "text"), Prefixed("b", "/q", "binary"))
        records = [
            record(
                RecordedFile("b", placeholder="/q", mode="binary"),
                RecordedFile("c", placeholder="/q", mode="text"),
                RecordedFile("gone", placeholder="/q", mode="text"),
                RecordedFile("plain"),
                RecordedFile("a", placeholder="/q", mode="text"),
            )
        ]
        assert prefixed_files(script, records, members("a", "b", "c", "plain")) == (
            Prefixed("a", "/p", "text"),
            Prefixed("a", "/q", "text"),
            Prefixed("b", "/q", "binary"),
            Prefixed("c", "/q", "text"),
        )

    @pytest.mark.parametrize("kind", [None, Kind.SYMLINK, Kind.DIRECTORY])
    def test_refuses_a_script_that_lists_what_is_no_file(self, kind: Kind | None) -> None:
        found = {} if kind is None else {"../../etc/passwd": Member("../../etc/passwd", kind)}
        with pytest.raises(PackRefused) as caught:
            prefixed_files([Prefixed("../../etc/passwd", "/p", "text")], [], found)
        assert caught.value.code == "pack-prefix-records"

    def test_leaves_out_links_that_records_list(self) -> None:
        records = [record(RecordedFile("a", placeholder="/q", mode="text"))]
        assert prefixed_files((), records, {"a": Member("a", Kind.SYMLINK, target="b")}) == ()


class TestBuildPrefix:
    def test_is_what_the_script_lists_beside_placeholders(self) -> None:
        records = [record(RecordedFile("b", placeholder=PLACEHOLDER, mode="binary"))]
        script = [Prefixed("b", PLACEHOLDER, "binary")] * 3 + [Prefixed("a", BUILD_PREFIX + "/", "text")]
        assert find_build_prefix(script, records, ["/other"], b"") == BUILD_PREFIX

    @pytest.mark.parametrize(
        "old", ["/opt/anaconda1anaconda2anaconda3", "/b/x/_h_env_placehold_placehold_pl"]
    )
    def test_is_never_a_placeholder_of_conda(self, old: str) -> None:
        script = [Prefixed("b", old, "binary")] * 3 + [Prefixed("a", BUILD_PREFIX, "text")]
        assert find_build_prefix(script, (), (), b"") == BUILD_PREFIX
        assert find_build_prefix((), (), [old], b"") == ""

    def test_is_what_most_scripts_start_with_when_the_list_is_silent(self) -> None:
        assert find_build_prefix((), (), ["/b", "/a", "/b"], b"") == "/b"
        assert find_build_prefix((), (), ["/b", "/a"], b"") == "/a"

    @pytest.mark.parametrize("option", ["-p ", "--prefix ", "--prefix="])
    def test_is_what_the_history_says_when_nothing_else_does(self, option: str) -> None:
        history = f"==> x <==\n# cmd: /opt/conda/bin/conda create {option}/home/me/env python\n"
        assert find_build_prefix((), (), (), history.encode()) == "/home/me/env"

    def test_may_be_unknown(self) -> None:
        assert find_build_prefix((), (), (), b"# cmd: conda create -n x\n") == ""

    @pytest.mark.parametrize(
        ("path", "start", "found"),
        [
            ("bin/pip", b"#!/home/me/env/bin/python3.11\nimport", "/home/me/env"),
            ("bin/pip", b"#!/home/me/env/bin/python -I\n", "/home/me/env"),
            ("bin/pip", b"#!/usr/bin/python3\n", ""),
            ("bin/pip", b"#!/usr/local/bin/python\n", ""),
            ("bin/pip", b"#!/usr/bin/env python\n", ""),
            ("bin/pip", b"#!/home/me/env/bin/perl\n", ""),
            ("bin/pip", b"\x7fELF", ""),
            ("bin/pip", b"#!/\xff/bin/python\n", "/\ufffd"),
            ("lib/pip", b"#!/home/me/env/bin/python\n", ""),
        ],
    )
    def test_first_lines_of_scripts(self, path: str, start: bytes, found: str) -> None:
        assert shebang_prefix(path, start) == found

    def test_prefixes_are_absolute_printable_and_not_endless(self) -> None:
        assert is_prefix("/a")
        assert not any(map(is_prefix, ("", "/", "a", "/\n", "/\u202e", "/" + "é" * 300)))


class TestSightings:
    def test_remembers_what_may_be_the_prefix(self) -> None:
        sightings = Sightings(10)
        sightings.look("a", b"\0" + BUILD_PREFIX.encode() + b"/lib\0/usr/lib")
        sightings.look("b", b"/home/builder/envs/datasci2/lib")
        sightings.look("c", b"/home/builder/envs/datasci")
        sightings.look("d", b"/tmp/stage" + BUILD_PREFIX.encode() + b'"')
        assert sightings.knows(BUILD_PREFIX)
        assert sightings.holding(BUILD_PREFIX) == {"a", "c", "d"}

    @pytest.mark.parametrize(
        "prefix", ["/strange/root", "/home/with space/env", "/home", "/home/" + "x" * 299]
    )
    def test_knows_what_it_cannot_know(self, prefix: str) -> None:
        assert not Sightings(10).knows(prefix)

    def test_knows_when_there_was_too_much(self) -> None:
        sightings = Sightings(2)
        for n in range(5):
            sightings.look("a", b"/home/%d " % n)
        assert not sightings.knows("/home/1")

    @given(st.binary(max_size=30), st.binary(max_size=30))
    def test_agrees_with_a_plain_search(self, before: bytes, after: bytes) -> None:
        content = before + BUILD_PREFIX.encode() + after
        sightings = Sightings(100)
        sightings.look("a", content)
        found = needle(BUILD_PREFIX).search(content) is not None
        assert (sightings.holding(BUILD_PREFIX) == {"a"}) == found


@pytest.mark.parametrize(
    ("path", "harm"),
    [
        ("lib/x.so", True),
        ("share/conda-meta/x.json", True),
        ("conda-meta/x.json", False),
        ("bin/conda-unpack", False),
        ("lib/__pycache__/x.pyc", False),
    ],
)
def test_only_what_is_loaded_may_leak(path: str, harm: bool) -> None:
    assert may_leak(path) is harm
