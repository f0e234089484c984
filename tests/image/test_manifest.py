from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.image.manifest import Header, Line, Manifest, Seal, read_header

DIGEST = "sha256:" + 64 * "a"
SEAL = Seal(version=1, byte_code="compiled", python="3.11.7", uncompiled=1, sourceless=2, mtime=315_619_200)
HEADER = Header(
    prefix="/opt/envguard/e",
    platform="linux-64",
    pack=DIGEST,
    spec=DIGEST,
    records=DIGEST,
    locks={"pixi.lock": DIGEST},
    seal=SEAL,
)
LINES = (
    Line("bin", "d", "x", 0, ""),
    Line("bin/python", "l", "r", 0, "python3"),
    Line("bin/python3", "f", "x", 5, 64 * "b"),
    Line("größe.txt", "f", "r", 0, 64 * "c"),
)
EXAMPLE = Manifest(HEADER, LINES)

names = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="/"),
    min_size=1,
    max_size=8,
).filter(lambda name: name not in (".", ".."))
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Trees of any shape with any names."""
    lines: dict[str, Line] = {}
    folders = [""]
    for name in draw(st.lists(names, max_size=12)):
        above = draw(st.sampled_from(folders))
        path = f"{above}/{name}" if above else name
        if path in lines:
            continue
        kind = draw(st.sampled_from("fdl"))
        if kind == "d":
            folders.append(path)
            lines[path] = Line(path, "d", "x", 0, "")
        elif kind == "l":
            lines[path] = Line(path, "l", "r", 0, draw(names))
        else:
            lines[path] = Line(
                path, "f", draw(st.sampled_from("rx")), draw(st.integers(0, 2**63)), draw(hashes)
            )
    return Manifest(HEADER, tuple(lines[path] for path in sorted(lines, key=str.encode)))


@given(manifests())
def test_reads_back_what_it_wrote(manifest: Manifest) -> None:
    assert Manifest.parse(manifest.canonical()) == manifest


@given(manifests(), st.data())
def test_no_other_bytes_mean_the_same_manifest(manifest: Manifest, data: st.DataObject) -> None:
    written = manifest.canonical()
    at = data.draw(st.integers(0, len(written) - 1))
    edited = written[:at] + data.draw(st.binary(max_size=2)) + written[at + data.draw(st.integers(0, 2)) :]
    try:
        parsed = Manifest.parse(edited)
    except InvalidInput as error:
        assert error.code == "manifest-invalid"
    else:
        assert parsed.canonical() == edited
        assert (parsed == manifest) == (edited == written)


@given(st.binary(max_size=300))
def test_refuses_noise_with_one_error(noise: bytes) -> None:
    with pytest.raises(InvalidInput, match="manifest"):
        Manifest.parse(noise)


def test_canonical_form_is_frozen() -> None:
    seal = (
        '"seal":{"byte_code":"compiled","mtime":315619200,"python":"3.11.7",'
        '"sourceless":2,"uncompiled":1,"version":1}'
    )
    header = (
        f'{{"locks":{{"pixi.lock":"{DIGEST}"}},"pack":"{DIGEST}","platform":"linux-64",'
        f'"prefix":"/opt/envguard/e","records":"{DIGEST}",{seal},"spec":"{DIGEST}"}}'
    )
    rows = [
        "envguard-manifest 2",
        header,
        "d\tx\t0\t\tbin",
        "l\tr\t0\tpython3\tbin/python",
        f"f\tx\t5\t{64 * 'b'}\tbin/python3",
        f"f\tr\t0\t{64 * 'c'}\tgröße.txt",
    ]
    assert EXAMPLE.canonical() == ("\n".join(rows) + "\n").encode()


def test_digest_is_of_the_canonical_form() -> None:
    assert EXAMPLE.digest() == "sha256:" + hashlib.sha256(EXAMPLE.canonical()).hexdigest()


def test_digest_depends_on_the_header() -> None:
    assert replace(EXAMPLE, header=replace(HEADER, prefix="/opt/other")).digest() != EXAMPLE.digest()


def test_an_empty_tree_has_a_manifest() -> None:
    assert Manifest.parse(Manifest(HEADER, ()).canonical()).lines == ()


@pytest.mark.parametrize(
    "line",
    [
        Line("", "d", "x", 0, ""),
        Line("/bin", "d", "x", 0, ""),
        Line("a/", "d", "x", 0, ""),
        Line("..", "d", "x", 0, ""),
        Line(".", "d", "x", 0, ""),
        Line("a\tb", "d", "x", 0, ""),
        Line("a\nb", "d", "x", 0, ""),
        Line("a\udcff", "d", "x", 0, ""),
        Line("a", "d", "r", 0, ""),
        Line("a", "d", "x", 1, ""),
        Line("a", "d", "x", 0, "x"),
        Line("a", "l", "r", 0, ""),
        Line("a", "l", "x", 0, "b"),
        Line("a", "l", "r", 0, "b\tc"),
        Line("a", "f", "w", 0, 64 * "a"),  # type: ignore[arg-type]
        Line("a", "f", "r", -1, 64 * "a"),
        Line("a", "f", "r", 0, 64 * "A"),
        Line("a", "f", "r", 0, 63 * "a"),
        Line("a", "p", "r", 0, ""),  # type: ignore[arg-type]
        Line("no/folder", "d", "x", 0, ""),
    ],
    ids=repr,
)
def test_refuses_a_line_that_cannot_be(line: Line) -> None:
    with pytest.raises(InvalidInput, match="manifest"):
        Manifest(HEADER, (line,))


def test_refuses_a_path_below_a_file() -> None:
    with pytest.raises(InvalidInput, match="lies in no directory"):
        Manifest(HEADER, (Line("a", "f", "r", 0, 64 * "a"), Line("a/b", "d", "x", 0, "")))


def test_refuses_paths_out_of_order_and_twice() -> None:
    for lines in (LINES[::-1], (LINES[0], LINES[0])):
        with pytest.raises(InvalidInput, match="out of order or stands twice"):
            Manifest(HEADER, lines)


@pytest.mark.parametrize(
    "header",
    [
        replace(HEADER, prefix="opt/e"),
        replace(HEADER, prefix="/opt\n"),
        replace(HEADER, platform="linux\t64"),
        replace(HEADER, pack="sha256:1"),
        replace(HEADER, spec=""),
        replace(HEADER, records="1"),
        replace(HEADER, locks={"pixi.lock": "sha256:1"}),
        replace(HEADER, seal=replace(SEAL, byte_code="stolen")),  # type: ignore[arg-type]
    ],
)
def test_refuses_a_header_that_cannot_be(header: Header) -> None:
    with pytest.raises(InvalidInput, match="manifest"):
        Manifest(header, ())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"envguard-manifest 2", b"envguard-manifest 1"),
        (b'"mtime":315619200', b'"mtime":"315619200"'),
        (b'"mtime":315619200', b'"mtime":true'),
        (b'"uncompiled":1', b'"uncompiled":1,"x":1'),
        (b'"platform":"linux-64"', b'"platform":64'),
        (b'"seal":{', b'"seal":[],"x":{'),
        (b'{"locks"', b'{{"locks"'),
        (b'"locks":{', b'"locks":{"a":1,'),
        (b'"version":1', b'"version":"1"'),
        (b"d\tx\t0\t\tbin\n", b"d\tx\t00\t\tbin\n"),
        (b"d\tx\t0\t\tbin\n", b"d\tx\t0\t\tbin\t\n"),
        (b"d\tx\t0\t\tbin\n", b"d\tx\t\tbin\n"),
        (b"d\tx\t0\t\tbin\n", b"\n"),
        (b"d\tx\t0\t\tbin\n", b"d\tx\t+0\t\tbin\n"),
        (b"d\tx\t0\t\tbin\n", b"d\tx\t0\t\tbin\r\n"),
        (b"f\tx\t5\t", b"f\tx\t-5\t"),
        (b'{"locks"', b'{ "locks"'),
        (b".txt\n", b".txt"),
    ],
)
def test_refuses_bytes_that_are_not_canonical(before: bytes, after: bytes) -> None:
    written = EXAMPLE.canonical()
    assert before in written
    with pytest.raises(InvalidInput, match="manifest"):
        Manifest.parse(written.replace(before, after))


def test_refuses_a_header_of_a_thousand_brackets() -> None:
    with pytest.raises(InvalidInput, match="not JSON"):
        Manifest.parse(b"envguard-manifest 2\n" + b"[" * 100_000 + b"\n")


class TestReadHeader:
    def test_reads_what_parsing_reads(self) -> None:
        manifest = Manifest(HEADER, ())
        assert read_header(manifest.canonical()) == HEADER

    def test_reads_no_line(self) -> None:
        assert read_header(Manifest(HEADER, ()).canonical() + b"\xff\xff") == HEADER

    @pytest.mark.parametrize("content", [b"", b"\xff\n\xff\n", b"envguard-manifest 2\n{}\n", b"\xff"])
    def test_refuses_what_is_none(self, content: bytes) -> None:
        with pytest.raises(InvalidInput) as caught:
            read_header(content)
        assert caught.value.code == "manifest-invalid"

    def test_refuses_another_version(self) -> None:
        content = Manifest(HEADER, ()).canonical().replace(b"envguard-manifest 2", b"envguard-manifest 9", 1)
        with pytest.raises(InvalidInput, match="unknown"):
            read_header(content)

    def test_refuses_a_prefix_that_cannot_be(self) -> None:
        content = Manifest(HEADER, ()).canonical().replace(HEADER.prefix.encode(), b"relative", 1)
        with pytest.raises(InvalidInput, match="prefix"):
            read_header(content)
