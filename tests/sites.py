"""Whole sites on a disk, made in a moment: store, signed catalog, root of trust, spool, site.yaml.

>>> site = SiteBuilder(folder)
>>> site.offer(site.image(PackBuilder.honest().write(folder)), "datasci", "2026.05")
>>> site.revoke("datasci", "2026.05")
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_envguard.audit import Query, Record, merged, spooled
from jupyter_envguard.catalog import Catalog, Entry, State, Statement
from jupyter_envguard.catalog.repository import Repository
from jupyter_envguard.image import Image
from jupyter_envguard.pack import open_pack
from jupyter_envguard.site import template
from jupyter_envguard.store import Store
from tests.catalogs import entry

REQUEST_URL = "https://example.org/ask"


@contextlib.contextmanager
def short_folder(place: str = "/tmp") -> Iterator[Path]:
    """Make a folder with a path short enough for a store: packs in tests reserve little room for a prefix."""
    folder = Path(tempfile.mkdtemp(prefix="eg", dir=place))
    try:
        yield folder
    finally:
        for parent, _, _ in os.walk(folder):
            os.chmod(parent, 0o700)
        shutil.rmtree(folder)


@functools.cache
def real_images() -> dict[str, Image]:
    """Bring the demo's real packs into a store, once for all tests of this run."""
    from demo.environments import build, default_cache

    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    folder = stack.enter_context(short_folder())
    builder = SiteBuilder(folder / "site", folder / "s")
    return {name: builder.image(build(name, default_cache())) for name in ("minimal", "datasci", "calc")}


class SiteBuilder:
    """One site; what is published through it is signed at once."""

    def __init__(self, folder: Path, store: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.store = Store(store or folder / "store")
        self.spool = folder / "spool"
        self.spool.mkdir(mode=0o1733)
        self.repository = Repository(folder / "catalog", folder / "keys")
        (folder / "root.json").write_bytes(self.repository.init())
        self.path = folder / "site.yaml"
        self.path.write_text(template("Test Hub", store=str(self.store.root), request_url=REQUEST_URL))

    def write(self, line: str) -> None:
        """Add a line to the site file, before any session has read it."""
        self.path.write_text(f"{self.path.read_text()}\n{line}\n")

    def image(self, pack: Path) -> Image:
        """Bring a pack into the store."""
        with open_pack(pack) as opened:
            return self.store.add(opened)

    def offer(self, image: Image, name: str, release: str, **fields: Any) -> Entry:
        """Publish an approved release of `image` for everybody, changed as asked."""
        digests = {"pack": image.pack, "spec": image.spec_digest, "manifest": image.manifest_digest}
        made = entry(name, release, **({"groups": ("*",)} | digests | fields))
        self.publish(*self.catalog.entries, made)
        return made

    def publish(self, *entries: Entry) -> None:
        """Publish exactly these entries."""
        self.repository.publish(entries, self.catalog.version)

    def change(self, name: str, release: str, **fields: Any) -> None:
        """Publish one release with other fields."""
        old = self.catalog.require(name, release)
        self.publish(*(e for e in self.catalog.entries if e.id != old.id), replace(old, **fields))

    def revoke(self, name: str, release: str) -> None:
        """Publish the revocation of a release."""
        said = Statement("boss", "2026-11-20T08:00:00Z", "CVE-2026-1")
        self.change(name, release, state=State.REVOKED, changed=said)

    @property
    def catalog(self) -> Catalog:
        """What is published."""
        return self.repository.load()

    def events(self) -> list[Record]:
        """What sessions have recorded."""
        return list(merged(spooled(self.spool), Query(), []))
