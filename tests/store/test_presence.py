"""One suite for every form that this machine can mount, and for the tree that always works."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_envguard.errors import Conflict, EnvGuardError, InvalidInput, NotFound, Unavailable, Untrusted
from jupyter_envguard.store import Image, Store, leased, mounts
from jupyter_envguard.store import presence as module
from jupyter_envguard.store.bare import SMALL, is_bare
from jupyter_envguard.store.forms import Forms
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.objects import Objects
from jupyter_envguard.store.presence import Presence
from jupyter_envguard.store.tiers import TIERS, Erofs, best
from tests.images import environment, plain, snapshot
from tests.stores import (
    NOBODY,
    add,
    as_bare,
    in_fork,
    is_clean,
    names,
    outcome,
    root_only,
)

BIG = bytes(range(256)) * 40


@pytest.fixture(params=[*TIERS])
def tier(request: pytest.FixtureRequest) -> str:
    """A tier that this machine can do."""
    name = str(request.param)
    if why := TIERS[name].obstacle():
        pytest.skip(f"{name}: {why}")
    return name


@pytest.fixture
def image(store: Store, tmp_path: Path) -> Iterator[Image]:
    pack = environment().file("share/big", BIG).file("bin/run", BIG, mode=0o755).file("share/none", b"")
    yield add(store, pack.symlink("share/link", "big").write(tmp_path, "tar", "release"))
    for path in (*store.root.glob("*"), *store.layout.staging.glob("*")):
        while mount_at(path):
            mounts.unmount(path, detach=True)


@pytest.fixture
def presence(store: Store, image: Image) -> Presence:
    return Presence(store)


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Store]:
    """A store on a tmpfs, from which Linux reads no image without a loop device."""
    if why := TIERS["erofs"].obstacle():
        pytest.skip(f"erofs: {why}")
    place = tmp_path / "memory"
    place.mkdir()
    mounts.mount("tmpfs", place, "tmpfs", "mode=755", flags=0)
    try:
        yield Store(place / "store", lock_seconds=60)
    finally:
        for path in (place / "store").glob("*"):
            while mount_at(path):
                mounts.unmount(path, detach=True)
        mounts.unmount(place, detach=True)


class TestInMemory:
    def test_a_file_is_mounted_through_a_loop_device(self, in_memory: Store, pack: Path) -> None:
        image, presence = add(in_memory, pack), Presence(in_memory)
        assert presence.mount(image, "erofs") == "erofs"
        found = presence.mounted(image)
        assert found is not None
        assert found.source.startswith("/dev/loop")
        assert found.backing_file() == str(presence.forms.of(image, TIERS["erofs"]).path)
        assert found.options >= {"ro", "nosuid", "nodev"}
        assert in_memory.verify(image) == presence.check(image) == ()
        assert presence.unmount(image, forget=True)

    def test_without_loop_devices_it_is_said_why(
        self, in_memory: Store, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image, presence = add(in_memory, pack), Presence(in_memory)
        monkeypatch.setattr(mounts, "LOOP_CONTROL", tmp_path / "none")
        with pytest.raises(Unavailable) as caught:
            presence.mount(image, "erofs")
        assert caught.value.code == "tier-unavailable"
        assert "tmpfs" in caught.value.message
        assert presence.mounted(image) is None
        assert names(in_memory.layout.forms) == names(in_memory.layout.staging) == []


class TestEveryTier:
    def test_shows_the_very_image(self, presence: Presence, image: Image, store: Store, tier: str) -> None:
        before = {path: seen[1:] for path, seen in snapshot(image.path).items()}
        assert presence.tier_of(image.path.name) == "tree"
        assert presence.mount(image, tier) == tier
        assert presence.tier_of(image.path.name) == tier
        assert store.verify(image) == store.verify(image, "stat") == presence.check(image) == ()
        seen = snapshot(image.path)
        assert {path: seen[path][3] for path in seen} == {path: state[2] for path, state in before.items()}
        assert os.access(image.path / "bin/run", os.X_OK)
        assert names(store.layout.staging) == []

    def test_nobody_writes_through_it(self, presence: Presence, image: Image, tier: str) -> None:
        presence.mount(image, tier)
        for attempt in (
            lambda: (image.path / "new").touch(),
            lambda: (image.path / "share/big").chmod(0o777),
            lambda: (image.path / "share/big").unlink(),
            lambda: (image.path / "share/none").write_bytes(b"x"),
        ):
            with pytest.raises(OSError) as caught:
                attempt()
            assert caught.value.errno in (errno.EROFS, errno.EACCES, errno.EPERM)

    def test_lends_nobody_rights(self, presence: Presence, image: Image, tier: str) -> None:
        presence.mount(image, tier)
        found = presence.mounted(image)
        assert found is not None
        assert found.options >= {"ro", "nosuid", "nodev"}

    def test_twice_is_once(self, presence: Presence, image: Image, tier: str) -> None:
        presence.mount(image, tier)
        device = image.path.stat().st_dev
        assert presence.mount(image, tier) == presence.mount(image) == tier
        assert image.path.stat().st_dev == device

    def test_goes_and_the_tree_is_there(
        self, presence: Presence, image: Image, store: Store, tier: str
    ) -> None:
        presence.mount(image, tier)
        assert presence.unmount(image)
        assert not presence.unmount(image)
        assert presence.tier_of(image.path.name) == "tree"
        assert store.verify(image) == presence.check(image) == ()
        assert [form.tier.name for _, form in presence.forms.all()] == [tier]
        presence.unmount(image, forget=True)
        assert names(store.layout.forms) == []

    def test_stays_when_who_mounted_it_is_killed(
        self, presence: Presence, image: Image, store: Store, tier: str
    ) -> None:
        def mount_and_die() -> None:
            presence.mount(image, tier)
            os.kill(os.getpid(), signal.SIGKILL)

        assert outcome(in_fork(mount_and_die)) == -signal.SIGKILL
        assert presence.tier_of(image.path.name) == tier
        assert store.verify(image) == ()

    def test_stays_while_somebody_uses_it(self, presence: Presence, image: Image, tier: str) -> None:
        presence.mount(image, tier)
        with leased(image), pytest.raises(Conflict) as caught:
            presence.unmount(image)
        assert caught.value.code == "image-in-use"
        with open(image.path / "share/big"), pytest.raises(Unavailable, match="in use"):
            presence.unmount(image)
        assert presence.tier_of(image.path.name) == tier

    def test_is_not_removed_while_it_is_mounted(
        self, presence: Presence, image: Image, store: Store, tier: str
    ) -> None:
        presence.mount(image, tier)
        with pytest.raises(Conflict, match="is mounted"):
            store.remove(image.pack)
        presence.unmount(image)
        (store.layout.forms / f"{'0' * 32}.erofs").touch()
        store.remove(image.pack)
        assert names(store.layout.forms) == [f"{'0' * 32}.erofs"]

    def test_the_second_time_nothing_is_made(
        self, presence: Presence, image: Image, tier: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        presence.mount(image, tier)
        presence.unmount(image)
        monkeypatch.setattr(Forms, "make", lambda *_: pytest.fail("it is made"))
        assert presence.mount(image, tier) == tier

    def test_a_form_that_changed_is_made_again(
        self, presence: Presence, image: Image, store: Store, tier: str
    ) -> None:
        presence.mount(image, tier)
        presence.unmount(image)
        ((_, form),) = presence.forms.all()
        flip(form.path)
        assert [finding.path for finding in presence.scrub(image)] == [form.path.name]
        presence.mount(image, tier)
        assert store.verify(image) == presence.scrub(image) == ()

    def test_a_form_that_is_not_the_image_is_not_mounted(
        self, presence: Presence, image: Image, store: Store, tier: str
    ) -> None:
        (image.path / "share/none").chmod(0o644)
        (image.path / "share/none").write_bytes(b"evil")
        with pytest.raises(Untrusted, match="share/none") as caught:
            presence.mount(image, tier)
        assert caught.value.code == "image-drifted"
        assert presence.tier_of(image.path.name) == "tree"
        assert names(store.layout.forms) == names(store.layout.staging) == []

    def test_all_are_brought_back_after_a_start(self, presence: Presence, image: Image, tier: str) -> None:
        presence.mount(image, tier)
        presence.unmount(image)
        (presence._layout.forms / f"{image.path.name}.squashfuse").touch()
        assert presence.mount_all() == {image.path.name: tier}
        assert presence.mount_all() == {image.path.name: tier}

    def test_what_a_dead_process_mounted_on_the_way_goes(
        self, presence: Presence, image: Image, store: Store, tier: str
    ) -> None:
        if not mounts.may_mount():
            pytest.skip("mounting needs root")
        for what in ("form", "names", "trial"):
            left = store.layout.staging / f"{image.path.name}.{what}"
            left.mkdir()
            mounts.mount("envguard", left, "tmpfs")
        assert presence.mount(image, tier) == tier
        assert names(store.layout.staging) == []

    def test_what_a_dead_process_left_on_the_way_is_swept(
        self, presence: Presence, image: Image, store: Store, tier: str
    ) -> None:
        left = [store.layout.staging / f"{image.path.name}.{what}" for what in ("form", "trial")]
        for folder in (*left, store.layout.staging / f"{image.path.name}.other"):
            folder.mkdir()
        if mounts.may_mount():
            mounts.mount("envguard", left[1], "tmpfs")
        with store.shelf.lock(image.path.name, 0):
            assert presence.forms.sweep() == 0
        assert presence.forms.sweep() == 2
        assert names(store.layout.staging) == [f"{image.path.name}.other"]


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


@root_only
def test_an_overlay_works_where_file_systems_lie_upon_each_other(tmp_path: Path) -> None:
    if why := TIERS["overlay"].obstacle() or ("" if mounts.LOOP_CONTROL.exists() else "no loop devices"):
        pytest.skip(why)
    for name in ("lower", "upper", "work", "both"):
        (tmp_path / name).mkdir()
    mounts.mount("envguard-test", tmp_path / "upper", "tmpfs", flags=0)
    for name in ("upper", "work"):
        (tmp_path / "upper" / name).mkdir()
    layers = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper/upper,workdir={tmp_path}/upper/work"
    mounts.mount("envguard-test", tmp_path / "both", "overlay", layers, flags=0)
    try:
        store = Store(tmp_path / "both/store")
        image = add(store, environment().file("share/big", BIG).write(tmp_path, "tar", "release"))
        presence = Presence(store)
        assert presence.mount(image, "overlay") == "overlay"
        assert store.verify(image) == ()
        presence.unmount(image)
    finally:
        for name in ("both", "upper"):
            mounts.unmount(tmp_path / name, detach=True)


def flip(path: Path) -> None:
    """Change one byte of a file in the middle of what it holds."""
    path.chmod(0o644)
    with path.open("r+b") as file:
        at = path.stat().st_size // 2
        file.seek(at)
        old = file.read(1)
        file.seek(at)
        file.write(bytes([old[0] ^ 255]))
    path.chmod(0o444)


class TestCheck:
    @pytest.mark.parametrize("whole", ["erofs", "squashfs", "squashfuse"])
    def test_looks_at_nothing_where_nothing_can_have_changed(
        self, presence: Presence, image: Image, monkeypatch: pytest.MonkeyPatch, whole: str
    ) -> None:
        if TIERS[whole].obstacle() or os.geteuid():
            pytest.skip(f"root cannot mount {whole} here")
        presence.mount(image, whole)
        with monkeypatch.context() as patch:
            patch.setattr(Store, "verify", lambda *_: pytest.fail("it is looked at"))
            patch.setattr(Objects, "changed", lambda *_: pytest.fail("objects are looked at"))
            assert presence.check(image) == ()
        ((_, form),) = presence.forms.all()
        form.record.unlink()
        looked: list[int] = []
        monkeypatch.setattr(Store, "verify", lambda *_: looked.append(1) or ())
        assert presence.check(image) == ()
        assert looked == [1]

    def test_a_store_of_a_user_is_always_looked_at(
        self, presence: Presence, image: Image, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if TIERS["erofs"].obstacle():
            pytest.skip("no erofs here")
        presence.mount(image, "erofs")
        os.chown(store.layout.forms, 65534, 65534)
        looked: list[int] = []
        monkeypatch.setattr(Store, "verify", lambda *_: looked.append(1) or ())
        assert presence.check(image) == ()
        assert looked == [1]

    def test_something_else_mounted_there_is_looked_at(
        self, presence: Presence, image: Image, tmp_path: Path
    ) -> None:
        if not mounts.may_mount():
            pytest.skip("mounting needs root")
        (tmp_path / "other").mkdir()
        subprocess.run(["mount", "--bind", tmp_path / "other", image.path], check=True)
        assert {finding.problem for finding in presence.check(image)} > {"missing"}
        assert presence.tier_of(image.path.name) not in TIERS

    def test_what_is_mounted_from_another_file_is_looked_at(
        self, presence: Presence, image: Image, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked: list[int] = []
        monkeypatch.setattr(Store, "verify", lambda *_: looked.append(1) or ())
        for strange in (
            mounts.Mount("erofs", "/other.erofs", frozenset({"ro", "nosuid", "nodev"})),
            mounts.Mount("fuse.squashfuse", "envguard", frozenset({"ro", "nosuid", "nodev"})),
        ):
            monkeypatch.setattr(module, "mount_at", lambda _, strange=strange: strange)
            assert presence.check(image) == ()
        assert looked == [1, 1]

    def test_beneath_an_overlay_the_objects_are_looked_at(
        self, presence: Presence, image: Image, store: Store
    ) -> None:
        if TIERS["overlay"].obstacle():
            pytest.skip("no overlay here")
        presence.mount(image, "overlay")
        line = next(line for line in image.manifest.lines if line.path == "share/big")
        known = store.layout.objects / line.content[:2] / line.content
        flip(known)
        assert [finding.path for finding in presence.check(image)] == ["share/big"]
        known.unlink()
        assert [finding.path for finding in presence.check(image)] == ["share/big"]


def test_an_overlay_without_objects_says_so(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why := TIERS["overlay"].obstacle():
        pytest.skip(why)
    with monkeypatch.context() as patch:
        patch.setattr(Objects, "_adopt", lambda *_: None)  # as on a file system without links
        small = add(store, environment().file("share/big", BIG).write(tmp_path, "tar", "small"))
        large = add(store, environment().file("share/big", BIG * 10).write(tmp_path, "tar", "large"))
    presence = Presence(store)
    assert presence.mount(small, "overlay") == "overlay"
    assert store.verify(small) == ()
    presence.unmount(small)
    with pytest.raises(Unavailable, match="is no object") as caught:
        presence.mount(large, "overlay")
    assert caught.value.code == "form-failed"
    assert names(store.layout.staging) == []


class TestRefusals:
    def test_a_tier_that_is_none(self, presence: Presence, image: Image) -> None:
        with pytest.raises(InvalidInput, match="no tier 'erofz'") as caught:
            presence.mount(image, "erofz")
        assert "erofs" in caught.value.hint
        with pytest.raises(InvalidInput) as caught:
            presence.mount(image, "?")
        assert "overlay, erofs" in caught.value.hint

    def test_a_machine_that_cannot(
        self, presence: Presence, image: Image, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "best", lambda: None)
        with pytest.raises(Unavailable, match="cannot mount images") as caught:
            presence.mount(image)
        assert caught.value.code == "tier-unavailable"
        monkeypatch.setattr(Erofs, "obstacle", lambda _: "it is too old")
        with pytest.raises(Unavailable, match="erofs: it is too old"):
            presence.mount(image, "erofs")

    def test_what_fails_for_one_image_does_not_keep_others(
        self, presence: Presence, image: Image, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for suffix in ("erofs", "squashfs", "strange"):
            (store.layout.forms / f"{image.path.name}.{suffix}").touch()
        (store.layout.forms / f"{'0' * 32}.erofs").touch()

        def fail(*_: object, **__: object) -> str:
            raise NotFound("image-missing", "It is gone.")

        monkeypatch.setattr(Presence, "mount", fail)
        done = presence.mount_all()
        assert [type(found) for found in done.values()] == [NotFound]
        assert isinstance(done[image.path.name], EnvGuardError)

    def test_a_system_that_will_not_unmount(
        self, presence: Presence, image: Image, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if TIERS["erofs"].obstacle():
            pytest.skip("no erofs here")
        presence.mount(image, "erofs")

        def fail(*_: object, **__: object) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as patch:
            patch.setattr(mounts, "unmount", fail)
            with pytest.raises(Unavailable) as caught:
                presence.unmount(image)
        assert caught.value.code == "io-error"


def test_a_mount_whose_process_died_is_mounted_again(presence: Presence, image: Image, store: Store) -> None:
    if why := TIERS["squashfuse"].obstacle():
        pytest.skip(why)
    presence.mount(image, "squashfuse")
    form = str(store.layout.forms / f"{image.path.name}.squashfuse")
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # others end meanwhile
            if form in (process / "cmdline").read_text().split("\0"):
                os.kill(int(process.name), signal.SIGKILL)
    assert presence.mount(image, "squashfuse") == "squashfuse"
    assert store.verify(image) == ()


def test_what_lies_in_the_quarantine_is_not_mounted(store: Store, presence: Presence, image: Image) -> None:
    for tier in ("erofs", "squashfs", "squashfuse", "overlay"):
        if not TIERS[tier].obstacle():
            presence.mount(image, tier)
            break
    with store.shelf.lock(image.path.name, 0):
        presence.withdraw(image.path.name)
        aside = store.shelf.set_aside(image.path.name)
    assert names(store.layout.forms) == []
    shutil.rmtree(aside / "meta")
