"""Fetching with several processes, which may fail, die or be killed with their parent."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.image import Image
from jupyter_envguard.store import Gathering
from jupyter_envguard.transfer import Share, fetch, hands
from jupyter_envguard.transfer.hands import Alone, Together
from jupyter_envguard.transfer.limits import LIMITS
from jupyter_envguard.transfer.sources import FolderSource, broken
from jupyter_envguard.transfer.unpacker import AT_ONCE
from tests.disks import tiny_disk
from tests.shares import Machines, digests, release
from tests.transfer.test_fetch import FORKS, fetch_and_die, nothing_of

MANY = replace(LIMITS, alone_contents=0, retry_seconds=0.01, attempts=2)
"""So that even a little is much."""


@pytest.fixture(autouse=True)
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be two cores, whatever this machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


@pytest.fixture
def large(machines: Machines, share: Path, tmp_path: Path) -> Image:
    """A release with a content that is not decoded at once, on the share."""
    content = random.Random(1).randbytes(AT_ONCE + 1)
    image = machines.image(release(1).file("share/large", content).write(tmp_path, name="large"))
    Share(share).publish(image)
    return image


class Cut(FolderSource):
    """Breaks off every long answer after its first part."""

    def stream(self, name: str, offset: int, length: int) -> Iterator[bytes]:
        for chunk in super().stream(name, offset, length):
            yield chunk
            if length > len(chunk) and name.startswith("blobs"):
                raise broken(self.address, "it was cut")


def refusal(machines: Machines, source: FolderSource, image: Image) -> EnvGuardError:
    with pytest.raises(EnvGuardError) as caught:
        fetch(machines.store, source, digests(image), limits=MANY)
    assert nothing_of(machines.store, digests(image))
    assert list((machines.root / ".staging").iterdir()) == []
    return caught.value


class TestTogether:
    def test_makes_the_same_image(self, share: Path, large: Image, machines: Machines):
        store = machines.turn("2")
        done = fetch(store, FolderSource(share), digests(large), limits=MANY)
        assert store.verify(done.image) == ()
        assert done.contents == len({x.content for x in large.manifest.lines if x.kind == "f" and x.size})

    @pytest.mark.parametrize("position", [0.01, 0.5, 0.99])
    def test_finds_a_byte_that_flipped(self, share: Path, large: Image, machines: Machines, position: float):
        (blob,) = (share / "blobs").iterdir()
        content = bytearray(blob.read_bytes())
        content[int(len(content) * position)] ^= 1
        blob.chmod(0o644)
        blob.write_bytes(content)
        machines.turn("2")
        found = refusal(machines, FolderSource(share), large)
        assert found.code in ("share-invalid", "object-mismatch")

    @pytest.mark.parametrize("rest", [10, AT_ONCE // 2])
    def test_finds_a_blob_that_was_cut(self, share: Path, large: Image, machines: Machines, rest: int):
        (blob,) = (share / "blobs").iterdir()
        blob.chmod(0o644)
        os.truncate(blob, rest)
        machines.turn("2")
        assert refusal(machines, FolderSource(share), large).code == "share-invalid"

    def test_tells_of_the_source_that_broke_in_the_middle(
        self, share: Path, large: Image, machines: Machines
    ):
        machines.turn("2")
        assert refusal(machines, Cut(share), large).code == "source-broken"

    def test_leaves_nothing_half_made_on_a_full_disk(self, share: Path, large: Image, machines: Machines):
        machines.turn("2")
        with tiny_disk(machines.root, 4000):
            assert refusal(machines, FolderSource(share), large).code == "disk-full"
        machines.root.rmdir()

    def test_says_that_a_process_was_killed(
        self, share: Path, large: Image, machines: Machines, monkeypatch: pytest.MonkeyPatch
    ):
        real = hands.Child

        def dying(*arguments: str, **options: object) -> hands.Child:
            child = real(*arguments, **options)
            child.process.kill()
            child.process.wait()
            return child

        monkeypatch.setattr(hands, "Child", dying)
        machines.turn("2")
        assert refusal(machines, FolderSource(share), large).code == "image-unpack-failed"

    def test_takes_longer_where_none_can_be_started(
        self, share: Path, large: Image, machines: Machines, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("sys.executable", "/nowhere/python")
        store = machines.turn("2")
        done = fetch(store, FolderSource(share), digests(large), limits=MANY)
        assert store.verify(done.image) == ()

    @pytest.mark.parametrize("share_of_work", range(8))
    def test_survives_a_kill(self, share: Path, large: Image, machines: Machines, share_of_work: int):
        root = machines.turn("2").root
        process = FORKS.Process(
            target=fetch_and_die, args=(root, share, digests(large), share_of_work * 25, MANY)
        )
        process.start()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        store = machines.store
        assert nothing_of(store, digests(large)) or store.verify(store.get(large.pack)) == ()
        done = fetch(store, FolderSource(share), digests(large), limits=MANY)
        assert store.verify(done.image) == ()


class TestHands:
    @pytest.mark.parametrize(
        ("cores", "limits", "expected"),
        [({0}, MANY, Alone), ({0, 1}, LIMITS, Alone), ({0, 1}, MANY, Together), ({0, 1, 2}, MANY, Together)],
    )
    def test_are_several_when_there_is_much_to_do(
        self,
        image: Image,
        machines: Machines,
        monkeypatch: pytest.MonkeyPatch,
        cores: set[int],
        limits: hands.Limits,
        expected: type,
    ):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: cores)
        kinds = []

        def fill(delivery: Gathering) -> None:
            with hands.hands(delivery, delivery.missing(), limits) as unpack:
                kinds.append(type(unpack))

        documents = image.documents()
        with pytest.raises(EnvGuardError, match="contents are missing"):
            machines.turn("2").receive(documents, fill)
        assert kinds == [expected]

    def test_end_their_processes(self, image: Image, machines: Machines):
        processes = []

        def fill(delivery: Gathering) -> None:
            with closing(Together(delivery, delivery.missing(), MANY, 3)) as together:
                processes.extend(child.process for child in together._children)

        documents = image.documents()
        with pytest.raises(EnvGuardError):
            machines.turn("2").receive(documents, fill)
        assert len(processes) == 3
        assert all(process.returncode is not None for process in processes)
