from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.errors import NotFound, Unavailable
from jupyter_envguard.image import verify
from jupyter_envguard.store import Image, Store, mounts
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.objects import Objects
from jupyter_envguard.store.presence import Presence
from jupyter_envguard.store.scrub import Damage, scrub
from jupyter_envguard.store.tiers import TIERS
from tests.stores import add, is_clean, names, shared


def spoil(path: Path) -> None:
    """Change a file, and set its time back as nobody does by accident."""
    import os

    there = path.stat()
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    path.chmod(there.st_mode & 0o777)
    os.utime(path, ns=(there.st_atime_ns, there.st_mtime_ns))


def test_finds_nothing_in_a_whole_store(store: Store, image: Image, other: Image) -> None:
    done: list[int] = []
    assert list(scrub(store, after_each=lambda: done.append(1))) == []
    assert len(done) == len(shared(image) | shared(other)) + 2  # objects and images


def test_finds_nothing_where_nothing_is(store: Store) -> None:
    assert list(scrub(store)) == []
    assert not store.root.exists()


def test_a_changed_small_file_is_found_and_the_image_set_aside(
    store: Store, image: Image, other: Image
) -> None:
    spoil(image.path / "share/doc/NEWS")
    assert store.verify(image, "stat") == ()
    (found,) = scrub(store)
    assert (found.name, found.pack) == (image.path.name, image.pack)
    assert [finding.path for finding in found.findings] == ["share/doc/NEWS"]
    assert found.aside is not None
    assert json.loads((found.aside / "findings.json").read_bytes())[0]["path"] == "share/doc/NEWS"
    with pytest.raises(NotFound):
        store.get(image.pack)
    assert store.verify(other) == ()
    assert is_clean(store)


def test_importing_again_makes_it_whole(store: Store, image: Image, pack: Path) -> None:
    spoil(image.path / "lib/R/library.rds")
    assert [damage.pack for damage in scrub(store)] == ["", image.pack]
    assert store.verify(add(store, pack)) == ()
    assert list(scrub(store)) == []


def test_a_changed_object_spoils_every_image_that_has_it(store: Store, image: Image, other: Image) -> None:
    spoil(image.path / "lib/R/library.rds")
    found = list(scrub(store))
    assert {damage.pack for damage in found} == {"", image.pack, other.pack}
    assert store.shelf.names() == ()
    assert len(names(store.layout.quarantine)) == 3


def test_what_is_left_is_left(store: Store, image: Image) -> None:
    spoil(image.path / "lib/R/library.rds")
    assert [damage.aside for damage in scrub(store, leave=True)] == [None, None]
    assert store.get(image.pack) == image
    assert names(store.layout.quarantine) == []


def test_each_shared_content_is_read_once(
    store: Store, image: Image, other: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    of_module = verify.__globals__
    real: Callable[[str], str] = of_module["_sha256"]

    def counted(path: str) -> str:
        read.append(Path(path).name)
        return real(path)

    monkeypatch.setitem(of_module, "_sha256", counted)
    assert list(scrub(store)) == []
    assert "library.rds" not in read
    assert "NEWS" in read


def test_a_damaged_record_or_spec_is_damage(store: Store, image: Image, other: Image) -> None:
    for path, content in ((image.meta / "pack.json", "{}"), (other.meta / "spec.json", "{}")):
        path.chmod(0o644)
        path.write_text(content)
    found = list(scrub(store))
    assert {damage.name for damage in found} == {image.path.name, other.path.name}
    assert {finding.path for damage in found for finding in damage.findings} == {"."}


def test_what_somebody_works_on_is_left_for_the_next_time(store: Store, image: Image) -> None:
    spoil(image.path / "share/doc/NEWS")
    with store.shelf.lock(image.path.name, 0):
        assert [damage.aside for damage in scrub(store)] == [None]
    assert store.get(image.pack) == image
    assert [damage.aside is None for damage in scrub(store)] == [False]


def test_what_cannot_be_read_is_damage(store: Store, image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise Unavailable("io-error", "The disk does not answer.")

    monkeypatch.setattr(Store, "verify", fail)
    ((finding,),) = [damage.findings for damage in scrub(store)]
    assert finding.detail == "The disk does not answer."


def test_a_disk_that_cannot_be_written_to_is_an_error(
    store: Store, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(image.path / "share/doc/NEWS")

    def fail(*_: Any, **__: Any) -> None:
        raise Unavailable("permission-denied", "The disk is read-only.")

    monkeypatch.setattr(type(store.shelf), "lock", fail)
    with pytest.raises(Unavailable):
        list(scrub(store))


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_an_object_that_cannot_be_read_is_damage(
    store: Store, image: Image, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(path: Path) -> str:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("jupyter_envguard.store.scrub.hash_of", fail)
    if number == errno.EIO:
        first, *_ = scrub(store, leave=True)
        assert first.findings[0].detail == "It cannot be read."
    else:
        with pytest.raises(Unavailable):
            list(scrub(store))


def test_an_object_that_was_collected_meanwhile_is_no_damage(
    store: Store, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, there = next(Objects(store.layout).all())
    monkeypatch.setattr(Objects, "all", lambda _: iter([(path.with_name("gone"), there)]))
    assert list(scrub(store)) == []


def test_a_mounted_image_is_set_aside_with_its_mount(store: Store, image: Image) -> None:
    tier = next((name for name, tier in TIERS.items() if not tier.obstacle()), None)
    if tier is None:
        pytest.skip("nothing can be mounted here")
    Presence(store).mount(image, tier)
    ((_, form),) = Presence(store).forms.all()
    form.record.chmod(0o644)
    form.record.write_text(form.record.read_text().replace('"sha256":"', '"sha256":"0'))
    found: list[Damage] = list(scrub(store))
    assert [finding.path for finding in found[0].findings] == [form.path.name]
    assert not image.path.exists()
    assert mount_at(image.path) is None
    assert names(store.layout.forms) == []
    assert mounts.may_mount() or tier == "squashfuse"
