"""Programs that make forms: what they are fed, and what is told of their failures."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import IO

import pytest

from jupyter_envguard.errors import Unavailable
from jupyter_envguard.store.layout import Layout
from jupyter_envguard.store.making import Making, Place, run
from jupyter_envguard.store.objects import Objects
from tests.images import plain, sealed


def test_a_program_that_fails_is_quoted_in_part() -> None:
    with pytest.raises(Unavailable, match="false failed: exit code 1") as caught:
        run("false")
    assert caught.value.code == "form-failed"
    with pytest.raises(Unavailable, match="failed: No such file"):
        run("no-such-program")


def test_a_program_is_fed_to_the_end() -> None:
    run("sh", "-c", "test $(wc -c) = 100000", feed=lambda pipe: pipe.write(b"x" * 100_000) and None)


def test_a_program_that_stops_eating_says_why() -> None:
    with pytest.raises(Unavailable, match="sh failed: enough"):
        run("sh", "-c", "echo enough >&2; exit 3", feed=lambda pipe: pipe.write(b"x" * 10_000_000) and None)


def test_a_tree_that_cannot_be_read_is_an_error_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    tree, manifest, _ = sealed(plain(), tmp_path / "image")
    place = Place(tmp_path, tmp_path, tmp_path)
    making = Making(tree, manifest, Objects(Layout(tmp_path)), {}, tmp_path, place, (0, 0))
    line = next(line for line in manifest.lines if line.kind == "f")
    assert making.rest_of(line) == (tree / line.path).read_bytes()
    monkeypatch.setattr("jupyter_envguard.store.making.read_bounded", fail)
    with pytest.raises(OSError, match="Input/output"):
        making.rest_of(line)


def test_a_file_that_is_missing_while_feeding_is_no_missing_program() -> None:
    def feed(pipe: object) -> None:
        os.stat("/no/such/file")

    with pytest.raises(FileNotFoundError, match="/no/such/file"):
        run("cat", feed=feed)


def test_a_feeder_that_fails_ends_the_program() -> None:
    def feed(pipe: IO[bytes]) -> None:
        pipe.write(b"not yet sent")
        raise OSError(5, "the disk does not answer")

    with pytest.raises(OSError, match="does not answer"):
        run("cat", feed=feed)
