from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.transfer.sources import FolderSource, Source, source_at
from jupyter_envguard.transfer.web import WebSource
from tests.shares import served

BLOB = "blobs/" + "a" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "blobs").mkdir()
    (tmp_path / BLOB).write_bytes(b"0123456789")
    return tmp_path


def code_of(source: Source, name: str) -> str:
    with pytest.raises(EnvGuardError) as caught:
        source.read(name, 100)
    return caught.value.code


class TestEverySource:
    """A folder and a web server give the same bytes."""

    @pytest.mark.parametrize(
        ("offset", "length", "expected"),
        [(0, 4, b"0123"), (3, 4, b"3456"), (8, 50, b"89"), (0, 10, b"0123456789")],
    )
    def test_yields_the_bytes_asked_for(self, folder: Path, offset: int, length: int, expected: bytes):
        with served(folder) as server:
            for source in (FolderSource(folder), WebSource(server.url)):
                assert b"".join(source.stream(BLOB, offset, length)) == expected

    def test_reads_files_within_a_limit(self, folder: Path):
        with served(folder) as server:
            for source in (FolderSource(folder), WebSource(server.url)):
                assert source.read(BLOB, 10) == b"0123456789"
                with pytest.raises(EnvGuardError) as caught:
                    source.read(BLOB, 9)
                assert caught.value.code == "share-invalid"

    def test_says_what_it_does_not_have(self, folder: Path):
        with served(folder) as server:
            for source in (FolderSource(folder), WebSource(server.url)):
                assert code_of(source, "blobs/" + "b" * 64) == "not-shared"

    @pytest.mark.parametrize(
        "name", ["blobs/../x", "/etc/passwd", "blobs/" + "A" * 64, "releases/x.zst", "", BLOB + "\n"]
    )
    def test_refuses_other_names(self, folder: Path, name: str):
        for source in (FolderSource(folder), WebSource("http://127.0.0.1:9")):
            assert code_of(source, name) == "invalid-argument"


class TestFolderSource:
    def test_follows_no_link(self, folder: Path):
        (folder / "blobs" / ("b" * 64)).symlink_to("/etc/passwd")
        assert code_of(FolderSource(folder), "blobs/" + "b" * 64) == "invalid-argument"

    def test_waits_for_no_pipe(self, folder: Path):
        os.mkfifo(folder / "blobs" / ("b" * 64))
        assert code_of(FolderSource(folder), "blobs/" + "b" * 64) == "not-shared"

    def test_is_known_by_its_path(self, folder: Path):
        assert FolderSource(folder).address == str(folder)


class TestSourceAt:
    def test_takes_paths_and_urls(self, tmp_path: Path):
        assert source_at(str(tmp_path)).address == str(tmp_path)
        assert source_at(f"file://{tmp_path}").address == str(tmp_path)
        assert source_at("file:///a%20b").address == "/a b"
        assert isinstance(source_at("https://example.org/share/"), WebSource)

    @pytest.mark.parametrize(
        "address",
        [
            "",
            "share",
            "ftp://example.org",
            "http://",
            "file://host/share",
            "https://e.org/?x",
            "file:///a#b",
            "s3://b",
        ],
    )
    def test_refuses_the_rest(self, address: str):
        with pytest.raises(EnvGuardError) as caught:
            source_at(address)
        assert caught.value.code == "invalid-argument"
