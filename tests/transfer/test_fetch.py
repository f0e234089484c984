"""From a share into the store, over good and bad connections."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.image import AttestedForm, Image
from jupyter_envguard.store import Presence, Store, leased
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.transfer import Digests, Share, fetch, fetch_form, source_at
from jupyter_envguard.transfer.fetch import uncollected, until
from jupyter_envguard.transfer.limits import LIMITS, Limits
from jupyter_envguard.transfer.share import release_file
from jupyter_envguard.transfer.sources import FolderSource, Source, broken
from tests.disks import tiny_disk
from tests.shares import Handler, Machines, digests, release, served

QUICK = replace(LIMITS, retry_seconds=0.01, pause_seconds=0.3, patience_seconds=0.2, slowest_bytes=10**9)
FORKS = multiprocessing.get_context("fork")


@pytest.mark.parametrize("was_enabled", [True, False])
def test_garbage_is_collected_again_if_it_was(was_enabled: bool):
    (gc.enable if was_enabled else gc.disable)()
    try:
        with pytest.raises(ValueError, match="stop"), uncollected():
            assert not gc.isenabled()
            raise ValueError("stop")
        assert gc.isenabled() == was_enabled
    finally:
        gc.enable()


class Stuttering(Source):
    """Breaks off after so many bytes, every time."""

    def __init__(self, source: Source, after: int) -> None:
        self._source = source
        self._after = after
        self.requests = 0

    @property
    def address(self) -> str:
        return self._source.address

    def stream(self, name: str, offset: int, length: int) -> Iterator[bytes]:
        self.requests += 1
        sent = 0
        for chunk in self._source.stream(name, offset, min(length, self._after)):
            sent += len(chunk)
            yield chunk
        if sent == self._after < length:
            raise broken(self.address, "it stuttered")


def refusal(store: Store, source: Source, wanted: Digests) -> EnvGuardError:
    with pytest.raises(EnvGuardError) as caught:
        fetch(store, source, wanted, limits=QUICK)
    return caught.value


def nothing_of(store: Store, wanted: Digests) -> bool:
    return not store.path_of(wanted.pack).exists()


class TestFetch:
    @pytest.mark.parametrize("scheme", ["{}", "file://{}"])
    def test_makes_the_same_image_on_another_machine(
        self, published: Path, image: Image, machines: Machines, scheme: str
    ):
        store = machines.turn("2")
        done = fetch(store, source_at(scheme.format(published)), digests(image))
        assert done.image == image
        assert store.verify(done.image) == ()
        assert done.bytes_read > 0

    def test_makes_it_over_the_web(self, published: Path, image: Image, machines: Machines):
        store = machines.turn("2")
        with served(published) as server:
            done = fetch(store, source_at(server.url), digests(image))
            assert len(server.asked) == 2
        assert store.verify(done.image) == ()

    def test_reads_nothing_that_is_there(
        self, published: Path, image: Image, machines: Machines, share: Path
    ):
        done = fetch(machines.store, FolderSource(share / "nowhere"), digests(image))
        assert (done.image, done.bytes_read, done.contents) == (image, 0, 0)

    def test_reads_only_what_changed(self, published: Path, image: Image, machines: Machines, tmp_path: Path):
        machines.turn("2")
        fetch(machines.store, FolderSource(published), digests(image))
        machines.turn("1")
        following = machines.image(release(2).write(tmp_path, name="2"))
        Share(published).publish(following, like=[image.pack])
        store = machines.turn("2")
        everything = sum(blob.stat().st_size for blob in (published / "blobs").iterdir())
        with served(published) as server:
            fetch(store, source_at(server.url), digests(following))
            blobs = [last - first + 1 for first, last in map(ends, server.asked) if last < 10**6]
        assert 0 < sum(blobs) < everything / 2
        assert store.verify(store.get(following.pack)) == ()

    def test_tells_of_its_progress(self, published: Path, image: Image, machines: Machines):
        told: list[tuple[int, int]] = []
        fetch(machines.turn("2"), FolderSource(published), digests(image), lambda *now: told.append(now))
        assert told[-1][0] == told[-1][1] > 0

    def test_keeps_what_is_complete_while_it_goes_on(self, published: Path, image: Image, machines: Machines):
        limits = replace(QUICK, checkpoint_bytes=1, run_bytes=1)
        store = machines.turn("2")
        done = fetch(store, FolderSource(published), digests(image), limits=limits)
        assert store.verify(done.image) == ()

    def test_takes_a_broken_connection_up_where_it_broke(
        self, published: Path, image: Image, machines: Machines
    ):
        source = Stuttering(FolderSource(published), 3000)
        done = fetch(machines.turn("2"), source, digests(image), limits=replace(QUICK, attempts=1000))
        assert source.requests > 2
        assert machines.store.verify(done.image) == ()

    def test_takes_up_a_web_server_that_breaks_off(self, published: Path, image: Image, machines: Machines):
        with served(published) as server:
            seen: set[str] = set()

            def cut(handler: Handler, part: bytes) -> bytes:
                first = handler.path not in seen
                seen.add(handler.path)
                return part[: len(part) // 2] if first else part

            server.misbehave = cut
            done = fetch(machines.turn("2"), source_at(server.url), digests(image), limits=QUICK)
            assert len(server.asked) == 4
        assert machines.store.verify(done.image) == ()


def test_stops_reading_when_another_part_has_failed():
    given_up = Event()
    chunks = until(given_up, iter((b"one", b"two")))
    assert next(chunks) == b"one"
    given_up.set()
    assert list(chunks) == []


class TestABadShare:
    def test_has_nothing(self, share: Path, image: Image, machines: Machines):
        assert refusal(machines.turn("2"), FolderSource(share), digests(image)).code == "not-shared"

    def test_gives_up_in_the_end(self, published: Path, image: Image, machines: Machines):
        source = Stuttering(FolderSource(published), 1)
        assert refusal(machines.turn("2"), source, digests(image)).code == "source-broken"
        assert source.requests == QUICK.attempts

    def test_has_another_release_under_the_name(
        self, published: Path, image: Image, machines: Machines, tmp_path: Path
    ):
        other = machines.image(release(2).write(tmp_path, name="2"))
        Share(published).publish(other)
        (published / release_file(other.pack)).replace(published / release_file(image.pack))
        store = machines.turn("2")
        assert refusal(store, FolderSource(published), digests(image)).code == "digest-mismatch"
        assert nothing_of(store, digests(image))

    def test_has_a_spec_that_was_not_approved(self, published: Path, image: Image, machines: Machines):
        wanted = replace(digests(image), spec="sha256:" + "0" * 64)
        assert refusal(machines.turn("2"), FolderSource(published), wanted).code == "digest-mismatch"

    def test_has_a_listing_that_is_too_large(self, published: Path, image: Image, machines: Machines):
        with pytest.raises(EnvGuardError) as caught:
            fetch(
                machines.turn("2"),
                FolderSource(published),
                digests(image),
                limits=replace(QUICK, release_bytes=100),
            )
        assert caught.value.code == "share-invalid"

    def test_has_swapped_blobs(self, published: Path, image: Image, machines: Machines, tmp_path: Path):
        other = machines.image(release(2).write(tmp_path, name="2"))
        first = next((published / "blobs").iterdir())
        Share(published).publish(other)
        second = next(path for path in (published / "blobs").iterdir() if path != first)
        second.replace(first)
        store = machines.turn("2")
        assert refusal(store, FolderSource(published), digests(image)).code in (
            "share-invalid",
            "object-mismatch",
        )
        assert nothing_of(store, digests(image))

    @pytest.mark.parametrize("position", [0.0, 0.3, 0.6, 0.99])
    def test_has_a_byte_that_flipped(
        self, published: Path, image: Image, machines: Machines, position: float
    ):
        (blob,) = (published / "blobs").iterdir()
        content = bytearray(blob.read_bytes())
        content[int(len(content) * position)] ^= 1
        blob.chmod(0o644)
        blob.write_bytes(content)
        store = machines.turn("2")
        assert refusal(store, FolderSource(published), digests(image)).code in (
            "share-invalid",
            "object-mismatch",
        )
        assert nothing_of(store, digests(image))

    def test_has_a_blob_that_is_cut(self, published: Path, image: Image, machines: Machines):
        (blob,) = (published / "blobs").iterdir()
        blob.chmod(0o644)
        os.truncate(blob, blob.stat().st_size // 2)
        store = machines.turn("2")
        assert refusal(store, FolderSource(published), digests(image)).code == "share-invalid"
        assert nothing_of(store, digests(image))

    def test_drips(self, published: Path, image: Image, machines: Machines):
        with served(published) as server:
            server.misbehave = lambda handler, part: handler.drip(0.02)
            source = source_at(server.url, QUICK)
            assert refusal(machines.turn("2"), source, digests(image)).code == "source-slow"

    def test_differs_from_what_lies_here(self, published: Path, image: Image, machines: Machines):
        wanted = replace(digests(image), manifest="sha256:" + "0" * 64)
        assert refusal(machines.store, FolderSource(published), wanted).code == "digest-mismatch"


class TestTrouble:
    def test_keeps_what_was_complete_for_the_next_attempt(
        self, published: Path, image: Image, machines: Machines
    ):
        small = replace(QUICK, run_bytes=1, workers=1)
        (blob,) = (published / "blobs").iterdir()
        whole = blob.read_bytes()
        store = machines.turn("2")
        blob.chmod(0o644)
        blob.write_bytes(whole[:-10])
        with pytest.raises(EnvGuardError):
            fetch(store, FolderSource(published), digests(image), limits=small)
        blob.write_bytes(whole)
        done = fetch(store, FolderSource(published), digests(image), limits=small)
        everything = sum(line.kind == "f" for line in image.manifest.lines)
        assert done.contents < everything
        assert store.verify(done.image) == ()

    def test_leaves_nothing_half_made_on_a_full_disk(self, published: Path, image: Image, machines: Machines):
        machines.turn("2")
        with tiny_disk(machines.root, 120):
            assert refusal(machines.store, FolderSource(published), digests(image)).code == "disk-full"
            assert nothing_of(machines.store, digests(image))
        machines.root.rmdir()

    @pytest.mark.parametrize("bare", [False, True])
    def test_is_done_once_for_all_who_ask(self, share: Path, machines: Machines, tmp_path: Path, bare: bool):
        pack = release(1).file("bin/hello", b"#!/bin/sh\necho hello\n", mode=0o755)
        image = machines.image(pack.write(tmp_path, name="hello"))
        Share(share).publish(image)
        store = machines.turn("2")
        with served(share) as server:
            processes = [
                FORKS.Process(target=start_there, args=(store.root, server.url, digests(image), bare))
                for _ in range(32)
            ]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            assert [process.exitcode for process in processes] == [0] * 32
            assert sum(path.startswith("/share/blobs/") for path, _ in server.asked) == 1
        there = store.get(image.pack)
        assert store.verify(there) == ()
        assert list(store.layout.staging.iterdir()) == []
        while mount_at(there.path):
            Presence(store).unmount(there)

    @pytest.mark.parametrize("share_of_work", range(20))
    def test_survives_a_kill(self, published: Path, image: Image, machines: Machines, share_of_work: int):
        """A process is killed after so many requests or writes; the next one finishes the work."""
        root = machines.turn("2").root
        process = FORKS.Process(
            target=fetch_and_die, args=(root, published, digests(image), share_of_work * 6)
        )
        process.start()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        store = machines.store
        assert nothing_of(store, digests(image)) or store.verify(store.get(image.pack)) == ()
        done = fetch(store, FolderSource(published), digests(image))
        assert store.verify(done.image) == ()


def ends(asked: tuple[str, str]) -> tuple[int, int]:
    """Return the first and the last byte that were asked for."""
    first, _, last = asked[1].removeprefix("bytes=").partition("-")
    return int(first), int(last)


def start_there(root: Path, address: str, wanted: Digests, bare: bool) -> None:
    """Do what leads to a kernel on a cold node, and start a program of the environment."""
    store = Store(root)
    image = fetch(store, source_at(address), wanted, bare=bare).image
    presence = Presence(store)
    presence.present(image)
    with leased(image):
        assert presence.check(image) == ()
        assert subprocess.check_output([image.path / "bin/hello"]) == b"hello\n"


def fetch_and_die(
    root: Path,
    share: Path,
    wanted: Digests,
    after: int,
    limits: Limits = LIMITS,
    form: AttestedForm | None = None,
) -> None:
    """Fetch, as one file if there is a `form`, and be killed at the call `after` that changes a disk."""
    import sys

    left = after
    changing = {"open", "os.rename", "os.link", "os.chmod", "os.mkdir", "os.symlink", "os.utime", "os.remove"}

    def watch(event: str, arguments: object) -> None:
        nonlocal left
        if event in changing:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    if form is None:
        fetch(Store(root), FolderSource(share), wanted, limits=limits)
        return
    image = fetch_form(Store(root), FolderSource(share), wanted, form, limits=limits).image
    Presence(Store(root)).mount(image)
    Presence(Store(root)).settle(image)
