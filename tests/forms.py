"""A release as one file: made on one machine, put on a share, and what a catalog would say of it."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Mapping
from pathlib import Path

from jupyter_envguard.image import AttestedForm, Image
from jupyter_envguard.image.installed import MANIFEST, RECORD, SPEC
from jupyter_envguard.store import FormDelivery, Presence, Store, mounts
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.transfer import Share
from tests.packs import SITE_PACKAGES, PackBuilder

NOISE = random.Random(21).randbytes(3 << 20)
"""What does not compress, so that a form of it has several parts."""


def large() -> PackBuilder:
    """Return the pack of a release whose form has some megabytes."""
    return PackBuilder.honest().file(f"{SITE_PACKAGES}/noise.bin", NOISE)


def publish_form(store: Store, image: Image, share: Path) -> AttestedForm:
    """Put the form of `image` on the share, and return what is to be signed of it."""
    with Presence(store).attestable(image) as (form, path):
        Share(share).publish_form(image.pack, form, path)
    return form


def form_of(store: Store, image: Image) -> tuple[AttestedForm, bytes]:
    """Return the form of `image` and what is to be signed of it."""
    with Presence(store).attestable(image) as (form, path):
        return form, path.read_bytes()


def documents_of(image: Image) -> dict[str, bytes]:
    return {name: (image.meta / name).read_bytes() for name in (RECORD, MANIFEST, SPEC)}


def as_solid(store: Store, image: Image) -> Image:
    """Let the store have `image` as one file: take it away, and receive that."""
    form, content = form_of(store, image)
    documents = documents_of(image)
    store.remove(image.pack)
    return received(store, image.pack, form, content, documents)


def received(
    store: Store, pack: str, form: AttestedForm, content: bytes, documents: Mapping[str, bytes]
) -> Image:
    """Let the store receive `content` as the form."""

    def fill(delivery: FormDelivery) -> Mapping[str, bytes]:
        delivery.write(delivery.start, content[delivery.start :])
        delivery.hash_up_to(form.size)
        return documents

    return store.receive_form(pack, form, fill)


def unmount_all(root: Path) -> None:
    """Take away every mount below the store at `root`."""
    for path in (*root.glob("*"), *root.glob(".staging/*")):
        while mount_at(path):
            with contextlib.suppress(OSError):
                mounts.unmount(path, detach=True)
