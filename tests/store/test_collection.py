from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from jupyter_envguard.errors import Unavailable
from jupyter_envguard.store import Image, Presence, Store, leased, mounts
from jupyter_envguard.store import collection as module
from jupyter_envguard.store.collection import collect
from jupyter_envguard.store.mounts import Mount, mount_at
from jupyter_envguard.store.objects import Objects
from jupyter_envguard.store.tiers import best
from tests.stores import is_clean, shared


class TestImages:
    def test_what_the_catalog_names_stays(self, store: Store, image: Image, other: Image) -> None:
        found = collect(store, [image.pack], grace=0)
        assert found.removed == (other.path.name,)
        assert found.kept == ((image.path.name, "referenced"),)
        assert store.verify(image) == ()
        assert is_clean(store)

    def test_what_a_kernel_uses_stays(self, store: Store, image: Image) -> None:
        with leased(image):
            assert collect(store, [], grace=0).kept == ((image.path.name, "leased"),)
        assert collect(store, [], grace=0).removed == (image.path.name,)

    def test_what_is_young_stays(self, store: Store, image: Image) -> None:
        assert collect(store, []).kept == ((image.path.name, "young"),)

    def test_what_is_from_the_future_stays(
        self, store: Store, image: Image, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module.time, "time", lambda: 0.0)
        assert collect(store, [], grace=3600).kept == ((image.path.name, "young"),)

    def test_what_somebody_works_on_stays(self, store: Store, image: Image) -> None:
        with store.shelf.lock(image.path.name, 0):
            assert collect(store, [], grace=0).kept == ((image.path.name, "busy"),)
        assert store.verify(image) == ()

    def test_what_is_used_in_the_last_moment_stays(
        self, store: Store, image: Image, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "is_leased", lambda _: False)
        with leased(image):
            assert collect(store, [], grace=0).kept == ((image.path.name, "leased"),)
        assert store.verify(image) == ()

    def test_what_is_mounted_goes_when_nobody_works_in_it(self, store: Store, image: Image) -> None:
        if best() is None:
            pytest.skip("nothing can be mounted here")
        Presence(store).mount(image)
        with open(image.path / "share/doc/NEWS"):
            assert collect(store, [], grace=0).kept == ((image.path.name, "mounted"),)
        assert store.verify(image) == ()
        assert collect(store, [], grace=0).removed == (image.path.name,)
        assert mount_at(image.path) is None
        assert is_clean(store)
        assert list(Objects(store.layout).all()) == []

    def test_a_mount_that_fails_otherwise_is_an_error(
        self, store: Store, image: Image, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_: Path) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(module, "mount_at", lambda _: Mount("erofs", "x", frozenset()))
        monkeypatch.setattr(mounts, "unmount", fail)
        with pytest.raises(Unavailable) as caught:
            collect(store, [], grace=0)
        assert caught.value.code == "io-error"

    def test_a_damaged_image_goes_as_well(self, store: Store, image: Image) -> None:
        (image.meta / "manifest").chmod(0o644)
        (image.meta / "manifest").write_text("x")
        assert collect(store, [], grace=0, dry_run=True).removed == (image.path.name,)
        assert collect(store, [], grace=0).removed == (image.path.name,)

    def test_leftovers_go(self, store: Store, image: Image) -> None:
        (store.root / ".staging" / ("0" * 32)).mkdir()
        assert collect(store, [image.pack]).leftovers == 1
        assert is_clean(store)


class TestObjects:
    def test_go_when_no_image_needs_them(self, store: Store, image: Image, other: Image) -> None:
        own = {name: size for name, size in shared(other).items() if name not in shared(image)}
        found = collect(store, [image.pack], grace=0)
        assert (found.objects, found.size, found.is_complete) == (len(own), sum(own.values()), True)
        assert {path.name: there.st_size for path, there in Objects(store.layout).all()} == shared(image)

    def test_stay_while_somebody_adds(self, store: Store, image: Image) -> None:
        objects = len(shared(image))
        with Objects(store.layout).adding(0):
            found = collect(store, [], grace=0)
        assert (found.objects, found.is_complete) == (0, False)
        assert collect(store, [], grace=0).objects == objects


class TestDryRun:
    def test_says_the_same_and_changes_nothing(self, store: Store, image: Image, other: Image) -> None:
        before = sorted(str(path) for path in store.root.rglob("*"))
        said = collect(store, [image.pack], grace=0, dry_run=True)
        assert sorted(str(path) for path in store.root.rglob("*")) == before
        done = collect(store, [image.pack], grace=0)
        assert (said.removed, said.objects, said.size) == (done.removed, done.objects, done.size)

    def test_counts_no_file_that_is_a_copy(self, store: Store, image: Image) -> None:
        path = image.path / "lib/R/library.rds"
        copy = path.with_name("copy")
        for folder in (path.parent,):
            folder.chmod(0o755)
        copy.write_bytes(path.read_bytes())
        copy.rename(path)
        objects = len(shared(image))
        # the object has no link any more
        assert collect(store, [], grace=0, dry_run=True).objects == objects
        path.unlink()
        assert collect(store, [], grace=0, dry_run=True).objects == objects

    def test_of_nothing_is_nothing(self, store: Store) -> None:
        assert collect(store, []).removed == ()
        assert not store.root.exists()


def test_a_failure_that_is_no_lock_is_not_taken_for_one(
    store: Store, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Unavailable("io-error", "The disk does not answer.")

    for place in (type(store.shelf), "lock"), (Objects, "collecting"):
        with monkeypatch.context() as patch:
            patch.setattr(*place, fail)
            with pytest.raises(Unavailable) as caught:
                collect(store, [], grace=0)
        assert caught.value.code == "io-error"
