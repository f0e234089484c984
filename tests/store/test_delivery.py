from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.errors import EnvGuardError, InvalidInput, NotFound, Untrusted
from jupyter_envguard.image import Documents, Image
from jupyter_envguard.store import Delivery, Store, Wanted
from tests.images import environment, snapshot
from tests.packs import PackBuilder
from tests.stores import add, in_fork, is_clean, killed_at, names, outcome, root_only, steps_of

BIG = bytes(range(256)) * 20


def release() -> PackBuilder:
    pack = environment().file("bin/run", BIG, mode=0o755).file("share/same", BIG)
    return pack.file("share/empty", b"").hardlink("share/again", "share/same").symlink("share/link", "same")


class Node:
    """One that has the image, and its root empty again for another to have it."""

    def __init__(self, store: Store, pack: Path, aside: Path) -> None:
        self.store = store
        image = add(store, pack)
        self.pack = image.pack
        self.seen = snapshot(image.path)
        contents = {name: (image.meta / name).read_bytes() for name in ("manifest", "spec.json", "pack.json")}
        self.documents = Documents.parse(contents)
        self.contents = {
            line.content: (image.path / line.path).read_bytes()
            for line in image.manifest.lines
            if line.kind == "f"
        }
        store.root.rename(aside)

    def fill(self, delivery: Delivery) -> None:
        for wanted in delivery.missing():
            delivery.put(wanted, pieces(self.contents[wanted.sha256]))

    def receive(self, fill: Callable[[Delivery], None] | None = None) -> Image:
        return self.store.receive(self.documents, fill or self.fill)


def pieces(content: bytes) -> Iterator[bytes]:
    yield from (content[start : start + 1000] for start in range(0, len(content), 1000))


@pytest.fixture
def node(store: Store, tmp_path: Path) -> Node:
    return Node(store, release().write(tmp_path, "tar", "release"), tmp_path / "other")


class TestReceive:
    def test_makes_the_very_same_image(self, node: Node) -> None:
        image = node.receive()
        assert snapshot(image.path) == node.seen
        assert node.store.verify(image) == ()
        assert image.manifest_digest == node.documents.manifest.digest()
        assert image.spec().packages
        assert is_clean(node.store)

    def test_twice_is_once(self, node: Node) -> None:
        first = node.receive()
        assert node.receive(lambda _: pytest.fail("it is here")) == first

    def test_shares_what_an_earlier_release_has(self, node: Node, tmp_path: Path) -> None:
        add(node.store, environment().file("share/same", BIG).write(tmp_path, "tar", "earlier"))
        missing: list[Wanted] = []

        def fill(delivery: Delivery) -> None:
            missing.extend(delivery.missing())
            node.fill(delivery)

        image = node.receive(fill)
        assert len(BIG) not in {wanted.size for wanted in missing}
        assert (image.path / "share/same").stat().st_nlink == 4  # again, the object, and the earlier release
        assert snapshot(image.path) == node.seen

    def test_where_no_link_can_be_made_files_are_copies(
        self, node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(node.store, environment().file("share/same", BIG).write(tmp_path, "tar", "earlier"))

        def link(*_: object, **__: object) -> None:
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))

        monkeypatch.setattr(os, "link", link)
        image = node.receive()
        assert (image.path / "share/same").stat().st_nlink == 1
        assert snapshot(image.path) == node.seen
        assert node.store.verify(image) == ()

    def test_refuses_an_image_of_another_root(self, node: Node, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput) as caught:
            Store(tmp_path / "elsewhere").receive(node.documents, node.fill)
        assert caught.value.code == "prefix-mismatch"
        assert not (tmp_path / "elsewhere").exists()

    def test_what_is_missing_in_the_end_is_named(self, node: Node) -> None:
        with pytest.raises(InvalidInput, match="the first is that of bin/") as caught:
            node.receive(lambda _: None)
        assert caught.value.code == "delivery-incomplete"
        assert is_clean(node.store)

    @pytest.mark.parametrize("wrong", [b"", BIG[:-1], BIG[:-1] + b"x", BIG + b"x"])
    def test_takes_nothing_but_the_content(self, node: Node, wrong: bytes) -> None:
        def fill(delivery: Delivery) -> None:
            wanted = next(wanted for wanted in delivery.missing() if wanted.size == len(BIG))
            delivery.put(wanted, pieces(wrong))

        with pytest.raises(Untrusted, match="is not its content") as caught:
            node.receive(fill)
        assert caught.value.code == "object-mismatch"
        assert is_clean(node.store)

    def test_an_endless_source_is_left_after_one_piece_too_many(self, node: Node) -> None:
        def endless() -> Iterator[bytes]:
            while True:
                yield b"x" * 1000

        def fill(delivery: Delivery) -> None:
            delivery.put(delivery.missing()[0], endless())

        with pytest.raises(Untrusted):
            node.receive(fill)

    def test_takes_nothing_that_nobody_asked_for(self, node: Node) -> None:
        def fill(delivery: Delivery) -> None:
            delivery.put(Wanted("0" * 64, 3), [b"abc"])

        with pytest.raises(InvalidInput, match="no content with the hash"):
            node.receive(fill)

    def test_the_same_content_may_come_twice(self, node: Node) -> None:
        def fill(delivery: Delivery) -> None:
            missing = delivery.missing()
            for wanted in (*missing, *missing):
                delivery.put(wanted, [node.contents[wanted.sha256]])

        assert snapshot(node.receive(fill).path) == node.seen

    def test_what_was_complete_is_not_fetched_again(self, node: Node) -> None:
        def breaks_off(delivery: Delivery) -> None:
            node.fill(delivery)
            delivery.checkpoint()
            raise NotFound("file-not-found", "The source is gone.")

        with pytest.raises(NotFound):
            node.receive(breaks_off)
        assert is_clean(node.store)
        missing: list[Wanted] = []

        def fill(delivery: Delivery) -> None:
            missing.extend(delivery.missing())
            node.fill(delivery)

        image = node.receive(fill)
        assert {wanted.size >= 1024 for wanted in missing} == {False}
        assert snapshot(image.path) == node.seen

    def test_without_links_everything_is_a_copy(self, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_link(*_: object, **__: object) -> None:
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))

        monkeypatch.setattr(os, "link", no_link)
        image = node.receive()
        assert snapshot(image.path) == node.seen
        assert (image.path / "share/same").stat().st_nlink == 1

    @pytest.mark.parametrize("into_the_tree", [False, True])
    def test_a_failing_disk_is_reported(
        self, node: Node, monkeypatch: pytest.MonkeyPatch, into_the_tree: bool
    ) -> None:
        real = os.link

        def failing(source: Path, target: Path, **options: Any) -> None:
            is_object = re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{64}(\.x)?", str(target))
            if (is_object is None) == into_the_tree:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            real(source, target, **options)

        monkeypatch.setattr(os, "link", failing)
        with pytest.raises(EnvGuardError) as caught:
            node.receive()
        assert caught.value.code == "io-error"
        assert is_clean(node.store)


class TestManyProcesses:
    def test_32_that_want_it_fetch_once(self, node: Node, tmp_path: Path) -> None:
        fetched = tmp_path / "fetched"
        fetched.touch()

        def fill(delivery: Delivery) -> None:
            with fetched.open("a") as file:
                file.write("x")
            node.fill(delivery)

        children = [in_fork(lambda: node.receive(fill)) for _ in range(32)]
        assert [outcome(child) for child in children] == [0] * 32
        assert fetched.read_text() == "x"
        assert snapshot(node.store.get(node.pack).path) == node.seen

    def test_kills_leave_no_half_image(self, node: Node) -> None:
        steps = steps_of(node.receive)
        node.store.remove(node.pack)
        for step in range(1, steps, max(1, steps // 40)):
            killed_at(step, node.receive)
            try:
                image = node.store.get(node.pack)
            except NotFound:
                continue
            assert node.store.verify(image) == ()
            node.store.remove(node.pack)
        assert snapshot(node.receive().path) == node.seen
        node.store.sweep()
        assert is_clean(node.store)


@root_only
def test_what_root_receives_belongs_to_the_owner_of_the_store(node: Node) -> None:
    node.store.root.mkdir()
    os.chown(node.store.root, 65534, 65534)
    image = node.receive()
    assert node.store.verify(image) == ()
    everything = [path.lstat() for path in node.store.root.rglob("*")]
    assert {(there.st_uid, there.st_gid) for there in everything} == {(65534, 65534)}
    assert names(node.store.root / ".staging") == []
