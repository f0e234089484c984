"""An image with files that are large enough to be objects, for tests that mount it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jupyter_envguard.store import Image, Store, mounts
from jupyter_envguard.store.mounts import mount_at
from tests.images import environment
from tests.stores import add

BIG = bytes(range(256)) * 40


def mountable(store: Store, folder: Path) -> Iterator[Image]:
    """Add the image, whose pack is written into `folder`; in the end unmount all that is of the store."""
    pack = environment().file("share/big", BIG).file("bin/run", BIG, mode=0o755).file("share/none", b"")
    yield add(store, pack.symlink("share/link", "big").write(folder, "tar", "release"))
    for path in (*store.root.glob("*"), *store.layout.staging.glob("*")):
        while mount_at(path):
            mounts.unmount(path, detach=True)
