"""One suite for every form that this machine can mount; `test_presence_bare` is of images without a tree."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard.errors import Conflict, EnvGuardError, InvalidInput, NotFound, Unavailable, Untrusted
from jupyter_envguard.store import Image, Store, leased, mounts
from jupyter_envguard.store import presence as module
from jupyter_envguard.store.forms import Forms
from jupyter_envguard.store.objects import Objects
from jupyter_envguard.store.presence import Presence
from jupyter_envguard.store.tiers import TIERS, Erofs
from tests.images import snapshot
from tests.store.mountable import mountable
from tests.stores import in_fork, names, outcome


@pytest.fixture
def image(store: Store, tmp_path: Path) -> Iterator[Image]:
    yield from mountable(store, tmp_path)


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
