from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.image import bytecode
from jupyter_envguard.image.kept import Kept
from jupyter_envguard.store import Store
from jupyter_envguard.store.resuming import KEPT_SECONDS, forget_old, resuming
from tests.images import environment
from tests.stores import add, in_fork, names

NAME = 32 * "0"
HASH = 64 * "a"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    return store


def left(store: Store) -> int | None:
    """Return how much an interrupted attempt finds; None when nothing can be kept."""
    found: list[int | None] = []
    with pytest.raises(KeyboardInterrupt), resuming(store.layout, NAME, None) as kept:
        found.append(None if kept is None else len(kept))
        raise KeyboardInterrupt
    return found[0]


def interrupt(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), resuming(store.layout, NAME, None) as kept:
        assert kept is not None
        kept.keep("a.py", HASH, b"code")
        raise KeyboardInterrupt


class TestResuming:
    def test_an_interruption_leaves_what_was_done(self, store: Store) -> None:
        interrupt(store)
        assert left(store) == 1

    def test_nothing_stays_of_what_came_to_an_end(self, store: Store) -> None:
        interrupt(store)
        with resuming(store.layout, NAME, None) as kept:
            assert kept is not None
        assert names(store.layout.kept) == []
        interrupt(store)
        with pytest.raises(InvalidInput), resuming(store.layout, NAME, None):
            raise InvalidInput("invalid-argument", "No.", "")
        assert names(store.layout.kept) == []

    def test_nothing_is_kept_for_another_owner(self, store: Store) -> None:
        with resuming(store.layout, NAME, (12345, 12345)) as kept:
            assert kept is None

    @pytest.mark.parametrize("mode", [0o644, 0o620, 0o606])
    def test_a_file_that_others_could_use_is_not_believed(self, store: Store, mode: int) -> None:
        interrupt(store)
        (store.layout.kept / NAME).chmod(mode)
        assert left(store) is None
        assert left(store) == 0

    def test_a_file_of_somebody_else_is_not_believed(self, store: Store) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root gives files away")
        interrupt(store)
        os.chown(store.layout.kept / NAME, 12345, -1)
        assert left(store) is None
        assert left(store) == 0

    def test_a_file_with_another_name_is_not_believed(self, store: Store, tmp_path: Path) -> None:
        interrupt(store)
        (tmp_path / "other").hardlink_to(store.layout.kept / NAME)
        assert left(store) is None
        assert left(store) == 0

    @pytest.mark.parametrize(
        "plant",
        [
            lambda path, other: path.symlink_to(other),
            lambda path, _: os.mkfifo(path, 0o600),
        ],
    )
    def test_what_is_no_file_is_not_believed(
        self, store: Store, tmp_path: Path, plant: Callable[[Path, Path], None]
    ) -> None:
        interrupt(store)
        path = store.layout.kept / NAME
        path.rename(tmp_path / "planted")
        plant(path, tmp_path / "planted")
        assert left(store) is None
        assert left(store) == 0

    def test_a_folder_in_its_place_is_left_alone(self, store: Store) -> None:
        (store.layout.kept / NAME).mkdir()
        assert left(store) is None
        assert names(store.layout.kept) == [NAME]

    @pytest.mark.parametrize("mode", [0o770, 0o707])
    def test_nothing_is_believed_where_others_may_write(self, store: Store, mode: int) -> None:
        interrupt(store)
        store.layout.kept.chmod(mode)
        assert left(store) is None

    def test_nothing_is_believed_below_a_folder_in_which_others_may_write(self, store: Store) -> None:
        interrupt(store)
        store.root.parent.chmod(0o777)
        assert left(store) is None
        store.root.parent.chmod(0o1777)
        assert left(store) == 1


def test_what_is_kept_for_too_long_is_forgotten(store: Store) -> None:
    interrupt(store)
    then = (store.layout.kept / NAME).stat().st_mtime
    assert forget_old(store.layout, then + KEPT_SECONDS - 1) == 0
    assert store.sweep() == 0
    os.utime(store.layout.kept / NAME, (0, 0))
    assert store.sweep() == 1
    assert names(store.layout.kept) == []


def test_a_killed_import_goes_on_where_it_was(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt kills itself once byte code is kept; the second compiles what is missing."""
    pack = environment().write(tmp_path, "tar")
    keep = Kept.keep

    def keep_and_die(self: Kept, path: str, sha256: str, content: bytes) -> None:
        keep(self, path, sha256, content)
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(Kept, "keep", keep_and_die)
        _, status = os.waitpid(in_fork(lambda: add(store, pack)), 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    asked: list[str] = []
    compile_ = bytecode.Compilers.compile

    def counted(self: bytecode.Compilers, path: str, source: bytes) -> object:
        asked.append(path)
        return compile_(self, path, source)

    monkeypatch.setattr(bytecode.Compilers, "compile", counted)
    image = add(store, pack)
    assert len(asked) == 1
    assert names(store.layout.kept) == []
    other = add(Store(tmp_path / "other"), environment().write(tmp_path, "tar", "same"))
    assert {line.content for line in image.manifest.lines if line.path.endswith(".pyc")} == {
        line.content for line in other.manifest.lines if line.path.endswith(".pyc")
    }
    assert store.verify(image) == ()
