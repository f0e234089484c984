"""What takes contents without a tree; what it shares with `Delivery` is tried there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError, InvalidInput
from jupyter_envguard.image import Documents, Image
from jupyter_envguard.store import Gathering, Store
from jupyter_envguard.store.bare import read_small
from jupyter_envguard.store.collection import collect
from jupyter_envguard.store.objects import Objects
from tests.images import plain
from tests.stores import add, as_bare, is_clean

BIG = bytes(range(256)) * 20


@pytest.fixture
def image(store: Store, tmp_path: Path) -> Image:
    pack = plain().file("share/big", BIG[1:]).file("bin/run", BIG[1:], mode=0o755)
    return add(store, pack.write(tmp_path, "tar", "bare"))


def test_what_is_missing_in_the_end_is_named(store: Store, image: Image) -> None:
    documents = Documents.parse({path.name: path.read_bytes() for path in image.meta.iterdir()})
    store.remove(image.pack)
    with pytest.raises(InvalidInput) as caught:
        store.receive(documents, lambda gathering: None, bare=True)
    assert caught.value.code == "delivery-incomplete"
    assert is_clean(store)


@pytest.mark.parametrize("bare", [False, True])
def test_nothing_stays_open_when_the_store_cannot_be_looked_through(
    store: Store, image: Image, monkeypatch: pytest.MonkeyPatch, bare: bool
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    documents = image.documents()
    store.remove(image.pack)
    open_before = len(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patch:
        patch.setattr(Objects, "absent", fail)
        with pytest.raises(EnvGuardError) as caught:
            store.receive(documents, lambda gathering: None, bare=bare)
    assert caught.value.code == "io-error"
    assert len(os.listdir("/proc/self/fd")) == open_before
    assert is_clean(store)


@pytest.mark.parametrize("fresh", [False, True])
def test_content_that_is_read_and_run_becomes_two_objects(store: Store, image: Image, fresh: bool) -> None:
    bare = as_bare(store, image, fresh=fresh)
    assert store.verify(bare) == ()
    assert is_clean(store)
    lines = {line.path: line for line in bare.manifest.lines}
    objects = Objects(store.layout)
    assert objects.path(lines["share/big"]).read_bytes() == objects.path(lines["bin/run"]).read_bytes()
    assert objects.path(lines["bin/run"]).stat().st_mode & 0o111


def test_an_object_of_the_other_mode_is_enough(store: Store, image: Image) -> None:
    bare = as_bare(store, image)
    documents, lines = bare.documents(), {line.path: line for line in bare.manifest.lines}
    small = read_small(bare.manifest, bare.meta)
    store.remove(bare.pack)
    path = Objects(store.layout).path(lines["share/big"])
    path.unlink()

    def fill(gathering: Gathering) -> None:
        for wanted in gathering.missing():
            gathering.put(wanted, [small[wanted.sha256]])

    assert store.verify(store.receive(documents, fill, bare=True)) == ()
    assert path.read_bytes() == BIG[1:]


def test_many_that_want_it_get_one(store: Store, image: Image) -> None:
    bare = as_bare(store, image)

    def fill(gathering: Gathering) -> None:
        raise AssertionError("it is here")

    assert store.receive(bare.documents(), fill, bare=True) == bare


def test_objects_are_made_of_what_is_put(store: Store, image: Image) -> None:
    documents = image.documents()
    contents = {
        line.content: (image.path / line.path).read_bytes()
        for line in documents.manifest.lines
        if line.kind == "f"
    }
    store.remove(image.pack)
    collect(store, [], grace=0)
    assert list(Objects(store.layout).all()) == []

    def fill(gathering: Gathering) -> None:
        first, *rest = gathering.missing()
        gathering.put(first, [contents[first.sha256]])
        gathering.checkpoint()
        for wanted in rest:
            gathering.put(wanted, [contents[wanted.sha256]])

    made = store.receive(documents, fill, bare=True)
    assert store.verify(made) == ()
    lines = {line.path: line for line in made.manifest.lines}
    for path in ("share/big", "bin/run"):
        assert Objects(store.layout).path(lines[path]).read_bytes() == BIG[1:]
    assert is_clean(store)
