"""Images that are one file: received, mounted, checked, set aside, collected."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError, InvalidInput, Unavailable, Untrusted
from jupyter_envguard.image import AttestedForm, Image
from jupyter_envguard.store import FormDelivery, Presence, Store, forms, leased, tiers
from jupyter_envguard.store import presence as module
from jupyter_envguard.store.bare import has_tree
from jupyter_envguard.store.collection import collect
from jupyter_envguard.store.forms import Form
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.scrub import scrub
from jupyter_envguard.store.solid import CHUNK, FORM, is_solid, read_form, write_form
from jupyter_envguard.store.tiers import TIERS
from tests.forms import NOISE, as_solid, documents_of, form_of, large, received, unmount_all
from tests.stores import add, in_fork, is_clean, names, outcome, root_only

pytestmark = [
    root_only,
    pytest.mark.skipif(bool(TIERS["erofs"].obstacle()), reason="no EROFS can be made or mounted here"),
]


@pytest.fixture
def made(store: Store, tmp_path: Path) -> Iterator[Image]:
    """An image with a tree."""
    yield add(store, large().write(tmp_path, "tar"))
    unmount_all(store.root)


@pytest.fixture
def image(store: Store, made: Image) -> Image:
    """The same as one file, which is not mounted."""
    return as_solid(store, made)


def form_file(store: Store, image: Image) -> Path:
    return store.layout.forms / f"{image.path.name}.erofs"


def spoil(path: Path, at: int = 1 << 20) -> None:
    """Change a byte and set the time back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


class TestReceiving:
    def test_makes_an_image_that_is_one_file(self, store: Store, made: Image, image: Image) -> None:
        assert image == made
        assert is_solid(image.meta)
        assert not has_tree(image.meta)
        assert names(image.path) == []
        assert names(store.layout.forms) == [f"{image.path.name}.erofs", f"{image.path.name}.erofs.json"]
        assert store.verify(image) == store.verify(image, "stat") == ()
        assert names(store.layout.kept) == []
        assert is_clean(store)

    def test_leaves_what_is_there_alone(self, store: Store, made: Image) -> None:
        form, _ = form_of(store, made)
        assert received(store, made.pack, form, b"", {}) == made
        assert not is_solid(made.meta)

    @pytest.mark.parametrize("cut", [slice(0, -1), slice(0, 0), slice(1, None)], ids=["cut", "none", "other"])
    def test_refuses_another_file(self, store: Store, made: Image, cut: slice) -> None:
        form, content = form_of(store, made)
        documents = documents_of(made)
        store.remove(made.pack)
        with pytest.raises(Untrusted) as caught:
            received(store, made.pack, form, content[cut], documents)
        assert caught.value.code == "form-mismatch"
        assert names(store.layout.kept) == names(store.layout.forms) == []
        assert store.shelf.names() == ()
        assert is_clean(store)

    def test_takes_no_byte_beyond_the_size(self, store: Store, made: Image) -> None:
        form, content = form_of(store, made)
        documents = documents_of(made)
        store.remove(made.pack)
        image = received(store, made.pack, form, content + b"endless" * CHUNK, documents)
        assert form_file(store, image).stat().st_size == form.size

    def test_refuses_another_root(self, store: Store, made: Image, tmp_path: Path) -> None:
        form, content = form_of(store, made)
        other = Store(tmp_path / "other")
        with pytest.raises(InvalidInput) as caught:
            received(other, made.pack, form, content, documents_of(made))
        assert caught.value.code == "prefix-mismatch"
        assert other.shelf.names() == ()

    def test_takes_up_what_a_killed_process_left(self, store: Store, made: Image) -> None:
        form, content = form_of(store, made)
        documents = documents_of(made)
        store.remove(made.pack)

        def die() -> None:
            with FormDelivery(store.layout, made.path.name, form) as delivery:
                delivery.write(0, content[: 2 * CHUNK + 5])
                os.kill(os.getpid(), signal.SIGKILL)

        assert outcome(in_fork(die)) == -signal.SIGKILL
        starts: list[int] = []

        def fill(delivery: FormDelivery) -> Mapping[str, bytes]:
            starts.append(delivery.start)
            delivery.write(delivery.start, content[delivery.start :])
            delivery.hash_up_to(form.size)
            return documents

        image = store.receive_form(made.pack, form, fill)
        assert starts == [2 * CHUNK]
        assert store.verify(image) == ()

    def test_begins_anew_when_what_was_left_is_something_else(self, store: Store, made: Image) -> None:
        form, content = form_of(store, made)
        documents = documents_of(made)
        store.remove(made.pack)
        with FormDelivery(store.layout, made.path.name, form) as delivery:
            delivery.write(0, bytes(range(256)) * 2 * (CHUNK // 256))
        image = received(store, made.pack, form, content, documents)
        assert store.verify(image) == ()

    def test_a_file_that_was_cut_meanwhile_is_not_it(self, store: Store, made: Image) -> None:
        form, content = form_of(store, made)
        with FormDelivery(store.layout, made.path.name, form) as delivery:
            delivery.write(0, content)
            os.truncate(delivery.path, CHUNK)
            delivery.hash_up_to(form.size)
            assert delivery.hashed == CHUNK
            assert not delivery.is_it()

    def test_trusts_nothing_that_somebody_else_left(self, store: Store, made: Image) -> None:
        form, _ = form_of(store, made)
        kept = store.layout.kept / f"{made.path.name}.form"
        kept.write_bytes(b"x" * 2 * CHUNK)
        kept.chmod(0o666)
        with FormDelivery(store.layout, made.path.name, form) as delivery:
            assert delivery.start == 0

    def test_a_folder_in_the_way_is_an_error(self, store: Store, made: Image) -> None:
        form, _ = form_of(store, made)
        (store.layout.kept / f"{made.path.name}.form").mkdir()
        with pytest.raises(OSError, match="File exists"), FormDelivery(store.layout, made.path.name, form):
            pass


class TestNote:
    FORM = AttestedForm("erofs", "sha256:" + 64 * "b", 7)

    def test_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        write_form(self.FORM, tmp_path)
        assert read_form(tmp_path) == self.FORM

    @pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"kind": "erofs"}', b"[" * 4000])
    def test_is_refused_when_it_is_something_else(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / FORM).write_bytes(content)
        with pytest.raises(Untrusted, match="does not say"):
            read_form(tmp_path)


class TestMounting:
    def test_shows_the_image(self, store: Store, image: Image, presence: Presence) -> None:
        assert presence.tier_of(image.path.name) == "form"
        assert not presence.is_usable(image)
        assert presence.present(image) == "erofs"
        found = mount_at(image.path)
        assert found and found.options >= {"ro", "nosuid", "nodev"}
        assert store.verify(image) == ()
        assert (image.path / "lib/python3.11/site-packages/noise.bin").read_bytes() == NOISE
        assert presence.mount(image) == presence.present(image) == "erofs"

    def test_is_checked_in_a_moment_before_and_after_it_is_on_the_disk(
        self, store: Store, image: Image, presence: Presence, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        presence.mount(image)
        monkeypatch.setattr(Store, "verify", lambda *_: pytest.fail("every path was looked at"))
        form = presence.forms.of(image, TIERS["erofs"])
        assert not form.is_on_the_disk
        assert presence.check(image) == ()
        presence.settle(image)
        assert form.is_on_the_disk
        assert presence.check(image) == ()
        presence.settle(image)

    def test_needs_no_program(
        self, image: Image, presence: Presence, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tiers.mounts, "PROGRAMS", "/nowhere")
        assert presence.mount_all() == {image.path.name: "erofs"}

    @pytest.mark.parametrize("settled", [False, True])
    def test_after_a_boot_what_was_not_on_the_disk_is_read_again(
        self, store: Store, image: Image, presence: Presence, monkeypatch: pytest.MonkeyPatch, settled: bool
    ) -> None:
        if settled:
            presence.settle(image)
        boot = store.root / "boot"
        boot.write_text("another\n")
        monkeypatch.setattr(forms, "BOOT", boot)
        form = presence.forms.of(image, TIERS["erofs"])
        assert form.is_unchanged() is settled
        read: list[Path] = []
        hashed = forms.hash_of
        monkeypatch.setattr(forms, "hash_of", lambda path: (read.append(path), hashed(path))[1])
        assert presence.mount_all() == {image.path.name: "erofs"}
        assert read == ([] if settled else [form.path])
        assert form.is_on_the_disk

    def test_what_a_power_cut_left_is_not_mounted(
        self, store: Store, image: Image, presence: Presence, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        boot = store.root / "boot"
        boot.write_text("another\n")
        monkeypatch.setattr(forms, "BOOT", boot)
        spoil(form_file(store, image))
        (failure,) = presence.mount_all().values()
        assert isinstance(failure, EnvGuardError)
        assert failure.code == "image-damaged"
        assert mount_at(image.path) is None

    def test_a_changed_file_is_not_mounted(self, store: Store, image: Image, presence: Presence) -> None:
        presence.settle(image)
        spoil(form_file(store, image))
        for act in (presence.mount, presence.present):
            with pytest.raises(Untrusted) as caught:
                act(image)
            assert caught.value.code == "image-damaged"
        assert mount_at(image.path) is None
        assert store.verify(image, "stat")

    def test_a_file_that_is_gone_is_not_mounted(self, store: Store, image: Image, presence: Presence) -> None:
        form_file(store, image).unlink()
        with pytest.raises(Untrusted, match="not the file that was fetched"):
            presence.mount(image)
        assert [finding.problem for finding in store.verify(image)] == ["changed"]

    def test_as_something_else_is_refused(self, image: Image, presence: Presence) -> None:
        with pytest.raises(InvalidInput, match="cannot be mounted as overlay"):
            presence.mount(image, "overlay")
        assert presence.mount(image, "erofs") == "erofs"

    def test_without_the_right_is_explained(
        self, image: Image, presence: Presence, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "obstacle_to_fetched", lambda: "not here")
        with pytest.raises(Unavailable) as caught:
            presence.present(image)
        assert caught.value.code == "image-not-mounted"
        assert not presence.takes_forms()

    def test_forgetting_leaves_the_file(self, store: Store, image: Image, presence: Presence) -> None:
        presence.mount(image)
        assert presence.unmount(image, forget=True)
        assert presence.tier_of(image.path.name) == "form"
        assert presence.present(image) == "erofs"


class TestSettling:
    def test_of_other_images_does_nothing(self, store: Store, made: Image) -> None:
        Presence(store).settle(made)

    def test_a_disk_that_fails_takes_the_image_away(
        self, store: Store, image: Image, presence: Presence, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(path: Path) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

        presence.mount(image)
        monkeypatch.setattr(forms, "sync_file", fail)
        with pytest.raises(Unavailable) as caught:
            presence.settle(image)
        assert caught.value.code == "io-error"
        assert store.shelf.names() == ()
        assert mount_at(image.path) is None


class TestScrub:
    @pytest.mark.parametrize("mounted", [False, True])
    def test_finds_nothing_in_a_whole_one(self, store: Store, image: Image, mounted: bool) -> None:
        if mounted:
            Presence(store).mount(image)
        assert list(scrub(store)) == []

    @pytest.mark.parametrize("mounted", [False, True])
    def test_sets_a_changed_one_aside_with_its_file(self, store: Store, image: Image, mounted: bool) -> None:
        if mounted:
            Presence(store).mount(image)
        spoil(form_file(store, image))
        (damage,) = scrub(store)
        assert (damage.name, damage.pack) == (image.path.name, image.pack)
        assert damage.aside
        assert f"{image.path.name}.erofs" in names(damage.aside)
        assert store.shelf.names() == ()
        assert names(store.layout.forms) == []
        assert mount_at(image.path) is None

    def test_a_note_that_goes_along_does_not_help(self, store: Store, image: Image) -> None:
        """Whoever changes the file and what was noted of it is found out by what the catalog attested."""
        path = form_file(store, image)
        spoil(path)
        Form(path, TIERS["erofs"]).note(forms.hash_of(path), (0, 0))
        assert [damage.name for damage in scrub(store)] == [image.path.name]


class TestCollecting:
    def test_leaves_what_a_kernel_uses(self, store: Store, image: Image, presence: Presence) -> None:
        presence.mount(image)
        with leased(image):
            assert collect(store, [], grace=0).removed == ()
        assert mount_at(image.path)

    def test_takes_the_file_with_the_image(self, store: Store, image: Image, presence: Presence) -> None:
        presence.mount(image)
        assert collect(store, [], grace=0).removed == (image.path.name,)
        assert names(store.layout.forms) == []
        assert mount_at(image.path) is None

    def test_counts_no_objects_of_it(self, store: Store, image: Image) -> None:
        found = collect(store, [], grace=0, dry_run=True)
        assert found.removed == (image.path.name,)

    def test_takes_a_form_whose_image_was_not_published(self, store: Store, image: Image) -> None:
        record = image.meta / "pack.json"
        record.unlink()
        collect(store, [], grace=0)
        assert names(store.layout.forms) == []


class TestAttestable:
    def test_leaves_nothing_of_what_it_made(self, store: Store, made: Image) -> None:
        with Presence(store).attestable(made) as (form, path):
            assert path.stat().st_size == form.size
            assert forms.hash_of(path) == form.sha256
        assert names(store.layout.forms) == []

    def test_is_the_same_every_time(self, store: Store, made: Image) -> None:
        assert form_of(store, made)[0] == form_of(store, made)[0]

    def test_leaves_what_was_there(self, store: Store, made: Image) -> None:
        presence = Presence(store)
        presence.mount(made, "erofs")
        with presence.attestable(made) as (_, path):
            pass
        assert path.exists()

    def test_of_one_that_is_a_file_is_that_file(self, store: Store, image: Image, presence: Presence) -> None:
        with presence.attestable(image) as (form, path):
            assert form == read_form(image.meta)
        assert path.exists()

    def test_is_of_no_use_from_a_store_that_is_not_roots(self, store: Store, made: Image) -> None:
        os.chown(store.root, 1234, -1)
        with (
            pytest.raises(Unavailable, match="not root's"),
            Presence(store).attestable(made),
        ):
            pass
        assert not Presence(store).takes_forms()
