"""Images without a tree: what they consist of, what is noticed, and that nobody collects it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError, Untrusted
from jupyter_envguard.image import Finding
from jupyter_envguard.store import Image, Store
from jupyter_envguard.store.bare import SMALL, is_bare, needed, read_small
from jupyter_envguard.store.collection import collect
from jupyter_envguard.store.objects import Objects, is_shared
from jupyter_envguard.store.scrub import scrub
from tests.images import plain
from tests.stores import add, as_bare, is_clean, names

BIG = bytes(range(256)) * 20


@pytest.fixture
def image(store: Store, tmp_path: Path) -> Image:
    pack = plain().file("share/big", BIG[1:]).file("bin/run", BIG[1:], mode=0o755).file("share/none", b"")
    return as_bare(store, add(store, pack.write(tmp_path, "tar", "bare")))


def big(store: Store, image: Image) -> Path:
    """Return the object of a file of the image."""
    line = next(line for line in image.manifest.lines if line.path == "share/big")
    return Objects(store.layout).path(line)


class TestReceiving:
    def test_makes_no_tree(self, store: Store, image: Image) -> None:
        assert is_bare(image.meta)
        assert os.listdir(image.path) == []
        assert store.get(image.pack) == image
        assert is_clean(store)
        objects = [there for _, there in Objects(store.layout).all()]
        assert {there.st_nlink for there in objects} == {1}
        lines = [line for line in image.manifest.lines if line.kind == "f" and is_shared(line)]
        assert len(objects) == len({(line.content, line.mode) for line in lines})

    def test_keeps_what_is_no_object(self, image: Image) -> None:
        small = read_small(image.manifest, image.meta)
        assert b"nothing new\n" in small.values()
        assert b"" in small.values()

    def test_shares_with_images_that_have_a_tree(self, store: Store, image: Image, pack: Path) -> None:
        add(store, pack)
        counts = {there.st_nlink for path, there in Objects(store.layout).all()}
        assert counts == {1, 2}
        assert store.verify(image) == ()


class TestVerify:
    def test_finds_nothing_in_what_is_whole(self, store: Store, image: Image) -> None:
        assert store.verify(image) == store.verify(image, "stat") == ()

    def test_an_object_that_is_gone(self, store: Store, image: Image) -> None:
        big(store, image).unlink()
        assert [finding.path for finding in store.verify(image, "stat")] == ["share/big"]

    def test_a_byte_of_an_object(self, store: Store, image: Image) -> None:
        path = big(store, image)
        before = path.stat()
        path.chmod(0o644)
        path.write_bytes(b"x" + BIG[2:])
        path.chmod(0o444)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert store.verify(image, "stat") == ()
        assert [finding.path for finding in store.verify(image)] == ["share/big"]

    @pytest.mark.parametrize("content", [b"", b"evil", b"x" * 5000])
    def test_the_small_contents(self, store: Store, image: Image, content: bytes) -> None:
        (image.meta / SMALL).chmod(0o644)
        (image.meta / SMALL).write_bytes(content)
        (finding,) = store.verify(image, "stat")
        assert (finding.path, finding.problem) == (SMALL, "changed")
        with pytest.raises(Untrusted) as caught:
            read_small(image.manifest, image.meta)
        assert caught.value.code == "image-damaged"


class TestScrub:
    def test_finds_nothing_in_what_is_whole(self, store: Store, image: Image) -> None:
        assert list(scrub(store)) == []

    def test_sets_aside_what_lost_an_object(self, store: Store, image: Image) -> None:
        path = big(store, image)
        path.chmod(0o644)
        path.write_bytes(b"evil")
        first, second = scrub(store)
        assert (first.name, second.pack) == (path.name, image.pack)
        assert second.findings == (
            Finding("share/big", "changed", "Its object was written to, replaced or removed."),
        )
        assert names(store.layout.meta) == []
        assert len(names(store.layout.quarantine)) == 2


class TestCollecting:
    def test_takes_no_object_that_is_needed(self, store: Store, image: Image) -> None:
        before = {path for path, _ in Objects(store.layout).all()}
        assert {f"{path.parent.name}/{path.name}" for path in before} == needed(store.layout)
        assert collect(store, [image.pack], grace=0).objects == 0
        assert {path for path, _ in Objects(store.layout).all()} == before
        assert store.verify(image) == ()

    def test_takes_them_with_the_image(self, store: Store, image: Image) -> None:
        count = len(list(Objects(store.layout).all()))
        said = collect(store, [], grace=0, dry_run=True)
        done = collect(store, [], grace=0)
        assert said.removed == done.removed == (image.path.name,)
        assert said.objects == done.objects == count
        assert said.size == done.size
        assert list(Objects(store.layout).all()) == []

    def test_leaves_all_objects_when_one_cannot_know(self, store: Store, image: Image, pack: Path) -> None:
        other = add(store, pack)
        (image.meta / "manifest").chmod(0o644)
        (image.meta / "manifest").write_text("x")
        before = len(list(Objects(store.layout).all()))
        for dry_run in (True, False):
            found = collect(store, [image.pack, other.pack], grace=0, dry_run=dry_run)
            assert (found.objects, found.is_complete) == (0, False)
        assert len(list(Objects(store.layout).all())) == before


def test_removing_one_leaves_what_is_collected(store: Store, image: Image) -> None:
    store.remove(image.pack)
    assert is_clean(store)
    assert collect(store, [], grace=0).is_complete
    assert list(Objects(store.layout).all()) == []


def test_a_disk_that_fails_is_not_taken_for_a_damage(
    store: Store, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr("jupyter_envguard.store.bare.read_bounded", fail)
    with pytest.raises(EnvGuardError) as caught:
        store.verify(image)
    assert caught.value.code == "io-error"
