"""None"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.errors import Conflict, InvalidInput, NotFound, PackRefused, Unavailable
from jupyter_envguard.files import locked
from jupyter_envguard.image import build
from jupyter_envguard.store import Image, Store, folders, leased, shelf
from jupyter_envguard.store import images as module
from jupyter_envguard.store.shelf import Shelf
from tests.images import environment, plain, snapshot
from tests.stores import (
    add,
    inventory_of,
    is_clean,
    names,
)


class TestRoot:
    @pytest.mark.parametrize(
        "root",
        ["store", "", "/", "/a b", "/a:b", "/a/../b", "/" + "x" * 120, "/größe", "/a\n", "/a'b", "//a"],
    )
    def test_refuses_what_cannot_be_a_prefix(self, root: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            Store(Path(root))
        assert caught.value.code == "store-root-invalid"

    def test_takes_a_root_of_120_characters(self) -> None:
        assert Store(Path("/" + "x" * 119)).root.name == "x" * 119

    def test_nothing_is_made_by_looking(self, store: Store, pack: Path) -> None:
        with pytest.raises(NotFound):
            store.get(inventory_of(pack).digest)
        assert store.sweep() == 0
        assert not store.root.exists()

    def test_refuses_a_root_that_everybody_may_write_to(self, store: Store, pack: Path) -> None:
        store.root.mkdir()
        store.root.chmod(0o1777)
        with pytest.raises(InvalidInput, match="Everybody may write") as caught:
            add(store, pack)
        assert caught.value.code == "store-root-unsafe"
        assert names(store.root) == []

    def test_refuses_a_root_behind_a_link(self, tmp_path: Path, pack: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        with pytest.raises(InvalidInput, match="it is really") as caught:
            add(Store(tmp_path / "link/store"), pack)
        assert caught.value.code == "store-root-invalid"

    def test_a_root_under_a_file_is_explained(self, tmp_path: Path, pack: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(NotFound, match="Cannot add an image"):
            add(Store(tmp_path / "file/store"), pack)

    def test_a_root_that_another_process_makes_meanwhile_is_taken(
        self, store: Store, pack: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = Path.mkdir

        def mkdir(path: Path, *words: Any, **options: Any) -> None:
            if path == store.root:
                real(path, 0o755)
            real(path, *words, **options)

        monkeypatch.setattr(Path, "mkdir", mkdir)
        assert store.verify(add(store, pack)) == ()

    def test_users_may_read_a_new_root_whatever_the_umask(self, store: Store, pack: Path) -> None:
        before = os.umask(0o077)
        try:
            image = add(store, pack)
        finally:
            os.umask(before)
        modes = [path.stat().st_mode & 0o777 for path in (store.root, store.root / ".meta", image.meta)]
        assert modes == [0o755, 0o755, 0o755]


class TestAdd:
    def test_puts_the_image_where_the_digest_says(self, store: Store, pack: Path) -> None:
        image = add(store, pack)
        digest = inventory_of(pack).digest
        assert image.path == store.path_of(digest) == store.root / digest[7:39]
        assert image.manifest.header.prefix == str(image.path)
        assert image.spec() == inventory_of(pack).spec
        assert store.verify(image) == store.verify(image, "stat") == ()
        assert is_clean(store)

    def test_is_read_only_up_to_its_own_folder(self, store: Store, pack: Path) -> None:
        assert stat.S_IMODE(add(store, pack).path.stat().st_mode) == 0o555

    def test_twice_is_once(self, store: Store, pack: Path) -> None:
        first = add(store, pack)
        inode = first.path.stat().st_ino
        assert add(store, pack) == first
        assert first.path.stat().st_ino == inode

    def test_reports_progress_of_both_passes(self, store: Store, pack: Path) -> None:
        calls: list[tuple[int, int]] = []
        add(store, pack, progress=lambda done, total: calls.append((done, total)))
        ends = [call for call in calls if call[0] == call[1]]
        assert ends[0] == (pack.stat().st_size, pack.stat().st_size)
        assert calls[-1][0] == calls[-1][1] != pack.stat().st_size

    def test_two_packs_live_side_by_side(self, store: Store, pack: Path, tmp_path: Path) -> None:
        other = plain().file("share/more").write(tmp_path, "tar", "other")
        images = [add(store, each) for each in (pack, other)]
        assert [store.verify(image) for image in images] == [(), ()]

    def test_the_same_store_elsewhere_in_time_gives_the_same_manifest(
        self, store: Store, tmp_path: Path
    ) -> None:
        pack = environment().write(tmp_path, "tar.gz")
        first = add(store, pack)
        seen, digest = snapshot(first.path), first.manifest_digest
        store.remove(first.pack)
        shutil.rmtree(store.root)
        again = add(store, pack)
        assert (again.manifest_digest, snapshot(again.path)) == (digest, seen)

    def test_another_root_gives_another_manifest_of_the_same_things(self, tmp_path: Path) -> None:
        pack = environment().write(tmp_path, "tar.gz")
        one, two = (add(Store(tmp_path / name), pack).manifest for name in ("one", "two"))
        assert one.digest() != two.digest()
        assert [line.path for line in one.lines] == [line.path for line in two.lines]
        assert one.header.pack == two.header.pack

    def test_approved_images_that_are_here_lend_their_byte_code(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old, absent = add(store, environment().write(tmp_path, "tar")), "sha256:" + 64 * "0"
        lent: list[list[Image]] = []

        def watched(*arguments: Any, approved: list[Image], **more: Any) -> Any:
            lent.append(approved)
            return build(*arguments, approved=approved, **more)

        monkeypatch.setattr(module, "build", watched)
        said = {absent: absent, old.pack: old.manifest_digest}
        for number, approved in enumerate([said, {old.pack: absent}, dict.fromkeys([absent] * 9, absent)]):
            add(store, environment().file(f"share/{number}").write(tmp_path, "tar", "new"), approved=approved)
        assert lent == [[old], [], []]

    def test_only_the_first_few_approved_images_lend_theirs(
        self, store: Store, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MOST_REUSED", 1)
        images = [add(store, pack), add(store, plain().file("x").write(tmp_path, "tar", "other"))]
        assert store._images({image.pack: image.manifest_digest for image in images}) == images[:1]

    def test_a_refused_pack_leaves_nothing(self, store: Store, tmp_path: Path) -> None:
        hostile = plain().file("../escape").write(tmp_path, "tar")
        with pytest.raises(PackRefused):
            add(store, hostile)
        assert not store.root.exists()

    def test_what_is_refused_while_sealing_leaves_nothing(self, store: Store, tmp_path: Path) -> None:
        hostile = plain().file("conda-meta/frozen/x").write(tmp_path, "tar")
        with pytest.raises(PackRefused) as caught:
            add(store, hostile)
        assert caught.value.code == "image-member-refused"
        assert is_clean(store)

    def test_a_failure_to_clean_up_does_not_hide_the_first_one(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hostile = plain().file("conda-meta/frozen/x").write(tmp_path, "tar")

        def fail(*_: object) -> int:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(Shelf, "drop", fail)
        with pytest.raises(PackRefused):
            add(store, hostile)

    def test_an_interrupted_add_leaves_nothing(self, store: Store, pack: Path) -> None:
        def interrupt(done: int, total: int) -> None:
            if total != pack.stat().st_size:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            add(store, pack, progress=interrupt)
        assert is_clean(store)

    def test_waits_for_another_process_only_so_long(self, store: Store, pack: Path) -> None:
        image = add(store, pack)
        store.remove(image.pack)
        with locked(store.root / ".locks" / image.path.name, 0), pytest.raises(Unavailable) as caught:
            add(Store(store.root, lock_seconds=0), pack)
        assert caught.value.code == "locked"

    def test_the_loser_of_a_race_takes_the_winners_image(
        self, store: Store, pack: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = add(store, pack)
        answers = iter([False, True, True])  # it was not there yet when the loser looked first
        monkeypatch.setattr(Shelf, "is_published", lambda *_: next(answers))
        assert add(store, pack) == image

    def test_only_the_owner_and_root_add(
        self, store: Store, pack: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.root.mkdir()
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
        with pytest.raises(Unavailable, match="only that user and root") as caught:
            add(store, pack)
        assert caught.value.code == "permission-denied"
        assert names(store.root) == []

    def test_an_image_without_its_record_is_made_again(self, store: Store, pack: Path) -> None:
        image = add(store, pack)
        shutil.rmtree(image.meta)
        with pytest.raises(NotFound):
            store.get(image.pack)
        assert add(store, pack) == image
        assert store.verify(image) == ()

    def test_a_failing_disk_is_reported(
        self, store: Store, pack: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Broken:
            def syncfs(self, _handle: int) -> int:
                folders.ctypes.set_errno(5)
                return -1

        monkeypatch.setattr(folders.ctypes, "CDLL", lambda *_args, **_more: Broken())
        with pytest.raises(Unavailable, match="Input/output error") as caught:
            add(store, pack)
        assert caught.value.code == "io-error"
        assert is_clean(store)


class TestGetAndRemove:
    def test_an_absent_image_is_named(self, store: Store, pack: Path) -> None:
        digest = inventory_of(pack).digest
        for act in (store.get, store.remove):
            with pytest.raises(NotFound, match=digest) as caught:
                act(digest)
            assert caught.value.code == "image-missing"

    def test_what_is_no_digest_is_refused(self, store: Store) -> None:
        with pytest.raises(InvalidInput):
            store.get("sha256:../../etc")

    def test_a_link_in_place_of_an_image_is_no_image(self, store: Store, pack: Path, tmp_path: Path) -> None:
        image = add(store, pack)
        image.path.chmod(0o755)  # or its owner could not move it
        shutil.move(image.path, tmp_path / "moved")
        image.path.symlink_to(tmp_path / "moved")
        with pytest.raises(NotFound):
            store.get(image.pack)

    def test_removing_leaves_nothing_and_adding_works_again(self, store: Store, pack: Path) -> None:
        image = add(store, pack)
        store.remove(image.pack)
        assert is_clean(store)
        with pytest.raises(NotFound):
            store.get(image.pack)
        assert add(store, pack) == image

    def test_two_who_remove_do_it_once(
        self, store: Store, pack: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = add(store, pack)
        store.remove(image.pack)
        answers = iter([True, False])  # it was there when the loser of the race looked first
        monkeypatch.setattr(Shelf, "is_published", lambda *_: next(answers))
        with pytest.raises(NotFound):
            store.remove(image.pack)

    def test_a_store_that_vanished_is_explained(self, store: Store, pack: Path) -> None:
        image = add(store, pack)
        store.root.rename(store.root.with_name("elsewhere"))
        with pytest.raises(NotFound, match="Cannot verify"):
            store.verify(image)

    def test_an_image_that_somebody_uses_stays(self, store: Store, pack: Path) -> None:
        image = add(store, pack)
        with leased(image), pytest.raises(Conflict) as caught:
            store.remove(image.pack)
        assert caught.value.code == "image-in-use"
        assert store.verify(image) == ()
        store.remove(image.pack)


class TestSweep:
    def test_takes_away_every_kind_of_leftover(self, store: Store, pack: Path) -> None:
        image = add(store, pack)
        dead = "0" * 32
        for leftover in (
            f".staging/{dead}/tree/bin",
            f".meta/{dead}",
            f".{dead}/lib",
            f".trash/{dead}.1/lib",
        ):
            (store.root / leftover).mkdir(parents=True)
        (store.root / f".{dead}/lib").chmod(0o555)
        assert store.sweep() == 7
        assert is_clean(store)
        assert store.verify(image) == ()

    def test_leaves_what_a_living_process_works_on(self, store: Store, pack: Path) -> None:
        add(store, pack)
        alive = "1" * 32
        (store.root / f".staging/{alive}").mkdir()
        with locked(store.root / ".locks" / alive, 0):
            assert store.sweep() == 0
        assert names(store.root / ".staging") == [alive]

    def test_leaves_what_is_not_ours(self, store: Store, pack: Path) -> None:
        add(store, pack)
        for path in ("lost+found", "README"):
            (store.root / path).mkdir()
        assert store.sweep() == 0
        assert {"lost+found", "README"} <= set(names(store.root))

    def test_what_resists_stays_for_the_next_time(
        self, store: Store, pack: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = add(store, pack)

        def resist(path: Path, *_: object) -> None:
            raise PermissionError(path)

        with monkeypatch.context() as patch:
            patch.setattr(shelf, "delete", resist)
            store.remove(image.pack)
            assert len(names(store.root / ".trash")) == 2
        assert store.sweep() == 2
        assert is_clean(store)

    def test_an_image_published_while_looking_is_left(
        self, store: Store, pack: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = add(store, pack)
        monkeypatch.setattr(Shelf, "leftovers", lambda _: [image.path.name])
        assert store.sweep() == 0
        assert store.get(image.pack) == image
