from __future__ import annotations

import importlib._bootstrap_external
import importlib.util
import io
import marshal
import random
import resource
import runpy
import sys
import types
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.image import compiler
from jupyter_envguard.image.children import Child
from jupyter_envguard.image.compiler import ANSWER, REQUEST, compiled, limit, serve


def request(path: str, source: bytes) -> bytes:
    return REQUEST.pack(len(path), len(source)) + path.encode() + source


def answers(raw: bytes) -> list[tuple[bool, bytes]]:
    found, stream = [], io.BytesIO(raw)
    while header := stream.read(ANSWER.size):
        retires, size = ANSWER.unpack(header)
        found.append((retires, stream.read(size)))
    return found


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """What would have been limited; the process of the tests stays as it is."""
    set_to: dict[int, int] = {}
    monkeypatch.setattr(resource, "setrlimit", lambda kind, values: set_to.update({kind: values[0]}))
    return set_to


def served(*requests: tuple[str, bytes]) -> list[tuple[bool, bytes]]:
    out = io.BytesIO()
    serve(io.BytesIO(b"".join(request(*each) for each in requests)), out)
    return answers(out.getvalue())


class TestCompiled:
    def test_python_takes_it_whatever_the_time_of_the_source(self, tmp_path: Path) -> None:
        source = tmp_path / "hello.py"
        source.write_bytes(b"answer = 42\n")
        cached = Path(importlib.util.cache_from_source(str(source)))
        cached.parent.mkdir()
        cached.write_bytes(compiled(b"answer = 6 * 9\n", "hello.py"))
        spec = importlib.util.spec_from_file_location("hello", source)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.answer == 54

    def test_tracebacks_name_the_real_path(self, tmp_path: Path) -> None:
        source = tmp_path / "hello.py"
        source.write_bytes(content := b"def greet():\n    return lambda: 1\n")
        cached = Path(importlib.util.cache_from_source(str(source)))
        cached.parent.mkdir()
        cached.write_bytes(compiled(content, "lib/hello.py"))
        spec = importlib.util.spec_from_file_location("hello", source)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        inner = [c for c in module.greet.__code__.co_consts if isinstance(c, types.CodeType)]
        assert {module.greet.__code__.co_filename, inner[0].co_filename} == {str(source)}

    def test_header_is_that_of_an_unchecked_hash(self) -> None:
        pyc = compiled(b"x = 1\n", "x.py")
        flags = importlib._bootstrap_external._classify_pyc(pyc, "x", {})
        assert flags == 0b01
        assert pyc[8:16] == importlib.util.source_hash(b"x = 1\n")
        assert marshal.loads(pyc[16:]).co_filename == "x.py"

    @given(st.text("äéx=1 'ß\"(),[]abc\n", max_size=40))
    def test_is_the_same_every_time(self, text: str) -> None:
        source = text.encode()
        try:
            once = compiled(source, "x.py")
        except (SyntaxError, ValueError):
            return
        assert compiled(source, "x.py") == once


class TestServe:
    def test_answers_in_order_and_empty_for_what_does_not_compile(self) -> None:
        good = (b"x = 1\n", b"# -*- coding: latin-1 -*-\ny = '\xe4'\n")
        bad = (b"x = = 1\n", b"\0", b"'\xff'", b"(" * 300, b"# coding: no-such-codec\n", b"x = '\\x'\n")
        results = served(*((f"{number}.py", each) for number, each in enumerate((*good, *bad))))
        assert [bool(content) for _, content in results] == [True] * 2 + [False] * len(bad)

    def test_a_warning_in_a_source_is_nobodys_business(self) -> None:
        assert served(("x.py", b"assert (1, 'always')\n"))[0][1]

    def test_retires_after_a_source_that_made_it_import(self) -> None:
        sys.modules.pop("encodings.hz", None)
        results = served(("a.py", b"x = 1\n"), ("b.py", b"# coding: hz\nx = 2\n"), ("c.py", b"x = 3\n"))
        assert [retires for retires, _ in results] == [False, True]

    def test_each_source_gets_its_cpu_time(self, limits: dict[int, int]) -> None:
        served(("a.py", b"x = 1\n"))
        assert limits[resource.RLIMIT_CPU] > compiler.CPU_SECONDS


def test_no_limit_is_raised_above_a_hard_one(monkeypatch: pytest.MonkeyPatch, limits: dict[int, int]) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (5, 7))
    limit(resource.RLIMIT_AS, 100)
    assert limits == {resource.RLIMIT_AS: 7}


def test_main_limits_itself_and_serves(
    monkeypatch: pytest.MonkeyPatch, limits: dict[int, int], tmp_path: Path
) -> None:
    (tmp_path / "in").write_bytes(request("a.py", b"x = 1\n"))
    with open(tmp_path / "in") as stdin, open(tmp_path / "out", "w") as stdout:
        monkeypatch.setattr("sys.stdin", stdin)
        monkeypatch.setattr("sys.stdout", stdout)
        runpy.run_path(compiler.__file__, run_name="__main__")
    assert answers((tmp_path / "out").read_bytes()) == [(False, compiled(b"x = 1\n", "a.py"))]
    assert set(limits) == {resource.RLIMIT_AS, resource.RLIMIT_CORE, resource.RLIMIT_CPU}


def asked(child: Child, path: str, source: bytes) -> bytes:
    child.input.write(request(path, source))
    child.input.flush()
    _, size = ANSWER.unpack(child.output.read(ANSWER.size))
    return child.output.read(size)


def test_the_order_of_sources_does_not_change_their_byte_code() -> None:
    """The property on which equal manifests on all machines rest, tried on the standard library."""
    library = Path(importlib.util.__file__).parent.parent
    paths = sorted([*library.glob("*.py"), *library.glob("email/*.py"), *library.glob("encodings/*.py")])
    sources = {str(path.relative_to(library)): path.read_bytes() for path in paths}
    sources["latin.py"] = "ä = 1\nö = {'ü': ä}\n".encode()
    results = []
    for seed in (1, 2):
        order = random.Random(seed).sample(sorted(sources), len(sources))
        child = Child(compiler.__file__)
        results.append({path: asked(child, path, sources[path]) for path in order})
        child.end()
    assert results[0] == results[1]


def test_a_hungry_source_ends_only_its_own_process() -> None:
    child = Child(compiler.__file__)
    child.input.write(request("bomb.py", b"x = " + b"-" * 200_000 + b"1\n"))
    child.finish()
    child.output.read()
    child.end()
    assert child.process.returncode is not None
