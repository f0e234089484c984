"""`kill -9` at random steps of everything that changes a store, in every form that images can have here.

    pytest tests/store/test_kills.py --kills 200

A step is one that Python audits: opening, renaming, linking, starting a program, mounting.
The steps are drawn from a seed that is printed, so that a failure happens again:
`--kill-seed`. Whatever dies where, what was there is whole, what was on its way is whole or
not there, every object is what its name says, and the next attempt ends well.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from jupyter_envguard.errors import NotFound
from jupyter_envguard.image import Image
from jupyter_envguard.store import Presence, Store, mounts
from jupyter_envguard.store import presence as module
from jupyter_envguard.store.bare import is_bare
from jupyter_envguard.store.collection import collect
from jupyter_envguard.store.forms import Forms
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.objects import Objects, hash_of
from jupyter_envguard.store.tiers import TIERS
from jupyter_envguard.transfer import Digests, Share, fetch
from jupyter_envguard.transfer.frames import read_frame
from jupyter_envguard.transfer.index import Listing
from jupyter_envguard.transfer.limits import LIMITS
from jupyter_envguard.transfer.share import release_file
from jupyter_envguard.transfer.sources import FolderSource
from tests.images import plain
from tests.stores import add, as_bare, is_clean, killed_at, names, shared, steps_of

TREE = "tree"


@dataclass
class World:
    """A node with one release in use, another on its way, and a share that has both."""

    store: Store
    tier: str
    share: Path
    pack: Path
    """The pack of what comes and goes."""
    kept: Image
    """What stays."""
    other: Image
    """What comes and goes."""

    @property
    def presence(self) -> Presence:
        return Presence(self.store)

    def bring(self, image: Image) -> None:
        """Let `image` be at its path in the form of this world."""
        if self.tier == TREE:
            assert self.presence.present(image) == TREE
        else:
            assert self.presence.mount(image, self.tier) == self.tier

    def reset(self) -> None:
        """Take away what comes and goes, the way an admin does."""
        with suppress(NotFound):
            self.presence.unmount(self.store.get(self.other.pack), forget=True)
        collect(self.store, [self.kept.pack], grace=0)
        assert names(self.store.layout.staging) == names(self.store.layout.trash) == []
        assert self.store.shelf.names() == (self.kept.path.name,)
        assert all(name.startswith(self.kept.path.name) for name in names(self.store.layout.forms))

    def check(self) -> None:
        """Whatever happened: what is there is whole."""
        assert self.store.verify(self.kept) == self.presence.check(self.kept) == ()
        for path, _ in Objects(self.store.layout).all():
            assert hash_of(path) == path.name.removesuffix(".x")
        with suppress(NotFound):
            assert self.store.verify(self.store.get(self.other.pack)) == ()


@pytest.fixture(params=[TREE, *TIERS])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    tier = str(request.param)
    if tier == TREE:
        monkeypatch.setattr(module, "best", lambda: None)
    elif why := TIERS[tier].obstacle():
        pytest.skip(f"{tier}: {why}")
    store, share = Store(tmp_path / "store", lock_seconds=60), tmp_path / "share"
    share.mkdir()
    first = plain().file("share/own", b"first" * 999).write(tmp_path, "tar", "first")
    second = plain().file("share/own", b"second" * 999).file("share/new", b"?" * 10)
    coming = second.write(tmp_path, "tar", "second")
    kept, other = add(store, first), add(store, coming)
    Share(share).publish(other)
    made = World(store, tier, share, coming, as_bare(store, kept), other)
    made.bring(made.kept)
    made.reset()
    yield made
    for path in (*store.root.glob("*"), *store.layout.staging.glob("*")):
        while mount_at(path):
            mounts.unmount(path, detach=True)


Kill = Callable[[Callable[[], object], Callable[[], None]], None]


@pytest.fixture
def kill(request: pytest.FixtureRequest, world: World) -> Kill:
    """Kill an act again and again, and check and set back the world after each time."""
    many, seed = request.config.getoption("--kills"), request.config.getoption("--kill-seed")
    chance = random.Random(f"{seed} {request.node.name}")

    def again_and_again(act: Callable[[], object], after: Callable[[], None]) -> None:
        steps = steps_of(act)
        after()
        drawn = [chance.randint(1, steps) for _ in range(many)]
        reached = 0
        for step in drawn:
            reached += killed_at(step, act)
            world.check()
            after()
        print(f"{request.node.name}: seed {seed}, {many} kills within {steps} steps, {reached} died")
        act()
        world.check()
        after()

    return again_and_again


def test_import(world: World, kill: Kill) -> None:
    def act() -> None:
        world.bring(add(world.store, world.pack))

    kill(act, world.reset)


def test_update(world: World, kill: Kill) -> None:
    wanted = Digests(world.other.pack, world.other.spec_digest, world.other.manifest_digest)

    def act() -> None:
        done = fetch(world.store, FolderSource(world.share), wanted, bare=world.tier != TREE)
        world.bring(done.image)

    kill(act, world.reset)


def test_mount(world: World, kill: Kill) -> None:
    """The image that is mounted or gets its tree is the only one, and nobody may lose it."""
    world.presence.unmount(world.kept, forget=True)

    def act() -> None:
        world.bring(world.kept)
        world.presence.unmount(world.kept, forget=True)

    def check() -> None:
        assert world.store.verify(world.kept) == ()

    def after() -> None:
        world.bring(world.kept)
        assert world.presence.check(world.kept) == ()
        world.presence.unmount(world.kept, forget=True)
        world.presence.forms.sweep()
        assert names(world.store.layout.staging) == []
        if world.tier == TREE:
            as_bare(world.store, world.kept)

    if world.tier == TREE:
        as_bare(world.store, world.kept)
    world.check = check  # type: ignore[method-assign]
    kill(act, after)
    world.bring(world.kept)


def test_collecting(world: World, kill: Kill) -> None:
    def prepare() -> None:
        image = add(world.store, world.pack)
        if world.tier != TREE:
            if not is_bare(image.meta):  # else the last attempt died before it was taken away
                image = as_bare(world.store, image)
            world.bring(image)

    def after() -> None:
        Forms(world.store.layout).sweep()
        prepare()

    prepare()
    kill(lambda: collect(world.store, [world.kept.pack], grace=0), after)
    world.reset()
    assert is_clean(world.store) or mount_at(world.kept.path)
    assert len(list(Objects(world.store.layout).all())) == len(shared(world.kept))


def test_publishing(world: World, kill: Kill) -> None:
    share = world.share.with_name("target")

    def after() -> None:
        for pack in Share(share).releases():
            assert pack == world.kept.pack
            read_all(share, pack)
        Share(share).publish(world.kept)
        read_all(share, world.kept.pack)
        shutil.rmtree(share)
        share.mkdir()

    share.mkdir()
    kill(lambda: Share(share).publish(world.kept), after)


def read_all(share: Path, pack: str) -> None:
    """Read every frame of a release, and compare every content with its hash."""
    source = FolderSource(share)
    listing = Listing.decode(source.read(release_file(pack), LIMITS.release_bytes), LIMITS)
    wanted = {line.content for line in listing.documents.manifest.lines if line.kind == "f" and line.size}
    for frame in listing.frames:
        blob = (share / "blobs" / frame.blob).read_bytes()
        part = blob[frame.offset : frame.offset + frame.length]
        for piece, content in read_frame(frame, iter([part]), LIMITS):
            assert hashlib.sha256(b"".join(content)).hexdigest() == piece.sha256
            wanted.discard(piece.sha256)
    assert not wanted
