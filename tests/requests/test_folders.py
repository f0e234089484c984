from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_envguard.requests.folders import content_of, is_open_to_others, names_in, opened, owner_of
from jupyter_envguard.requests.request import FILE_BYTES

ME = frozenset({os.geteuid()})


def test_a_folder_says_whose_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with opened(tmp_path) as folder:
        assert owner_of(folder) == os.geteuid()
        assert not is_open_to_others(folder)
    tmp_path.chmod(0o775)
    with opened(tmp_path) as folder:
        assert is_open_to_others(folder)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "file").write_text("x")
    (tmp_path / "to").symlink_to("file")
    with pytest.raises(OSError), opened(tmp_path / "link"):
        pass
    with opened(tmp_path) as folder:
        with pytest.raises(OSError), opened("link", folder):
            pass
        with pytest.raises(OSError):
            content_of("to", folder, ME)


def test_names_are_bounded(tmp_path: Path) -> None:
    for name in "cab":
        (tmp_path / name).touch()
    with opened(tmp_path) as folder:
        assert names_in(folder, 3) == ["a", "b", "c"]
        assert len(names_in(folder, 1)) == 2


def test_only_ordinary_files_of_the_owner_within_the_limit_are_read(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(b"x" * FILE_BYTES)
    (tmp_path / "large").write_bytes(b"x" * (FILE_BYTES + 1))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with opened(tmp_path) as folder:
        assert content_of("good", folder, ME) == b"x" * FILE_BYTES
        assert content_of("good", folder, frozenset()) is None
        assert content_of("large", folder, ME) is None
        assert content_of("pipe", folder, ME) is None
        with pytest.raises(OSError):
            content_of("folder", folder, ME)
