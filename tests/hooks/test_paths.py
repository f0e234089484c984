"""The guard's own functions on paths agree with those of Python."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_envguard.hooks import paths

TEXTS = (
    "/",
    "/a",
    "/a/b",
    "/a//b",
    "a",
    "a/b",
    "",
    "/a/",
    "//a",
    "./a/../b",
    "/..",
    "/../a/.",
    "../x",
    "/a/./b/..",
)


@pytest.mark.parametrize("text", TEXTS)
def test_paths_are_taken_apart_as_python_does(text: str) -> None:
    assert paths.abspath(text) == os.path.abspath(text).replace("//", "/")
    assert paths.split_path(text)[1] == os.path.split(text)[1]
    assert (paths.split_path(text)[0] or "") == os.path.split(text)[0].replace("//", "/")


class TestLinks:
    @pytest.fixture
    def place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        (tmp_path / "folder/inner").mkdir(parents=True)
        (tmp_path / "folder/file").touch()
        (tmp_path / "relative").symlink_to("folder/inner")
        (tmp_path / "absolute").symlink_to(tmp_path / "folder")
        (tmp_path / "twice").symlink_to("absolute/../relative/../file")
        (tmp_path / "nowhere").symlink_to("gone/x")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.mark.parametrize(
        "text",
        [
            "folder",
            "relative",
            "absolute/inner",
            "twice",
            "nowhere",
            "relative/../file",
            "gone/../folder",
            "x/y",
        ],
    )
    def test_are_followed_as_python_follows_them(self, place: Path, text: str) -> None:
        assert paths.realpath(text) == os.path.realpath(text)
        assert paths.realpath(str(place / text)) == os.path.realpath(place / text)

    def test_that_lead_in_a_circle_are_not_followed_for_ever(self, place: Path) -> None:
        (place / "circle").symlink_to("circle")
        assert paths.realpath(str(place / "circle")) == str(place / "circle")

    def test_files_are_told_from_folders_and_from_nothing(self, place: Path) -> None:
        assert [paths.isfile(name) for name in ("twice", "folder", "nowhere")] == [True, False, False]
        assert [paths.lexists(name) for name in ("twice", "nowhere", "gone")] == [True, True, False]


def test_what_cannot_be_read_is_empty(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes("ä\xff".encode("latin-1") + b"b")
    assert paths.text_of(str(tmp_path / "text"), 100) == "\ufffd\ufffdb"
    assert paths.text_of(str(tmp_path / "text"), 1) == "\ufffd"
    assert paths.text_of(str(tmp_path / "none"), 1) == ""
    assert paths.listed(str(tmp_path)) == ["text"]
    assert paths.listed(str(tmp_path / "none")) == []
