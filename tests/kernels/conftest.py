"""A site, and images that look like Python environments without being any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard.image import Image
from tests.packs import SITE_PACKAGES, PackBuilder
from tests.sites import SiteBuilder, short_folder


@pytest.fixture(scope="session")
def images() -> Iterator[tuple[Image, Image]]:
    """Two images in a store that tests share."""
    with short_folder() as folder:
        site = SiteBuilder(folder / "site", folder / "s")
        found = []
        for release in ("1", "2"):
            pack = PackBuilder.honest()
            pack.file(f"{SITE_PACKAGES}/ipykernel_launcher.py", b"")
            pack.file("share/note.txt", release.encode())
            found.append(site.image(pack.write(folder, name=release)))
        yield found[0], found[1]


@pytest.fixture
def site(images: tuple[Image, Image], tmp_path: Path) -> SiteBuilder:
    return SiteBuilder(tmp_path / "site", store=images[0].path.parent)
