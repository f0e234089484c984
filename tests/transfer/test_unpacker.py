"""The process that unpacks, talked to as its parent does, and by somebody worse."""

from __future__ import annotations

import hashlib
import io
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard

from jupyter_envguard import confine
from jupyter_envguard.image.children import Child
from jupyter_envguard.store import landing
from jupyter_envguard.transfer import unpacker
from jupyter_envguard.transfer.unpacker import AT_ONCE, REQUEST, BrokenFrameError, Decoder, parts, serve

TIME = 1_700_000_000
WINDOW = 8 * 1024 * 1024
FOLDERS = str(Path(landing.__file__).parent), str(Path(zstandard.__file__).parents[1])


def seat(path: str, content: bytes) -> list[Any]:
    return [path, 0o444, len(content), hashlib.sha256(content).hexdigest()]


def request(seats: list[Any], frame: bytes) -> bytes:
    text = json.dumps(seats).encode()
    return REQUEST.pack(len(text), len(frame)) + text + frame


def compressed(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(content)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


def answer(tree: Path, *requests: bytes) -> list[Any]:
    """Return what a confined process answers."""
    child = Child(
        unpacker.__file__, str(tree), str(TIME), str(WINDOW), *FOLDERS, read=FOLDERS, write=(str(tree),)
    )
    try:
        child.input.write(b"".join(requests))
        child.finish()
        return [json.loads(line) for line in child.output]
    finally:
        child.end()


class TestProcess:
    def test_writes_what_is_wanted(self, tree: Path):
        content = b"one" + b"skipped" + b"three"
        frame = compressed(content)
        told = answer(tree, request([seat("a", b"one"), 7, seat("b", b"three")], frame))
        assert told == [None]
        assert {path.name: path.read_bytes() for path in tree.iterdir()} == {"a": b"one", "b": b"three"}
        assert (tree / "a").stat().st_mtime == TIME

    def test_goes_on_until_there_is_no_more(self, tree: Path):
        requests = [request([seat(str(number), b"x")], compressed(b"x")) for number in range(5)]
        assert answer(tree, *requests) == [None] * 5

    @pytest.mark.parametrize("size", [10, AT_ONCE + 10])
    def test_says_what_is_wrong_with_a_content(self, tree: Path, size: int):
        content = b"x" * size
        frame = compressed(b"y" * size)
        wanted = hashlib.sha256(content).hexdigest()
        assert answer(tree, request([seat("a", content)], frame)) == [{"wrong": [wanted, size]}]

    @pytest.mark.parametrize("size", [10, AT_ONCE + 10])
    def test_says_what_is_wrong_with_a_frame(self, tree: Path, size: int):
        content = b"x" * size
        for frame, said in (
            (b"nothing", "does not decode"),
            (compressed(content + b"y"), "more than it should"),
            (compressed(content[1:]), "ends too early"),
        ):
            (told,) = answer(tree, request([seat("a", content)], frame))
            assert said in told["broken"]

    def test_says_which_call_failed(self, tree: Path):
        told = answer(tree, request([seat("none/a", b"x")], compressed(b"x")))
        assert told == [{"errno": 2, "path": "none/a"}]

    @pytest.mark.skipif(not confine.available().files, reason="the machine has no Landlock")
    def test_writes_nowhere_but_into_the_tree(self, tree: Path):
        told = answer(tree, request([seat("../escaped", b"x")], compressed(b"x")))
        assert told[0]["errno"] == 13
        assert not (tree.parent / "escaped").exists()

    def test_ends_quietly_when_its_parent_is_gone(self, tree: Path):
        assert answer(tree) == []
        whole = request([seat("a", b"x")], compressed(b"x"))
        assert answer(tree, whole, whole[:-3]) == [None, {"broken": "ends too early"}]


def test_script_is_what_the_functions_are(tree: Path, monkeypatch: pytest.MonkeyPatch):
    class Streams:
        def __init__(self, content: bytes) -> None:
            self.buffer = io.BytesIO(content)

    frames = [(b"x", b"x"), (b"x", b"y"), (b"x", b"xx")]
    for wanted, sent in frames:
        answers = Streams(b"")
        monkeypatch.setattr(sys, "stdin", Streams(request([seat("a", wanted)], compressed(sent))))
        monkeypatch.setattr(sys, "stdout", answers)
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.setattr(sys, "argv", ["unpacker.py", str(tree), str(TIME), str(WINDOW), *FOLDERS])
        runpy.run_path(unpacker.__file__, run_name="__main__")
        assert (answers.buffer.getvalue() == b"null\n") == (wanted == sent)


class TestDecoder:
    def test_asks_for_no_more_memory_than_the_window(self):
        content = bytes(range(256)) * 4 * 65536
        parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=26)
        frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        large = frame.compress(content) + frame.flush()
        with pytest.raises(unpacker.BrokenFrameError, match="does not decode"):
            for chunks in Decoder(zstandard, WINDOW).contents([len(content)], len(large), iter((large,))):
                list(chunks)

    @pytest.mark.parametrize("size", [3, AT_ONCE])
    def test_yields_empty_contents(self, size: int):
        content = b"x" * size
        frame = compressed(content)
        decoder = Decoder(zstandard, WINDOW)
        pieces = [b"".join(chunks) for chunks in decoder.contents([0, size, 0], len(frame), iter((frame,)))]
        assert pieces == [b"", content, b""]

    def test_nothing_of_one_frame_is_in_the_next(self):
        decoder = Decoder(zstandard, WINDOW)
        for content in (b"long" * 1000, b"short", b"", b"longest" * 1000):
            frame = compressed(content)
            (found,) = (
                b"".join(chunks) for chunks in decoder.contents([len(content)], len(frame), iter((frame,)))
            )
            assert found == content
        with pytest.raises(BrokenFrameError, match="too early"):
            list(decoder.contents([6], 0, iter((compressed(b"short"),))))


def test_parts_end_with_the_stream():
    assert list(parts(io.BytesIO(b"abc"), 2)) == [b"ab"]
    assert list(parts(io.BytesIO(b"abc"), 5)) == [b"abc"]


def test_serve_hands_over_what_is_wanted():
    written, answers = [], io.BytesIO()
    frame = compressed(b"abc")
    serve(
        io.BytesIO(request([2, seat("c", b"c")], frame)),
        answers,
        Decoder(zstandard, WINDOW),
        lambda row, chunks: written.append((row[0], b"".join(chunks))),
    )
    assert (written, answers.getvalue()) == ([("c", b"c")], b"null\n")
