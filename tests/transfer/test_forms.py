"""From a share to a mounted image in one file, over good, bad and hostile sources."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.image import AttestedForm, Image
from jupyter_envguard.store import Presence, Store, mounts
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.solid import CHUNK, is_solid
from jupyter_envguard.store.tiers import TIERS
from jupyter_envguard.transfer import Digests, Share, fetch_form, source_at
from jupyter_envguard.transfer.limits import MIB
from jupyter_envguard.transfer.share import form_file, release_file
from jupyter_envguard.transfer.sources import FolderSource, Source, broken
from tests.disks import tiny_disk
from tests.forms import large, publish_form, unmount_all
from tests.shares import Handler, Machines, digests, release, served
from tests.stores import names, root_only
from tests.transfer.test_fetch import QUICK, Stuttering, fetch_and_die

pytestmark = [
    root_only,
    pytest.mark.skipif(bool(TIERS["erofs"].obstacle()), reason="no EROFS can be made or mounted here"),
]
PARTS = replace(QUICK, part_bytes=MIB // 2)
FORKS = multiprocessing.get_context("fork")


@dataclass
class World:
    """A release on a share, its form, and an empty machine."""

    machines: Machines
    share: Path
    wanted: Digests
    form: AttestedForm

    @property
    def store(self) -> Store:
        return self.machines.store

    @property
    def file(self) -> Path:
        return self.share / form_file(self.wanted.pack, self.form)

    def fetch(self, source: Source | None = None) -> Image:
        source = source or FolderSource(self.share)
        return fetch_form(self.store, source, self.wanted, self.form, limits=PARTS).image

    def refusal(self, source: Source | None = None) -> str:
        """Return the code of the refusal, after which nothing is there and nothing but a hash has read it."""
        with pytest.MonkeyPatch.context() as patch, pytest.raises(EnvGuardError) as caught:
            patch.setattr(mounts, "mount", lambda *_, **__: pytest.fail("it was mounted"))
            self.fetch(source)
        assert self.store.shelf.names() == ()
        assert not self.store.path_of(self.wanted.pack).exists()
        assert names(self.store.layout.forms) == names(self.store.layout.staging) == []
        return caught.value.code


@pytest.fixture
def world(machines: Machines, share: Path, tmp_path: Path) -> Iterator[World]:
    image = machines.image(large().write(tmp_path, name="1"))
    Share(share).publish(image)
    form = publish_form(machines.store, image, share)
    made = World(machines, share, digests(image), form)
    made.file.chmod(0o644)
    machines.turn("2")
    yield made
    unmount_all(machines.root)


class TestFetchForm:
    def test_makes_the_image_of_one_file(self, world: World):
        done = fetch_form(world.store, FolderSource(world.share), world.wanted, world.form, limits=PARTS)
        assert is_solid(done.image.meta)
        assert done.bytes_read > world.form.size
        assert (done.contents, done.address) == (1, str(world.share))
        assert Presence(world.store).mount(done.image) == "erofs"
        assert world.store.verify(done.image) == ()

    def test_makes_it_over_the_web_in_parts(self, world: World):
        with served(world.share) as server:
            image = world.fetch(source_at(server.url))
            parts = [path for path, _ in server.asked if path.startswith("/share/forms/")]
        assert len(parts) == -(-world.form.size // PARTS.part_bytes)
        assert world.store.verify(image) == ()

    def test_reads_nothing_that_is_there(self, world: World):
        world.fetch()
        done = fetch_form(world.store, FolderSource(world.share / "none"), world.wanted, world.form)
        assert (done.bytes_read, done.contents, done.address) == (0, 0, "")

    def test_refuses_what_is_there_and_is_not_it(self, world: World):
        world.fetch()
        world.wanted = replace(world.wanted, manifest="sha256:" + 64 * "0")
        with pytest.raises(EnvGuardError, match="not the approved one"):
            world.fetch()

    def test_tells_of_its_progress(self, world: World):
        told: list[tuple[int, int]] = []
        fetch_form(
            world.store,
            FolderSource(world.share),
            world.wanted,
            world.form,
            lambda *now: told.append(now),
            PARTS,
        )
        assert told[-1] == (world.form.size, world.form.size)
        assert len(told) > 1

    def test_takes_a_broken_connection_up_where_it_broke(self, world: World):
        source = Stuttering(FolderSource(world.share), MIB // 4)
        assert world.store.verify(world.fetch(source)) == ()

    def test_keeps_what_arrived_for_the_next_attempt(self, world: World):
        whole = world.file.read_bytes()
        world.file.write_bytes(whole[: 2 * CHUNK])
        assert world.refusal() == "source-broken"
        world.file.write_bytes(whole)
        done = fetch_form(world.store, FolderSource(world.share), world.wanted, world.form, limits=PARTS)
        assert done.bytes_read < world.form.size
        assert world.store.verify(done.image) == ()

    def test_reads_all_of_it_again_when_what_was_kept_is_something_else(self, world: World):
        whole = world.file.read_bytes()
        world.file.write_bytes(bytes(2 * CHUNK - 1) + b"x")
        assert world.refusal() == "source-broken"
        world.file.write_bytes(whole)
        assert world.store.verify(world.fetch()) == ()


class TestAHostileShare:
    """Whatever it sends, nothing is published but the attested file."""

    @pytest.mark.parametrize("at", [0, 1024, MIB, -1])
    def test_has_a_byte_that_flipped(self, world: World, at: int):
        content = bytearray(world.file.read_bytes())
        content[at] ^= 1
        world.file.write_bytes(content)
        assert world.refusal() == "form-mismatch"
        assert names(world.store.layout.kept) == []

    def test_has_another_file_system_of_the_same_size(self, world: World, tmp_path: Path):
        world.file.write_bytes(b"\0" * 1024 + b"\xe2\xe1\xf5\xe0" + bytes(world.form.size - 1028))
        assert world.refusal() == "form-mismatch"

    def test_has_the_form_of_another_release(self, world: World, tmp_path: Path):
        world.machines.turn("1")
        other = world.machines.image(release(3).write(tmp_path, name="3"))
        form = publish_form(world.machines.store, other, world.share)
        world.machines.turn("2")
        world.file.write_bytes((world.share / form_file(other.pack, form)).read_bytes())
        assert world.refusal() in ("source-broken", "form-mismatch")

    def test_has_a_form_that_is_cut(self, world: World):
        world.file.write_bytes(world.file.read_bytes()[:-1])
        assert world.refusal() == "source-broken"

    def test_has_no_form(self, world: World):
        world.file.unlink()
        assert world.refusal() == "not-shared"

    def test_has_a_link_in_its_place(self, world: World, tmp_path: Path):
        elsewhere = world.file.rename(tmp_path / "elsewhere")
        world.file.symlink_to(elsewhere)
        assert world.refusal() == "invalid-argument"

    def test_has_a_form_but_no_release(self, world: World):
        (world.share / release_file(world.wanted.pack)).unlink()
        assert world.refusal() == "not-shared"

    def test_has_documents_that_were_not_approved(self, world: World):
        world.wanted = replace(world.wanted, spec="sha256:" + 64 * "0")
        assert world.refusal() == "digest-mismatch"

    def test_sends_without_end(self, world: World):
        def more(handler: Handler, part: bytes) -> bytes:
            return part + b"endless" * MIB

        with served(world.share) as server:
            server.misbehave = more
            image = world.fetch(source_at(server.url))
        assert (world.store.layout.forms / f"{image.path.name}.erofs").stat().st_size == world.form.size
        assert world.store.verify(image) == ()

    def test_drips(self, world: World):
        with served(world.share) as server:

            def drip(handler: Handler, part: bytes) -> bytes | None:
                if "/forms/" not in handler.path:
                    return part
                handler.send_response(206)
                handler.send_header("Content-Range", f"bytes {handler.headers['Range'][6:]}/{10**9}")
                handler.send_header("Content-Length", str(10**9))
                handler.end_headers()
                handler.wfile.write(b"x")
                return None

            server.misbehave = drip
            assert world.refusal(source_at(server.url)) in ("source-slow", "source-broken")

    def test_changes_while_it_is_read(self, world: World):
        """What was checked is what was written here, so a change afterwards changes nothing."""

        class Changing(FolderSource):
            def stream(self, name: str, offset: int, length: int) -> Iterator[bytes]:
                for chunk in super().stream(name, offset, length):
                    yield chunk
                    if name.startswith("forms/"):
                        with world.file.open("r+b") as file:
                            file.seek(offset)
                            file.write(b"evil")

        assert world.store.verify(world.fetch(Changing(world.share))) == ()

    def test_breaks_off_for_ever(self, world: World):
        class Broken(FolderSource):
            def stream(self, name: str, offset: int, length: int) -> Iterator[bytes]:
                if name.startswith("forms/") and offset >= MIB:
                    raise broken(self.address, "it is broken")
                yield from super().stream(name, offset, length)

        assert world.refusal(Broken(world.share)) == "source-broken"


class TestTrouble:
    def test_leaves_nothing_half_made_on_a_full_disk(self, world: World):
        world.machines.root.mkdir(exist_ok=True)
        world.machines.root.rmdir()
        with tiny_disk(world.machines.root, 2048):
            with pytest.raises(EnvGuardError) as caught:
                world.fetch()
            assert caught.value.code == "disk-full"
            assert world.store.shelf.names() == ()
        world.machines.root.rmdir()

    @pytest.mark.parametrize("after", range(0, 60, 4))
    def test_survives_a_kill(self, world: World, after: int):
        process = FORKS.Process(
            target=fetch_and_die,
            args=(world.store.root, world.share, world.wanted, after, PARTS, world.form),
        )
        process.start()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        store = world.store
        assert store.shelf.names() == () or store.verify(store.get(world.wanted.pack)) == ()
        image = world.fetch()
        presence = Presence(store)
        assert presence.mount(image) == "erofs"
        assert store.verify(image) == presence.check(image) == ()

    def test_is_done_once_for_all_who_ask(self, world: World):
        with served(world.share) as server:
            processes = [
                FORKS.Process(target=start_there, args=(world.store.root, server.url, world))
                for _ in range(16)
            ]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            assert [process.exitcode for process in processes] == [0] * 16
            parts = [asked for asked in server.asked if asked[0].startswith("/share/forms/")]
        assert len(parts) == len(set(parts))
        assert mount_at(world.store.path_of(world.wanted.pack))


def start_there(root: Path, address: str, world: World) -> None:
    """Do what leads to a kernel on a cold node."""
    store = Store(root)
    image = fetch_form(store, source_at(address), world.wanted, world.form, limits=PARTS).image
    presence = Presence(store)
    assert presence.present(image) == "erofs"
    presence.settle(image)
    assert presence.check(image) == ()
