from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard import landlock
from jupyter_envguard.errors import PackRefused, Unavailable
from jupyter_envguard.image import bytecode, compiler
from jupyter_envguard.image.bytecode import Compilers, cached, is_source, library, origin, resealed, source_of
from jupyter_envguard.inventory import Kind, Member

CRASH = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
SOURCE = Member("lib/python3.12/a.py", Kind.FILE, size=7, mtime=1_700_000_000)
PYC = "lib/python3.12/__pycache__/a.cpython-312.pyc"


def timestamped(mtime: int = SOURCE.mtime, size: int = SOURCE.size, flags: int = 0) -> bytes:
    numbers = (flags, mtime, size)
    return b"\xcb\r\r\n" + b"".join(number.to_bytes(4, "little") for number in numbers) + b"code"


class TestOrigin:
    def test_is_compiled_for_the_same_minor_version(self) -> None:
        assert origin(platform.python_version()) == "compiled"
        major, minor, *_ = sys.version_info
        assert origin(f"{major}.{minor}.99") == "compiled"

    @pytest.mark.parametrize("version", ["3.6.1", "3.99.0", "2.7.18", "pypy"])
    def test_is_kept_for_another_one(self, version: str) -> None:
        assert origin(version) == "kept"

    def test_is_none_without_python(self) -> None:
        assert origin("") == "none"

    def test_a_preview_is_compiled_only_by_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(platform, "python_version", lambda: "3.15.0b1")
        assert [origin(each) for each in ("3.15.0b1", "3.15.0b2", "3.15.0")] == ["compiled", "kept", "kept"]


class TestNames:
    def test_byte_code_lies_where_python_looks(self, tmp_path: Path) -> None:
        source = "lib/python3.11/site-packages/a.b.py"
        assert cached(source) == importlib.util.cache_from_source(source)

    @pytest.mark.parametrize(
        ("path", "source"),
        [
            ("lib/a/__pycache__/x.cpython-311.pyc", "lib/a/x.py"),
            ("lib/a/__pycache__/x.cpython-311.opt-1.pyc", "lib/a/x.py"),
            ("__pycache__/x.pypy39.pyc", "x.py"),
            ("lib/a/x.pyc", "lib/a/x.py"),
            ("lib/a/x.pyo", "lib/a/x.py"),
        ],
    )
    def test_the_source_is_found_for_every_kind_of_name(self, path: str, source: str) -> None:
        assert source_of(path) == source

    def test_only_what_a_kernel_may_import_is_a_source(self) -> None:
        assert is_source(f"{library()}/site-packages/a/b.py")
        for path in (
            "a.py",
            "share/a.py",
            f"{library()}/a.txt",
            f"{library()}/a/tests/b.py",
            f"{library()}x/a.py",
        ):
            assert not is_source(path)


class TestResealed:
    def test_fresh_byte_code_keeps_its_code_and_loses_its_time(self) -> None:
        assert resealed(PYC, timestamped(), SOURCE, "3.12.1") == b"\xcb\r\r\n\1\0\0\0" + bytes(8) + b"code"

    @pytest.mark.parametrize(
        "content",
        [
            timestamped(mtime=1),
            timestamped(size=8),
            timestamped(flags=1),
            timestamped(flags=3),
            timestamped()[:16],
            b"\xcb\r",
            b"",
            b"\xcb\r\0\0" + timestamped()[4:],
        ],
    )
    def test_stale_or_strange_byte_code_is_dropped(self, content: bytes) -> None:
        assert resealed(PYC, content, SOURCE, "3.12.1") is None

    @pytest.mark.parametrize(
        ("path", "python"),
        [
            (PYC, "3.13.0"),
            (PYC, "3.1.2"),
            (PYC, ""),
            ("lib/python3.12/a.pyc", "3.12.1"),
            (PYC.replace(".pyc", ".opt-1.pyc"), "3.12.1"),
        ],
    )
    def test_byte_code_of_another_python_is_dropped(self, path: str, python: str) -> None:
        assert resealed(path, timestamped(), SOURCE, python) is None

    def test_times_beyond_32_bits_are_compared_as_python_writes_them(self) -> None:
        late = Member(SOURCE.path, Kind.FILE, size=7, mtime=2**32 + 5)
        assert resealed(PYC, timestamped(mtime=5), late, "3.12.1")


@pytest.fixture
def compilers() -> Iterator[Compilers]:
    with Compilers() as made:
        yield made


def everything(compilers: Compilers, sources: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    found = [done for path, source in sources for done in compilers.compile(path, source)]
    return [*found, *compilers.finish()]


class TestCompilers:
    def test_give_results_in_the_order_of_the_sources(self, compilers: Compilers) -> None:
        sources = [(f"m{number}.py", f"x = {number}\n".encode()) for number in range(100)]
        expected = [(path, compiler.compiled(source, path)) for path, source in sources]
        assert everything(compilers, sources) == expected

    def test_hold_no_more_sources_than_there_is_room_for(
        self, compilers: Compilers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bytecode, "BACKLOG_BYTES", 30)
        sources = [(f"m{number}.py", f"x = {number:05}\n".encode()) for number in range(20)]
        for path, source in sources:
            list(compilers.compile(path, source))
            assert compilers._backlog <= 30
        list(compilers.finish())
        assert compilers._backlog == 0

    def test_give_nothing_for_what_does_not_compile(self, compilers: Compilers) -> None:
        assert everything(compilers, [("a.py", b"x = = 1")]) == [("a.py", b"")]

    def test_go_on_after_a_process_retired(self, compilers: Compilers) -> None:
        sources = [(f"m{number}.py", b"# coding: cp037\n") for number in range(3)] + [("x.py", b"x = 1\n")]
        results = everything(compilers, sources)
        assert results[-1] == ("x.py", compiler.compiled(b"x = 1\n", "x.py"))

    def test_nobody_starts_a_process_for_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bytecode, "Child", None)
        with Compilers() as made:
            assert list(made.finish()) == []


def test_an_abandoned_compiler_starts_no_process() -> None:
    compiler = bytecode._Compiler()
    compiler.abandon()
    assert compiler.compile("a.py", b"x = 1\n") == b""


class Killer:
    """Byte code's own way to start children, but each dies at the sources that are told."""

    def __init__(self, tmp_path: Path, deadly: str) -> None:
        self.script = tmp_path / "compiler.py"
        source = Path(compiler.__file__).read_text()
        self.script.write_text(
            source.replace("    code = compile(", f"    if {deadly!r} in path: {CRASH}\n    code = compile(")
        )


class TestHostileSources:
    @pytest.fixture
    def deadly(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compiler, "__file__", str(Killer(tmp_path, "deadly").script))

    def test_a_source_that_ends_the_process_is_left_without_byte_code(
        self, deadly: None, compilers: Compilers
    ) -> None:
        sources = [("a.py", b"x = 1\n"), ("deadly.py", b""), ("b.py", b"x = 2\n")]
        assert [bool(content) for _, content in everything(compilers, sources)] == [True, False, True]

    def test_too_many_of_them_are_an_attack(self, deadly: None, compilers: Compilers) -> None:
        sources = [(f"deadly{number}.py", b"") for number in range(bytecode.MOST_DEATHS + 1)]
        with pytest.raises(PackRefused, match="end the compiler") as caught:
            everything(compilers, sources)
        assert caught.value.code == "image-source-hostile"

    def test_leaving_early_does_not_wait_for_the_rest(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slow = (
            Path(compiler.__file__)
            .read_text()
            .replace("    code = compile(", "    sys.stdin.read()\n    code = compile(")
        )
        (tmp_path / "compiler.py").write_text(slow)
        monkeypatch.setattr(compiler, "__file__", str(tmp_path / "compiler.py"))
        with pytest.raises(KeyError), Compilers() as made:
            for number in range(10):
                list(made.compile(f"{number}.py", b""))
            raise KeyError

    def test_cpu_time_is_limited(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compilers: Compilers
    ) -> None:
        endless = Path(compiler.__file__).read_text().replace("CPU_SECONDS = 30", "CPU_SECONDS = 0")
        endless = endless.replace(
            "    code = compile(", "    while 'slow' in path: pass\n    code = compile("
        )
        (tmp_path / "compiler.py").write_text(endless)
        monkeypatch.setattr(compiler, "__file__", str(tmp_path / "compiler.py"))
        assert [bool(content) for _, content in everything(compilers, [("slow.py", b""), ("a.py", b"")])] == [
            False,
            True,
        ]

    def test_a_compiler_that_cannot_be_confined_is_no_fault_of_the_source(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compilers: Compilers
    ) -> None:
        (tmp_path / "compiler.py").write_text(f"raise SystemExit({landlock.CANNOT_CONFINE})")
        monkeypatch.setattr(compiler, "__file__", str(tmp_path / "compiler.py"))
        with pytest.raises(Unavailable, match="No compiler can be started"):
            everything(compilers, [("a.py", b"")])
