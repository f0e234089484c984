"""A store and what one may expect of it, compared over random stories."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from jupyter_envguard.errors import Conflict
from jupyter_envguard.store import Image, Store, take_lease
from jupyter_envguard.store.collection import collect
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.objects import Objects
from jupyter_envguard.store.presence import Presence
from jupyter_envguard.store.scrub import scrub
from jupyter_envguard.store.tiers import best
from tests.images import plain
from tests.stores import add, inventory_of, killed_at

STORIES, STEPS = 12, 14
"""How many stories are told, and how long each is."""
PACKS = st.integers(0, 2)


@cache
def packs() -> tuple[Path, ...]:
    """Three packs that share some of their files."""
    folder = Path(tempfile.mkdtemp())
    made = []
    for number in range(3):
        pack = plain().file("share/common", b"common" * 999).file("share/small", bytes([number]) * 9)
        pack.file(f"share/{number}", bytes([number]) * 4000)
        made.append(pack.write(folder, "tar", f"pack{number}"))
    return tuple(made)


class Stories(RuleBasedStateMachine):
    """What people do with a store, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = Store(self.folder / "store")
        self.images: dict[int, Image] = {}
        self.leases: dict[int, list[int]] = {0: [], 1: [], 2: []}

    def teardown(self) -> None:
        for number in self.images:
            self.end_kernels(number)
            with contextlib.suppress(OSError):
                while mount_at(self.images[number].path):
                    Presence(self.store).unmount(self.images[number])
        for inside, _, _ in os.walk(self.folder):
            os.chmod(inside, 0o700)
        shutil.rmtree(self.folder)

    @rule(number=PACKS)
    def add(self, number: int) -> None:
        self.images[number] = add(self.store, packs()[number])

    @rule(number=PACKS, share=st.floats(0, 1))
    def die_while_adding(self, number: int, share: float) -> None:
        if number not in self.images:
            killed_at(1 + int(share * 400), lambda: add(self.store, packs()[number]))
            path = self.store.path_of(inventory_of(packs()[number]).digest)
            if path.name in self.store.shelf.names():
                self.add(number)

    @rule(number=PACKS)
    def start_kernel(self, number: int) -> None:
        if number in self.images:
            self.leases[number].append(take_lease(self.images[number]))

    @rule(number=PACKS)
    def end_kernels(self, number: int) -> None:
        while self.leases[number]:
            os.close(self.leases[number].pop())

    @rule(number=PACKS)
    def remove(self, number: int) -> None:
        if number in self.images:
            try:
                self.store.remove(self.images[number].pack)
            except Conflict:
                assert self.leases[number] or mount_at(self.images[number].path)
            else:
                assert not self.leases[number]
                del self.images[number]

    @rule(named=st.sets(PACKS))
    def collect(self, named: set[int]) -> None:
        referenced = [image.pack for number, image in self.images.items() if number in named]
        kept = {number for number, image in self.images.items() if number in named or self.leases[number]}
        found = collect(self.store, referenced, grace=0)
        assert set(found.removed) == {
            image.path.name for number, image in self.images.items() if number not in kept
        }
        self.images = {number: self.images[number] for number in kept}
        assert list(Objects(self.store.layout).unused()) == []

    @rule(number=PACKS)
    def mount(self, number: int) -> None:
        if number in self.images and best() is not None:
            Presence(self.store).mount(self.images[number])

    @rule(number=PACKS)
    def unmount(self, number: int) -> None:
        if number in self.images:
            try:
                Presence(self.store).unmount(self.images[number])
            except Conflict:
                assert self.leases[number]
            else:
                assert not self.leases[number]

    @rule(number=PACKS)
    def spoil_and_scrub(self, number: int) -> None:
        if number in self.images and not mount_at(self.images[number].path):
            file = self.images[number].path / "share/small"
            file.chmod(0o644)
            file.write_bytes(b"evil")
            assert {damage.pack for damage in scrub(self.store)} == {self.images[number].pack}
            self.end_kernels(number)
            del self.images[number]

    @rule()
    def sweep(self) -> None:
        self.store.sweep()

    @invariant()
    def what_is_there_is_what_should_be(self) -> None:
        assert set(self.store.shelf.names()) == {image.path.name for image in self.images.values()}
        for image in self.images.values():
            assert self.store.verify(image) == ()
            assert Presence(self.store).check(image) == ()


TestStories = Stories.TestCase
TestStories.settings = settings(
    max_examples=STORIES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
