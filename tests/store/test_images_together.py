"""The store when processes, users and full disks come together."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.errors import EnvGuardError, NotFound, Unavailable
from jupyter_envguard.image import build
from jupyter_envguard.store import Store
from jupyter_envguard.store import images as module
from tests.images import environment, plain
from tests.stores import (
    NOBODY,
    add,
    in_fork,
    inventory_of,
    is_clean,
    killed_at,
    names,
    outcome,
    root_only,
    steps_of,
)


class TestManyProcesses:
    def test_32_that_race_make_one_image_once(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pack, made = environment().write(tmp_path, "tar"), tmp_path / "made"
        made.touch()

        def counted(*arguments: Any, **more: Any) -> Any:
            with made.open("a") as file:
                file.write("x")
            return build(*arguments, **more)

        monkeypatch.setattr(module, "build", counted)
        children = [in_fork(lambda: add(store, pack)) for _ in range(32)]
        assert [outcome(child) for child in children] == [0] * 32
        assert made.read_text() == "x"
        image = store.get(inventory_of(pack).digest)
        assert store.verify(image) == ()
        assert is_clean(store)

    def test_readers_never_see_half_an_image(self, store: Store, pack: Path) -> None:
        digest = inventory_of(pack).digest
        add(store, pack)

        def churn() -> None:
            for _ in range(10):
                store.remove(digest)
                add(store, pack)

        child = in_fork(churn)
        seen = 0
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            try:
                image = store.get(digest)
            except NotFound:
                continue
            assert image.manifest_digest
            seen += 1
        assert seen

    def test_kills_while_removing_leave_all_or_nothing(self, store: Store, pack: Path) -> None:
        digest, chance = inventory_of(pack).digest, random.Random(7)
        image = add(store, pack)
        steps = steps_of(lambda: store.remove(digest))
        for _ in range(20):
            add(store, pack)
            at = chance.randint(1, steps)
            killed_at(at, lambda: store.remove(digest))
            try:
                assert store.verify(store.get(digest)) == ()
            except NotFound:
                continue
        store.sweep()
        assert add(store, pack) == image
        assert store.verify(image) == ()


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A function that mounts a tmpfs with options, or skips the test where that is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], check=False, capture_output=True)


@root_only
class TestDisk:
    @pytest.fixture
    def big(self, tmp_path: Path) -> Path:
        return plain().file("share/big", os.urandom(4 << 20)).write(tmp_path, "tar", "big")

    def test_a_full_disk_changes_nothing(self, mounted: Callable[[str], Path], big: Path, pack: Path) -> None:
        disk = mounted("size=2m,mode=755")
        store = Store(disk / "store")
        small = add(store, pack)
        with pytest.raises(Unavailable) as caught:
            add(store, big)
        assert caught.value.code == "disk-full"
        assert "share/big" in caught.value.message
        assert is_clean(store)
        assert store.verify(small) == ()
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        assert store.verify(add(store, big)) == ()

    def test_a_disk_without_room_for_names_changes_nothing(
        self, mounted: Callable[[str], Path], tmp_path: Path
    ) -> None:
        store = Store(mounted("nr_inodes=60,mode=755") / "store")
        builder = plain()
        for number in range(80):
            builder.file(f"share/{number}")
        with pytest.raises(Unavailable) as caught:
            add(store, builder.write(tmp_path, "tar"))
        assert caught.value.code == "disk-full"
        assert is_clean(store)

    def test_a_read_only_disk_is_named(self, mounted: Callable[[str], Path], pack: Path) -> None:
        store = Store(mounted("mode=755") / "store")
        add(store, pack)
        subprocess.run(["mount", "-o", "remount,ro", str(store.root.parent)], check=True)
        assert store.verify(add(store, pack)) == ()  # nothing has to be written for what is there
        with pytest.raises(Unavailable) as caught:
            store.remove(inventory_of(pack).digest)
        assert caught.value.code == "permission-denied"

    def test_a_disk_from_which_nothing_starts_is_a_weakness(
        self, mounted: Callable[[str], Path], pack: Path
    ) -> None:
        store = Store(mounted("noexec,mode=755") / "store")
        add(store, pack)
        assert "noexec" in store.weaknesses()[-1].message


def reachable_python() -> tuple[str, str] | None:
    """Return a Python that every user of this machine can start, and where its library is."""
    program = "import sys; print(sys.base_prefix); sys.exit(sys.version_info < (3, 11))"
    for path in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            command = [path, "-c", program]
            done = subprocess.run(command, user=NOBODY, env={}, cwd="/", capture_output=True, text=True)
            if done.returncode == 0:
                return path, done.stdout.strip()
    return None


@root_only
class TestOwners:
    @pytest.fixture
    def theirs(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
        """A store that another user owns, and who can start the Python that we run."""
        if (python := reachable_python()) is None:
            pytest.skip("no Python here can be started by another user than root")
        for name, value in zip(("executable", "base_prefix"), python, strict=True):
            monkeypatch.setattr(sys, name, value)
        folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
        folder.chmod(0o755)
        (folder / "store").mkdir()
        os.chown(folder / "store", NOBODY, NOBODY)
        yield Store(folder / "store")
        shutil.rmtree(folder)

    def as_nobody(self, act: Callable[[], Any]) -> int:
        def become() -> None:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            act()

        return outcome(in_fork(become))

    def test_what_root_adds_belongs_to_the_owner_of_the_store(self, theirs: Store, pack: Path) -> None:
        image = add(theirs, pack)
        assert theirs.verify(image) == ()
        everything = [path.lstat() for path in theirs.root.rglob("*")]
        assert {(there.st_uid, there.st_gid) for there in everything} == {(NOBODY, NOBODY)}

    def test_the_owner_removes_what_root_added_and_adds_again(self, theirs: Store, tmp_path: Path) -> None:
        pack = environment().write(theirs.root.parent, "tar")
        pack.chmod(0o644)
        image = add(theirs, pack)
        assert self.as_nobody(lambda: theirs.remove(image.pack)) == 0
        assert not image.path.exists()
        assert self.as_nobody(lambda: add(theirs, pack)) == 0
        assert theirs.verify(image) == ()
        assert is_clean(theirs)

    def test_others_than_the_owner_add_nothing(self, store: Store, theirs: Store, pack: Path) -> None:
        os.chown(theirs.root, 0, 0)
        theirs.root.chmod(0o777 & ~stat.S_IWOTH)
        public = shutil.copy(pack, theirs.root.parent)
        os.chmod(public, 0o644)

        def refused() -> None:
            with pytest.raises(Unavailable, match="only that user and root") as caught:
                add(theirs, Path(public))
            assert caught.value.code == "permission-denied"

        assert self.as_nobody(refused) == 0
        assert names(theirs.root) == []

    def test_users_read_but_do_not_change(self, theirs: Store, pack: Path) -> None:
        os.chown(theirs.root, 0, 0)
        image = add(theirs, pack)

        def reads() -> None:
            assert theirs.get(image.pack).spec().packages
            assert theirs.verify(image) == ()
            for act in (lambda: theirs.remove(image.pack), theirs.sweep):
                with pytest.raises(EnvGuardError) as caught:
                    act()
                assert caught.value.code == "permission-denied"

        assert self.as_nobody(reads) == 0

    def test_a_python_that_the_owner_cannot_start_is_named(
        self, theirs: Store, pack: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "executable", "/root/hidden/python")
        with pytest.raises(Unavailable, match=f"/root/hidden/python cannot be started as uid {NOBODY}"):
            add(theirs, pack)
        assert is_clean(theirs)
