"""Images without a tree: every form that this machine can mount, and the tree that always works."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError, Unavailable, Untrusted
from jupyter_envguard.store import Image, Store, mounts
from jupyter_envguard.store import presence as module
from jupyter_envguard.store.bare import SMALL, is_bare
from jupyter_envguard.store.forms import Forms
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.presence import Presence
from jupyter_envguard.store.tiers import TIERS, best
from tests.images import plain, snapshot
from tests.store.mountable import BIG, mountable
from tests.stores import NOBODY, add, as_bare, in_fork, is_clean, names, outcome, root_only


@pytest.fixture
def image(store: Store, tmp_path: Path) -> Iterator[Image]:
    yield from mountable(store, tmp_path)


@pytest.fixture
def bare(store: Store, image: Image) -> Image:
    """The same image, without a tree."""
    return as_bare(store, image)


class TestEveryTierWithoutATree:
    def test_shows_the_very_image(self, store: Store, image: Image, presence: Presence, tier: str) -> None:
        before = {path: seen[1:] for path, seen in snapshot(image.path).items()}
        bare = as_bare(store, image)
        assert presence.tier_of(bare.path.name) == "objects"
        assert presence.mount(bare, tier) == tier
        assert store.verify(bare) == store.verify(bare, "stat") == presence.check(bare) == ()
        seen = snapshot(bare.path)
        assert {path: seen[path][3] for path in seen} == {path: state[2] for path, state in before.items()}
        assert os.access(bare.path / "bin/run", os.X_OK)
        assert names(store.layout.staging) == []

    def test_is_mounted_again_without_being_made_again(
        self, presence: Presence, bare: Image, tier: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        presence.mount(bare, tier)
        assert presence.unmount(bare)
        monkeypatch.setattr(Forms, "make", lambda *_: pytest.fail("it is made"))
        assert presence.mount_all() == {bare.path.name: tier}
        assert presence.check(bare) == ()

    def test_is_brought_back_without_a_form(self, presence: Presence, bare: Image, tier: str) -> None:
        presence.mount(bare, tier)
        presence.unmount(bare, forget=True)
        assert presence.tier_of(bare.path.name) == "objects"
        assert presence.mount_all() == {bare.path.name: best().name}  # type: ignore[union-attr]

    def test_without_an_object_is_not_mounted(
        self, presence: Presence, bare: Image, store: Store, tier: str
    ) -> None:
        lose(store, bare, "share/big")
        with pytest.raises(Untrusted) as caught:
            presence.mount(bare, tier)
        assert caught.value.code == "image-damaged"
        assert presence.tier_of(bare.path.name) == "objects"
        assert names(store.layout.forms) == names(store.layout.staging) == []


def lose(store: Store, image: Image, path: str) -> None:
    """Delete every object with the content of the file `path` of the image."""
    line = next(line for line in image.manifest.lines if line.path == path)
    for found in (store.layout.objects / line.content[:2]).glob(f"{line.content}*"):
        found.unlink()


class TestPresent:
    def test_leaves_a_tree_alone(self, presence: Presence, image: Image) -> None:
        assert presence.present(image) == "tree"
        assert presence.mounted(image) is None

    def test_brings_what_has_no_tree(self, presence: Presence, bare: Image, store: Store) -> None:
        chosen = best()
        assert presence.present(bare) == presence.present(bare) == (chosen.name if chosen else "tree")
        assert store.verify(bare) == presence.check(bare) == ()

    def test_makes_the_tree_where_nothing_can_be_mounted(
        self, presence: Presence, bare: Image, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "best", lambda: None)
        assert presence.present(bare) == "tree"
        assert not is_bare(bare.meta)
        assert store.verify(bare) == presence.check(bare) == ()
        assert is_clean(store)
        line = next(line for line in bare.manifest.lines if line.path == "share/big")
        assert (store.layout.objects / line.content[:2] / line.content).stat().st_nlink == 2

    def test_makes_the_tree_where_mounting_fails(
        self, presence: Presence, bare: Image, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chosen = best()
        if chosen is None:
            pytest.skip("nothing can be mounted here")

        def fail(*_: object) -> None:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

        monkeypatch.setattr(type(chosen), "mount", fail)
        assert presence.present(bare) == "tree"
        assert store.verify(bare) == ()
        assert names(store.layout.staging) == []

    def test_takes_a_tree_that_a_dead_process_had_finished(
        self, presence: Presence, bare: Image, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "best", lambda: None)
        small = (bare.meta / SMALL).read_bytes()
        presence.present(bare)
        (bare.meta / SMALL).write_bytes(small)
        bare.path.chmod(0o700)
        assert presence.present(bare) == "tree"
        assert store.verify(bare) == ()

    def test_without_an_object_says_so(
        self, presence: Presence, bare: Image, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "best", lambda: None)
        lose(store, bare, "share/big")
        with pytest.raises(EnvGuardError) as caught:
            presence.present(bare)
        assert caught.value.code == "image-damaged"
        assert names(store.layout.staging) == []

    def test_what_somebody_else_made_usable_meanwhile_stays(
        self, presence: Presence, bare: Image, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        presence.present(bare)
        presence.unmount(bare, forget=True)
        if not is_bare(bare.meta):
            pytest.skip("nothing can be mounted here")
        answers = iter((False, False))
        monkeypatch.setattr(module, "has_tree", lambda _: False)
        monkeypatch.setattr(module, "is_bare", lambda _: next(answers, False))
        monkeypatch.setattr(module, "mount_at", lambda _: None)
        assert presence.present(bare) == "tree"
        assert list(answers) == []

    def test_trouble_with_rights_is_told_as_not_mounted(
        self, presence: Presence, bare: Image, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(_: Store) -> None:
            raise Unavailable("permission-denied", "It belongs to somebody else.")

        monkeypatch.setattr(Store, "prepare", refuse)
        monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
        for ask in (presence.present, presence.check):
            with pytest.raises(Unavailable) as caught:
                ask(bare)
            assert caught.value.code == "image-not-mounted"

    @root_only
    def test_a_user_who_may_not_is_told_what_to_do(self, presence: Presence, bare: Image) -> None:
        def ask() -> None:
            os.setuid(NOBODY)
            with pytest.raises(Unavailable) as caught:
                presence.present(bare)
            assert caught.value.code == "image-not-mounted"
            with pytest.raises(Unavailable) as caught:
                presence.check(bare)
            assert caught.value.code == "image-not-mounted"

        for folder in (bare.path.parent.parent, *bare.path.parent.parent.parents):
            folder.chmod(folder.stat().st_mode | 0o055)
        assert outcome(in_fork(ask)) == 0

    def test_other_trouble_is_told_as_it_is(self, presence: Presence, bare: Image, store: Store) -> None:
        impatient = Presence(Store(store.root, lock_seconds=0))
        with store.shelf.lock(bare.path.name, 0), pytest.raises(Unavailable) as caught:
            impatient.present(bare)
        assert caught.value.code == "locked"


@root_only
class TestAsAUser:
    """A store of somebody without rights, who has a process read the image."""

    @pytest.fixture
    def theirs(self, tmp_path: Path) -> Iterator[tuple[Store, Image]]:
        folder = Path(tempfile.mkdtemp())
        folder.chmod(0o755)
        store = Store(folder / "store")
        image = add(store, plain().file("share/big", BIG).write(tmp_path, "tar", "release"))
        image = as_bare(store, image)
        for path in (store.root, *store.root.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        yield store, image
        while mount_at(image.path):
            mounts.unmount(image.path, detach=True)
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
        shutil.rmtree(folder)

    def as_user(self, act: Callable[[], object]) -> int:
        def become() -> None:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            act()

        return outcome(in_fork(become))

    def test_it_is_mounted_compared_and_unmounted(self, theirs: tuple[Store, Image]) -> None:
        if why := TIERS["squashfuse"].obstacle():
            pytest.skip(why)
        store, image = theirs

        def use() -> None:
            presence = Presence(store)
            assert presence.present(image) == "squashfuse"
            found = presence.mounted(image)
            assert found is not None
            assert found.backing_file() == str(store.layout.forms / f"{image.path.name}.squashfuse")
            assert not found.is_of_root()
            assert store.verify(image) == presence.check(image) == presence.scrub(image) == ()
            assert (image.path / "share/big").read_bytes() == BIG
            with pytest.raises(OSError):
                (image.path / "share/big").unlink()
            assert presence.unmount(image)
            assert presence.tier_of(image.path.name) == "objects"
            assert image.path.stat().st_mode & 0o777 == 0o555

        assert self.as_user(use) == 0

    def test_a_process_of_theirs_is_not_believed_without_a_look(
        self, theirs: tuple[Store, Image], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if why := TIERS["squashfuse"].obstacle():
            pytest.skip(why)
        store, image = theirs
        looked: list[str] = []

        def use() -> None:
            presence = Presence(store)
            presence.mount(image)
            monkeypatch.setattr(Store, "verify", lambda *_: looked.append("once") or ())
            assert presence.check(image) == ()
            assert looked == ["once"]
            presence.unmount(image)

        assert self.as_user(use) == 0

    def test_without_fuse_it_gets_its_tree(
        self, theirs: tuple[Store, Image], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store, image = theirs
        monkeypatch.setattr(type(TIERS["squashfuse"]), "obstacle", lambda _: "there is no /dev/fuse")

        def use() -> None:
            assert Presence(store).present(image) == "tree"
            assert store.verify(image) == ()

        assert self.as_user(use) == 0
