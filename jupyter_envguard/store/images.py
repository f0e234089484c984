"""`Store`: images added whole or not at all, found by the digest of their pack."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

from jupyter_envguard.errors import Conflict, InvalidInput, NotFound, Unavailable, Untrusted
from jupyter_envguard.files import explained
from jupyter_envguard.image import (
    AttestedForm,
    Documents,
    Finding,
    Image,
    Owner,
    VerifyMode,
    build,
    read_header,
    read_image,
    verify,
    write_documents,
)
from jupyter_envguard.image.installed import MANIFEST
from jupyter_envguard.image.verify import Hashes
from jupyter_envguard.pack import Pack, Progress
from jupyter_envguard.store.bare import differences, is_bare, write_small
from jupyter_envguard.store.delivery import Delivery
from jupyter_envguard.store.folders import give, is_folder, make_folder, sync_file, sync_file_system
from jupyter_envguard.store.forms import Forms
from jupyter_envguard.store.gathering import Gathering
from jupyter_envguard.store.layout import Layout, Weakness
from jupyter_envguard.store.leases import make_lease, unleased
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.objects import Objects
from jupyter_envguard.store.resuming import forget_old, resuming
from jupyter_envguard.store.shelf import Shelf
from jupyter_envguard.store.solid import FormDelivery, is_solid, write_form

LOCK_SECONDS = 1800.0
"""How long to wait for another process that adds or removes the same image."""

Fill = Callable[[Gathering], None]
"""Puts what is missing."""
FillForm = Callable[[FormDelivery], Mapping[str, bytes]]
"""Writes a form and has it hashed; returns the documents of the image by name."""

MOST_REUSED = 4
"""Approved images whose byte code is looked through; each costs the time to read its manifest."""


class Store:
    """Images below `root`; raises `store-root-invalid` for a path that can be no root.

    Nothing is made before the first `add`. `lock_seconds` is how long `add` and
    `remove` wait for another process that works on the same image.
    """

    def __init__(self, root: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        self.layout = Layout(root)
        self.root = root
        self.lock_seconds = lock_seconds
        self.shelf = Shelf(self.layout)

    def path_of(self, pack_digest: str) -> Path:
        """Return where the image of the pack lies or would lie: the same on every machine with this root."""
        return self.layout.path_of(pack_digest)

    def add(
        self,
        pack: Pack,
        progress: Progress | None = None,
        *,
        approved: Mapping[str, str] = MappingProxyType({}),
    ) -> Image:
        """Make the image of `pack` unless it is there already, and return it.

        `progress` is called with bytes done and all bytes, from zero for each of
        the two passes. `approved` maps digests of packs to the digests of their
        manifests, as the signed catalog has them, the most similar first: from such
        images byte code of the same sources is taken, which saves half the work for
        the next release of an environment. The image comes out the same without.

        Raises the refusals of `build`, `store-root-unsafe`, `disk-full`,
        `permission-denied`, `io-error`, and `locked` when another process works on
        the same image for too long; then nothing is left half-made. What was compiled
        before an interruption or a kill is not compiled again by the next attempt.
        """
        inventory = pack.inventory(progress)
        path = self.path_of(inventory.digest)

        def make(staging: Path, owner: Owner | None) -> None:
            similar = self._images(approved)
            with resuming(self.layout, path.name, owner) as kept:
                tree = staging / "tree"
                manifest = build(
                    pack, inventory, tree, path, progress, owner=owner, approved=similar, kept=kept
                )
            self._document(staging, Documents.of(inventory, manifest), owner)
            sync_file_system(staging)
            objects = Objects(self.layout, owner)
            with objects.adding(self.lock_seconds):
                objects.adopt(staging / "tree", manifest.lines, manifest.header.seal.mtime)
                sync_file_system(staging)
                self.shelf.publish(staging, path.name)

        self._publish(path.name, make)
        return self.get(inventory.digest)

    def receive(self, documents: Documents, fill: Fill, *, bare: bool = False) -> Image:
        """Make the image that `documents` describe from objects, unless it is there already; return it.

        `fill` is called once, and gives the delivery every content that it says is
        missing. With `bare` no tree is made of them: nothing is at the path of the
        image until `Presence.present` brings it there. Of many processes that want the
        same image, one fetches; the others wait. The caller has confirmed the digests
        of the documents.

        Raises what `fill` raises, `prefix-mismatch` for an image that was sealed for
        another root, `delivery-incomplete`, and the failures of `add`. Contents that
        were complete stay, so that the next attempt need not fetch them again.
        """
        path = self.path_of(documents.pack)
        _check_prefix(documents.manifest.header.prefix, path)

        def make(staging: Path, owner: Owner | None) -> None:
            manifest, objects = documents.manifest, Objects(self.layout, owner)
            with objects.adding(self.lock_seconds):
                if bare:
                    with closing(Gathering(manifest, staging / "objects", objects, owner)) as gathering:
                        fill(gathering)
                        give(write_small(manifest, gathering.complete(), staging / "meta"), owner)
                else:
                    with closing(Delivery(manifest, staging / "tree", objects, owner)) as delivery:
                        fill(delivery)
                        delivery.assemble()
                self._document(staging, documents, owner)
                sync_file_system(staging)
                self.shelf.publish(staging, path.name)

        self._publish(path.name, make)
        return self.get(documents.pack)

    def receive_form(self, pack: str, form: AttestedForm, fill: FillForm) -> Image:
        """Make the image of `pack` from the one file `form`, unless it is there already; return it.

        `fill` writes the file and returns the documents, whose digests it has confirmed;
        it is called again if what an earlier attempt had left turns out to be something
        else. The image is not mounted, and not on the disk before `Presence.settle`: what
        a power cut leaves of it is read again before it is mounted.

        Raises what `fill` raises, `form-mismatch` when what it wrote is not the attested
        file, `prefix-mismatch`, and the failures of `add`; then nothing is published, and
        what had arrived is kept unless it was wrong.
        """
        path = self.path_of(pack)

        def make(staging: Path, owner: Owner | None) -> None:
            meta = staging / "meta"
            with FormDelivery(self.layout, path.name, form) as delivery:
                documents = fill(delivery)
                if not delivery.is_it() and delivery.start:
                    delivery.restart()
                    documents = fill(delivery)
                if not delivery.is_it():
                    raise delivery.refuse()
            _check_prefix(read_header(documents[MANIFEST]).prefix, path)
            for written in (*write_documents(documents, meta), write_form(form, meta), make_lease(meta)):
                give(written, owner)
                sync_file(written)
            Forms(self.layout).land(path.name, delivery, owner or (os.geteuid(), os.getegid()))
            self.shelf.publish(staging, path.name)

        self._publish(path.name, make)
        return self.get(pack)

    def get(self, pack_digest: str) -> Image:
        """Return the image of the pack; raise `image-missing`, or `image-damaged` when its record is."""
        path = self.path_of(pack_digest)
        self._require(path.name, pack_digest)
        return read_image(path, self.layout.meta / path.name, pack_digest)

    def verify(
        self, image: Image, mode: VerifyMode = "full", *, hashes: Hashes = MappingProxyType({})
    ) -> tuple[Finding, ...]:
        """Return how the image differs from its manifest; see `image.verify` for the modes and errors.

        Of an image without a tree that is not mounted, what it consists of is looked at.
        """
        with explained(f"verify {image.path}"):
            place = self.root.stat()
            if is_solid(image.meta) and not mount_at(image.path):
                return Forms(self.layout).differences(image, full=mode == "full")
            if is_bare(image.meta) and not mount_at(image.path):
                objects = Objects(self.layout, (place.st_uid, place.st_gid))
                found = differences(image.manifest, image.meta, objects, full=mode == "full", hashes=hashes)
                return tuple(found)
        return verify(image.path, image.manifest, mode, owner=place.st_uid, hashes=hashes)

    def remove(self, pack_digest: str) -> None:
        """Remove the image of the pack; raise `image-missing` when it is not there.

        It vanishes at once and whole. Raises `image-in-use` while a kernel runs from
        it. What only it had of the objects stays until they are collected.
        """
        name = self.path_of(pack_digest).name
        self._require(name, pack_digest)
        with explained(f"remove an image from {self.root}"), self.shelf.lock(name, self.lock_seconds):
            self._require(name, pack_digest)
            with unleased(self.layout.meta / name, name):
                if mount_at(self.root / name):
                    raise Conflict(
                        "image-in-use",
                        f"The image {name} is mounted.",
                        "Unmount it first: jupyter envguard store umount.",
                    )
                self.shelf.clear(name)
            self.shelf.empty_trash()

    def sweep(self, after_each: Callable[[], None] = lambda: None) -> int:
        """Remove what dead processes have left behind, and return how many leftovers there were.

        `after_each` is called after each file that is deleted, for whoever is in no hurry.
        """
        found = 0
        with explained(f"sweep {self.root}"):
            for name in self.shelf.leftovers():
                with contextlib.suppress(Unavailable), self.shelf.lock(name, 0):
                    if not self.shelf.is_published(name):  # else it was published while we looked
                        found += self.shelf.clear(name)
            found += self.shelf.empty_trash(after_each) + forget_old(self.layout)
        return found

    def weaknesses(self) -> tuple[Weakness, ...]:
        """Return what is wrong with the place of the store, for a person who sets up a machine."""
        return self.layout.weaknesses()

    def prepare(self) -> Owner | None:
        """Make the folders of the store; return who owns it when that is not this user."""
        root = self.root
        if not root.exists():
            with contextlib.suppress(FileExistsError):  # another process was quicker
                root.mkdir(0o755, parents=True)
                root.chmod(0o755)
        self.layout.check()
        place = root.stat()
        owner = None if place.st_uid == os.geteuid() else (place.st_uid, place.st_gid)
        if owner and os.geteuid() != 0:
            raise Unavailable(
                "permission-denied",
                f"{root} belongs to uid {place.st_uid}, and only that user and root add images to it.",
                "Run as the owner of the store.",
            )
        for folder, mode in self.layout.folders():
            if not is_folder(folder):
                make_folder(folder, mode, owner)
        Objects(self.layout, owner).prepare()
        return owner

    def _publish(self, name: str, make: Callable[[Path, Owner | None], None]) -> None:
        """Let `make` stage and publish `name` unless it is there, one process at a time."""
        with explained(f"add an image to {self.root}"):
            if self.shelf.is_published(name):
                return
            owner = self.prepare()
            with self.shelf.lock(name, self.lock_seconds, owner):
                if not self.shelf.is_published(name):
                    self.shelf.clear(name)
                    with self.shelf.staged(name, owner) as staging:
                        make(staging, owner)

    def _document(self, staging: Path, documents: Documents, owner: Owner | None) -> None:
        for path in (*documents.write(staging / "meta"), make_lease(staging / "meta")):
            give(path, owner)

    def _images(self, approved: Mapping[str, str]) -> Sequence[Image]:
        """Return the first few images that are here and are what `approved` says."""
        found: list[Image] = []
        for pack, manifest in approved.items():
            if len(found) < MOST_REUSED:
                with contextlib.suppress(NotFound, Untrusted):
                    image = self.get(pack)
                    if image.manifest.digest() == manifest:
                        found.append(image)
        return found

    def _require(self, name: str, pack_digest: str) -> None:
        with explained(f"look for an image in {self.root}"):
            found = self.shelf.is_published(name)
        if not found:
            raise NotFound(
                "image-missing",
                f"The environment of the pack {pack_digest} is not in {self.root}.",
                "Import its pack on this machine.",
            )


def _check_prefix(prefix: str, path: Path) -> None:
    if prefix != str(path):
        raise InvalidInput(
            "prefix-mismatch",
            f"The image was sealed for {prefix}, here it would lie in {path}.",
            "Use the same store root on every machine.",
        )
