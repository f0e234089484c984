"""The store when the disk fails at each call in turn, is full at each size, and when its world changes."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.errors import EnvGuardError, InvalidInput, NotFound, Unavailable
from jupyter_envguard.image import Image
from jupyter_envguard.store import Gathering, Store
from jupyter_envguard.store.collection import collect
from jupyter_envguard.store.images import Fill
from jupyter_envguard.store.presence import Presence
from jupyter_envguard.store.tiers import TIERS, best
from tests.disks import FailingCalls, tiny_disk
from tests.forms import documents_of, form_of, received
from tests.images import plain
from tests.packs import PackBuilder
from tests.stores import add, as_bare, is_clean, names, root_only

CODES = {errno.ENOSPC: "disk-full", errno.EIO: "io-error"}
TRIES = 50
STEP_KIBIBYTES = 16
"""By how much the disk grows from one attempt to the next."""


def release() -> PackBuilder:
    return plain().file("share/own", bytes(range(256)) * 30).file("share/small", b"x" * 100)


def filler(image: Image) -> Fill:
    """Return what puts the contents of `image`, which may be gone by then."""
    files = [line for line in image.manifest.lines if line.kind == "f"]
    contents = {line.content: (image.path / line.path).read_bytes() for line in files}

    def fill(gathering: Gathering) -> None:
        for wanted in gathering.missing():
            gathering.put(wanted, [contents[wanted.sha256]])

    return fill


@pytest.fixture
def image(store: Store, pack: Path) -> Image:
    return add(store, pack)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return release().write(tmp_path, "tar", "other")


@pytest.mark.parametrize("number", CODES)
class TestEveryCall:
    """One call after the other fails; nothing of what was there is lost, and the next attempt succeeds."""

    def each(
        self,
        monkeypatch: pytest.MonkeyPatch,
        number: int,
        act: Callable[[], Any],
        check: Callable[[], Any],
    ) -> None:
        with monkeypatch.context() as patch:
            counted = FailingCalls(patch, 0, number)
            act()
        check()
        assert counted.calls
        for which in range(1, counted.calls + 1):
            with monkeypatch.context() as patch:
                FailingCalls(patch, which, number)
                try:
                    act()
                except EnvGuardError as error:
                    assert error.code in (CODES[number], "file-not-found"), which
            check()

    def test_of_adding(
        self, store: Store, image: Image, other: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        def check() -> None:
            assert store.verify(image) == ()
            added = add(store, other)
            assert store.verify(added) == ()
            store.remove(added.pack)
            store.sweep()
            assert is_clean(store)

        self.each(monkeypatch, number, lambda: add(store, other), check)

    def test_of_receiving(
        self, store: Store, image: Image, other: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        made = add(store, other)
        documents, fill = made.documents(), filler(made)

        def check() -> None:
            assert store.verify(image) == ()
            received = store.receive(documents, fill)
            assert store.verify(received) == ()
            store.remove(received.pack)
            store.sweep()
            collect(store, [image.pack], grace=0)
            assert is_clean(store)

        check()
        self.each(monkeypatch, number, lambda: store.receive(documents, fill), check)

    @pytest.mark.parametrize("form", ["tree", "mounted"])
    def test_of_bringing_what_has_no_tree(
        self, store: Store, image: Image, other: Path, monkeypatch: pytest.MonkeyPatch, number: int, form: str
    ) -> None:
        """Received as objects, then brought to its path: mounted, or as a tree where nothing can be."""
        if form == "tree":
            monkeypatch.setattr("jupyter_envguard.store.presence.best", lambda: None)
        elif best() is None:
            pytest.skip("nothing can be mounted here")
        made, presence = add(store, other), Presence(store)
        documents, fill = made.documents(), filler(made)
        store.remove(made.pack)

        def act() -> None:
            presence.present(store.receive(documents, fill, bare=True))

        def check() -> None:
            assert store.verify(image) == ()
            received = store.receive(documents, fill, bare=True)
            presence.present(received)
            assert store.verify(received) == presence.check(received) == ()
            presence.unmount(received, forget=True)
            store.remove(received.pack)
            collect(store, [image.pack], grace=0)
            assert is_clean(store)

        self.each(monkeypatch, number, act, check)

    @root_only
    def test_of_bringing_one_file(
        self, store: Store, image: Image, other: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        """Received as the attested file, mounted, brought to the disk, unmounted."""
        if TIERS["erofs"].obstacle():
            pytest.skip("no EROFS can be made or mounted here")
        made, presence = add(store, other), Presence(store)
        (form, content), documents = form_of(store, made), documents_of(made)
        store.remove(made.pack)

        def act() -> Image:
            there = received(store, made.pack, form, content, documents)
            presence.mount(there)
            presence.settle(there)
            assert presence.check(there) == ()
            presence.unmount(there)
            return there

        def check() -> None:
            assert store.verify(image) == ()
            there = act()
            assert store.verify(there) == ()
            store.remove(there.pack)
            collect(store, [image.pack], grace=0)
            assert is_clean(store)
            assert names(store.layout.forms) == []

        self.each(monkeypatch, number, act, check)

    def test_of_removing_and_collecting(
        self, store: Store, image: Image, other: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        def check() -> None:
            assert store.verify(image) == ()
            assert store.verify(add(store, other)) == ()

        check()
        self.each(monkeypatch, number, lambda: collect(store, [image.pack], grace=0), check)

    def test_of_mounting(
        self, store: Store, image: Image, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        if best() is None:
            pytest.skip("nothing can be mounted here")
        presence = Presence(store)

        def check() -> None:
            presence.mount(image)
            assert store.verify(image) == ()
            presence.unmount(image, forget=True)
            assert store.verify(image) == ()

        def both() -> None:
            presence.mount(image)
            presence.unmount(image, forget=True)

        self.each(monkeypatch, number, both, check)


def make_read_only(disk: Path) -> None:
    """Remount `disk`, which Linux may refuse at first for files that were just deleted."""
    command = ["mount", "-o", "remount,ro", str(disk)]
    assert any(subprocess.run(command, capture_output=True).returncode == 0 for _ in range(TRIES))


@root_only
class TestSizes:
    def test_a_disk_of_any_size_has_all_or_nothing(self, tmp_path: Path, pack: Path, other: Path) -> None:
        with tiny_disk(tmp_path / "disk", 128) as disk:
            store = Store(disk / "store")
            image = add(store, pack)
            for size in range(128, 4096, STEP_KIBIBYTES):
                subprocess.run(["mount", "-o", f"remount,size={size}k", str(disk)], check=True)
                try:
                    added = add(store, other)
                except Unavailable as error:
                    assert error.code == "disk-full"
                    assert is_clean(store)
                    assert store.verify(image) == ()
                else:
                    assert store.verify(added) == ()
                    break
            else:
                pytest.fail("it never fitted")

    def test_a_disk_of_any_size_mounts_all_or_has_nothing(
        self, tmp_path: Path, pack: Path, other: Path
    ) -> None:
        if best() is None:
            pytest.skip("nothing can be mounted here")
        with tiny_disk(tmp_path / "disk", 4096) as disk:
            store, presence = Store(disk / "store"), Presence(Store(disk / "store"))
            image, made = add(store, pack), add(store, other)
            documents, fill = made.documents(), filler(made)
            store.remove(made.pack)
            collect(store, [image.pack], grace=0)
            used = 4096 - shutil.disk_usage(disk).free // 1024
            for size in range(used + 4, 4096, STEP_KIBIBYTES):
                subprocess.run(["mount", "-o", f"remount,size={size}k", str(disk)], check=True)
                try:
                    received = store.receive(documents, fill, bare=True)
                    tier = presence.present(received)
                except Unavailable as error:
                    assert error.code == "disk-full"
                    assert store.verify(image) == ()
                else:
                    assert store.verify(received) == presence.check(received) == ()
                    presence.unmount(received)
                    if tier != "tree":
                        break
                    store.remove(received.pack)
                    collect(store, [image.pack], grace=0)
            else:
                pytest.fail("it never fitted")

    def test_a_read_only_disk_is_looked_at_and_not_changed(
        self, tmp_path: Path, pack: Path, other: Path
    ) -> None:
        with tiny_disk(tmp_path / "disk", 4096) as disk:
            store = Store(disk / "store")
            image, bare = add(store, pack), as_bare(store, add(store, other))
            make_read_only(disk)
            assert store.verify(image) == Presence(store).check(image) == ()
            bare_path = bare.path.name
            assert store.verify(bare) == store.verify(bare, "stat") == ()
            assert set(collect(store, [], grace=0, dry_run=True).removed) == {image.path.name, bare_path}
            for act in (
                lambda: Presence(store).present(bare),
                lambda: collect(store, [], grace=0),
                lambda: store.remove(image.pack),
                lambda: Presence(store).unmount(image),
            ):
                with pytest.raises(EnvGuardError) as caught:
                    act()
                assert caught.value.code == "permission-denied"
            assert store.verify(image) == ()


class TestWorld:
    def test_a_path_without_room_in_a_placeholder_changes_nothing(self, tmp_path: Path) -> None:
        pack = PackBuilder().file("lib/short.so", b"\x7fELF\0/short/placeholder\0", mode=0o755)
        pack.prefixes.append(("lib/short.so", "/short/placeholder", "binary"))
        pack.record("short", paths=[("lib/short.so", "/short/placeholder", "binary")])
        store = Store(tmp_path / "store")
        with pytest.raises(InvalidInput) as caught:
            add(store, pack.write(tmp_path, "tar", "short"))
        assert caught.value.code == "image-prefix-too-long"
        assert is_clean(store)

    @pytest.mark.parametrize("year", [1971, 2100])
    def test_a_wrong_clock_changes_neither_images_nor_what_is_kept(
        self, store: Store, image: Image, other: Path, monkeypatch: pytest.MonkeyPatch, year: int
    ) -> None:
        monkeypatch.setattr("time.time", lambda: (year - 1970) * 365.25 * 86400)
        added = add(store, other)
        assert store.verify(added) == store.verify(image, "stat") == ()
        collect(store, [image.pack, added.pack], grace=3600)
        assert store.get(image.pack) == image
        assert store.get(added.pack) == added

    def test_what_is_gone_is_named(self, store: Store, image: Image) -> None:
        os.rename(store.root, store.root.with_name("gone"))
        with pytest.raises(NotFound):
            store.get(image.pack)
