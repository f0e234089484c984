from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.errors import Unavailable
from jupyter_envguard.image import Line, Manifest
from jupyter_envguard.store import Image, Store
from jupyter_envguard.store.objects import Objects, Sharing, hash_of
from tests.images import plain, snapshot
from tests.packs import PackBuilder
from tests.stores import add, shared

BIG = bytes(range(256)) * 20


def more(name: str) -> PackBuilder:
    """Return another release of the same things."""
    return plain().file(f"share/{name}", name.encode() * 2000)


def line(image: Image, path: str) -> Line:
    return next(line for line in image.manifest.lines if line.path == path)


def of(image: Image) -> tuple[tuple[Line, ...], int]:
    return image.manifest.lines, image.manifest.header.seal.mtime


@pytest.fixture
def image(store: Store, pack: Path) -> Image:
    return add(store, pack)


@pytest.fixture
def objects(store: Store, image: Image) -> Objects:
    return Objects(store.layout)


def no_links(number: int, monkeypatch: pytest.MonkeyPatch, when: str = "") -> None:
    """Let every new link fail, or those whose path has `when` in it."""
    real = os.link

    def link(source: Any, target: Any, **options: Any) -> None:
        if when in str(target):
            raise OSError(number, os.strerror(number))
        real(source, target, **options)

    monkeypatch.setattr(os, "link", link)


class TestAdopt:
    def test_files_are_links_to_objects_with_their_hash_for_a_name(
        self, image: Image, objects: Objects
    ) -> None:
        big = line(image, "lib/R/library.rds")
        assert objects.path(big).samefile(image.path / big.path)
        assert hash_of(objects.path(big)) == big.content
        assert objects.has(big, image.manifest.header.seal.mtime)

    def test_tiny_files_are_not_shared(self, image: Image, objects: Objects) -> None:
        small = line(image, "share/doc/NEWS")
        assert not objects.path(small).exists()

    def test_two_images_share_what_they_have_in_common(
        self, store: Store, image: Image, tmp_path: Path
    ) -> None:
        other = add(store, more("x").write(tmp_path, "tar", "other"))
        path = "lib/R/library.rds"
        assert (image.path / path).samefile(other.path / path)
        assert store.verify(image) == store.verify(other) == ()

    def test_the_same_content_to_read_and_to_run_is_two_objects(self, store: Store, tmp_path: Path) -> None:
        pack = plain().file("bin/run", BIG, mode=0o755).file("share/same", BIG)
        image = add(store, pack.write(tmp_path, "tar", "both"))
        assert not (image.path / "bin/run").samefile(image.path / "share/same")
        assert (image.path / "share/same").samefile(image.path / "lib/R/library.rds")
        assert store.verify(image) == ()

    def test_counts_what_it_did_and_does_it_twice_alike(
        self, image: Image, objects: Objects, tmp_path: Path
    ) -> None:
        sizes = shared(image).values()
        found = objects.adopt(image.path, *of(image))
        assert found == Sharing(new=0, shared=len(sizes), bytes_shared=sum(sizes))
        copy = tmp_path / "copy"
        shutil.copytree(image.path, copy, symlinks=True)
        before = snapshot(copy)
        assert objects.adopt(copy, *of(image)).shared == len(sizes)
        assert snapshot(copy) == before
        assert (copy / "lib/R/library.rds").samefile(image.path / "lib/R/library.rds")

    def test_hard_links_of_a_pack_are_the_same_object(self, store: Store, tmp_path: Path) -> None:
        pack = plain().file("share/one", BIG * 2).hardlink("share/two", "share/one")
        image = add(store, pack.write(tmp_path, "tar", "linked"))
        assert (image.path / "share/one").samefile(image.path / "share/two")
        assert store.verify(image) == ()

    def test_a_file_that_is_gone_from_the_tree_ends_it(
        self, image: Image, objects: Objects, tmp_path: Path
    ) -> None:
        copy = tmp_path / "copy"
        shutil.copytree(image.path, copy, symlinks=True)
        (copy / "lib/R/library.rds").unlink()
        with pytest.raises(FileNotFoundError):
            objects.adopt(copy, *of(image))
        known = line(image, "lib/R/library.rds")
        assert hash_of(objects.path(known)) == known.content

    @pytest.mark.parametrize("number", [errno.EMLINK, errno.EPERM])
    def test_where_no_link_can_be_made_files_stay_their_own(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        no_links(number, monkeypatch)
        image = add(store, more("x").write(tmp_path, "tar", "other"))
        assert (image.path / "lib/R/library.rds").stat().st_nlink == 1
        assert store.verify(image) == ()

    def test_an_object_without_room_for_links_is_copied(
        self, store: Store, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        no_links(errno.EMLINK, monkeypatch, ".shared")
        other = add(store, more("x").write(tmp_path, "tar", "other"))
        assert not (image.path / "lib/R/library.rds").samefile(other.path / "lib/R/library.rds")
        assert store.verify(other) == ()

    @pytest.mark.parametrize("when", ["", ".shared"], ids=["any", "shared"])
    def test_a_failing_disk_is_reported(
        self, store: Store, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
    ) -> None:
        no_links(errno.EIO, monkeypatch, when)
        with pytest.raises(Unavailable) as caught:
            add(store, more("x").write(tmp_path, "tar", "other"))
        assert caught.value.code == "io-error"
        assert store.verify(image) == ()

    def test_a_changed_object_goes_to_the_quarantine(
        self, store: Store, image: Image, objects: Objects, tmp_path: Path
    ) -> None:
        big = line(image, "lib/R/library.rds")
        objects.path(big).chmod(0o644)
        objects.path(big).write_bytes(b"evil")
        other = add(store, more("x").write(tmp_path, "tar", "other"))
        assert store.verify(other) == ()
        assert objects.has(big, image.manifest.header.seal.mtime)
        (aside,) = store.layout.quarantine.iterdir()
        assert aside.read_bytes() == b"evil"
        assert [finding.path for finding in store.verify(image)] == [big.path, big.path]

    def test_a_tree_that_vanished_is_reported(
        self, image: Image, objects: Objects, tmp_path: Path, store: Store
    ) -> None:
        with pytest.raises(FileNotFoundError):
            objects.adopt(tmp_path / "none", *of(image))

    def test_a_folder_that_cannot_be_made_is_no_loop(
        self, image: Image, objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shutil.rmtree(tmp_path / "store/.objects")
        (tmp_path / "store/.objects").mkdir()
        monkeypatch.setattr("jupyter_envguard.store.objects.make_folder", lambda *_: None)
        assert objects.adopt(image.path, *of(image)) == Sharing(0, 0, 0)


class TestUnused:
    def test_are_those_that_no_image_links_to(self, store: Store, image: Image, objects: Objects) -> None:
        expected = set(shared(image))
        assert list(objects.unused()) == []
        store.remove(image.pack)
        assert {path.name for path in objects.unused()} == expected

    def test_all_are_told_with_their_state(self, image: Image, objects: Objects) -> None:
        told = {path.name: there.st_nlink for path, there in objects.all()}
        assert told == dict.fromkeys(shared(image), 2)

    def test_are_not_collected_while_somebody_adds(self, objects: Objects) -> None:
        with objects.adding(0), objects.adding(0):
            with pytest.raises(Unavailable) as caught, objects.collecting():
                pass
            assert caught.value.code == "locked"
        with objects.collecting(), pytest.raises(Unavailable), objects.adding(0):
            pass


def test_an_object_of_another_kind_is_none(image: Image, objects: Objects) -> None:
    big, manifest = line(image, "lib/R/library.rds"), image.manifest
    assert isinstance(manifest, Manifest)
    objects.path(big).unlink()
    assert not objects.has(big, manifest.header.seal.mtime)
    objects.path(big).symlink_to(image.path / big.path)
    assert not objects.has(big, manifest.header.seal.mtime)


def test_what_looks_changed_is_no_object(image: Image, objects: Objects) -> None:
    big, mtime = line(image, "lib/R/library.rds"), image.manifest.header.seal.mtime
    assert objects.absent([big], mtime) == []
    objects.path(big).chmod(0o644)
    assert objects.absent([big, big], mtime) == [big, big]


def test_a_file_is_kept_where_no_object_was_before(image: Image, objects: Objects, tmp_path: Path) -> None:
    big = line(image, "lib/R/library.rds")
    objects.path(big).rename(tmp_path / "file")
    shutil.rmtree(objects.path(big).parent)
    objects.keep(big, str(tmp_path / "file"))
    assert objects.has(big, image.manifest.header.seal.mtime)
