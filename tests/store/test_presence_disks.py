"""What is mounted from stores on file systems on which it is harder than elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard.errors import Unavailable
from jupyter_envguard.store import Store, mounts
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.objects import Objects
from jupyter_envguard.store.presence import Presence
from jupyter_envguard.store.tiers import TIERS
from tests.images import environment
from tests.store.mountable import BIG
from tests.stores import add, names, root_only


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
