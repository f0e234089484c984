from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from demo import shelf

SPAWN = multiprocessing.get_context("spawn")


def _count_and_make(path: Path) -> None:
    with (path.parent.parent / "calls").open("a") as file:
        file.write("x")
    path.write_text("made")


def _make_once(target: Path) -> None:
    shelf.once(target, _count_and_make)


def _die_half_way(target: Path) -> None:
    def make(path: Path) -> None:
        path.mkdir()
        (path / "half").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)

    shelf.once(target, make)


def test_key_tells_apart_what_joins_to_the_same_text() -> None:
    assert shelf.key(["ab", "c"]) != shelf.key(["a", "bc"])


def test_key_takes_text_and_bytes_alike() -> None:
    assert shelf.key(["recipe"]) == shelf.key([b"recipe"])
    assert len(shelf.key([])) == shelf.KEY_LENGTH


def test_several_processes_make_a_thing_once(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "thing"
    processes = [SPAWN.Process(target=_make_once, args=(target,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert target.read_text() == "made"
    assert (tmp_path / "folder" / "calls").read_text() == "x"


def test_what_failed_leaves_nothing_and_is_tried_again(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        shelf.once(tmp_path / "thing", fail)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert shelf.once(tmp_path / "thing", _count_and_make).read_text() == "made"


def test_the_leftovers_of_a_killed_process_are_swept_by_the_next(tmp_path: Path) -> None:
    process = SPAWN.Process(target=_die_half_way, args=(tmp_path / "thing",))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (tmp_path / "thing").exists()
    assert (tmp_path / ".work" / "thing" / "half").exists()
    assert shelf.once(tmp_path / "thing", _count_and_make).read_text() == "made"
    assert not (tmp_path / ".work").exists()


def test_sweep_removes_only_matching_folders_that_are_old(tmp_path: Path) -> None:
    for name, age in (("packs-old", shelf.KEPT_SECONDS + 60), ("packs-new", 0), ("wheels-old", 10**8)):
        folder = tmp_path / name
        folder.mkdir()
        then = folder.stat().st_mtime - age
        os.utime(folder, (then, then))
    shelf.sweep(tmp_path, "packs-*")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["packs-new", "wheels-old"]
