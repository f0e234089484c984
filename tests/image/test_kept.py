from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.image import build, bytecode, kept, seal
from jupyter_envguard.image.kept import HEADER, PIECE, Kept
from jupyter_envguard.pack import open_pack
from tests.images import environment

HASH = 64 * "a"


@pytest.fixture
def handle(tmp_path: Path) -> Iterator[int]:
    opened = os.open(tmp_path / "kept", os.O_RDWR | os.O_CREAT)
    yield opened
    os.close(opened)


def size_of(handle: int) -> int:
    return os.fstat(handle).st_size


class TestKept:
    def test_finds_again_what_was_kept_of_the_same_source(self, handle: int) -> None:
        first = Kept(handle)
        first.keep("a.py", HASH, b"code of a")
        first.keep("a.py", HASH, b"never another one")
        assert (len(first), first.byte_code("a.py", HASH)) == (1, b"code of a")
        again = Kept(handle)
        again.keep("b.py", HASH, b"code of b")
        assert (again.byte_code("a.py", HASH), again.byte_code("b.py", HASH)) == (b"code of a", b"code of b")
        assert again.byte_code("a.py", 64 * "b") is again.byte_code("c.py", HASH) is None

    def test_of_another_python_is_nothing_left(self, handle: int, monkeypatch: pytest.MonkeyPatch) -> None:
        Kept(handle).keep("a.py", HASH, b"code")
        monkeypatch.setattr(kept.platform, "python_version", lambda: "3.0.0")
        assert len(Kept(handle)) == 0
        assert size_of(handle) == HEADER.size

    @given(cut=st.integers(0, 2 * PIECE.size + 8), flip=st.none() | st.integers(0, 2 * PIECE.size + 7))
    def test_what_is_torn_or_damaged_is_dropped(self, cut: int, flip: int | None) -> None:
        handle = os.memfd_create("kept")
        try:
            made = {"a.py": b"aaaa", "b.py": b"bbbb"}
            for path, code in made.items():
                Kept(handle).keep(path, HASH, code)
            if flip is not None:
                at = HEADER.size + flip
                os.pwrite(handle, bytes([os.pread(handle, 1, at)[0] ^ 1]), at)
            os.ftruncate(handle, HEADER.size + cut)
            left = Kept(handle)
            whole = min(cut if flip is None else min(cut, flip), cut) // (PIECE.size + 4)
            found = {path: left.byte_code(path, HASH) for path in made}
            assert found == {"a.py": b"aaaa" if whole > 0 else None, "b.py": b"bbbb" if whole > 1 else None}
            left.keep("c.py", HASH, b"cccc")
            assert Kept(handle).byte_code("c.py", HASH) == b"cccc"
        finally:
            os.close(handle)

    def test_keeps_no_more_than_so_much(self, handle: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kept, "KEPT_BYTES", HEADER.size + PIECE.size + 4)
        here = Kept(handle)
        here.keep("a.py", HASH, b"code")
        here.keep("b.py", HASH, b"code")
        assert len(here) == len(Kept(handle)) == 1

    def test_a_full_disk_ends_the_keeping_and_nothing_else(self, tmp_path: Path) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root may fill a disk")
        handle = os.open("/dev/full", os.O_RDWR)
        try:
            here = Kept(handle)
            here.keep("a.py", HASH, b"code")
            assert (len(here), here.byte_code("a.py", HASH)) == (0, None)
        finally:
            os.close(handle)

    def test_what_is_written_only_in_part_is_not_kept(
        self, handle: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here = Kept(handle)
        whole = os.pwrite
        monkeypatch.setattr(kept.os, "pwrite", lambda to, data, at: whole(to, data[:-1], at))
        here.keep("a.py", HASH, b"code")
        assert here.byte_code("a.py", HASH) is None
        assert len(Kept(handle)) == 0

    def test_a_disk_that_cannot_be_read_is_an_empty_one(
        self, handle: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here = Kept(handle)
        here.keep("a.py", HASH, b"code")

        def fail(*_: object) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(kept.os, "pread", fail)
        assert here.byte_code("a.py", HASH) is None
        assert len(Kept(handle)) == 0


class TestBuild:
    def test_compiles_only_what_is_not_kept_and_makes_the_same(
        self, tmp_path: Path, handle: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []
        compile_ = bytecode.Compilers.compile

        def counted(self: bytecode.Compilers, path: str, source: bytes) -> Iterator[tuple[str, bytes]]:
            asked.append(path)
            return compile_(self, path, source)

        monkeypatch.setattr(seal.bytecode.Compilers, "compile", counted)
        made, counts = [], []
        for name in ("without", "first", "again"):
            (tmp_path / name).mkdir()
            what = None if name == "without" else Kept(handle)
            with open_pack(environment().write(tmp_path, "tar", name)) as pack:
                made.append(
                    build(pack, pack.inventory(), tmp_path / name, Path("/opt/envguard/e"), kept=what)
                )
            counts.append(len(asked))
        assert made[0].lines == made[1].lines == made[2].lines
        assert counts == [2, 4, 4]
