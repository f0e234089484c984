"""A large environment of real packages, in two releases: what a data-science group really has.

    python -m benchmarks.large

Made as the demo's packs are, from wheels of PyPI by way of a conda channel, and kept
below the cache: some 170 packages in 40,000 files and 1.5 GB. From one release to the
next two packages change. The first time takes minutes and half a gigabyte of wheels.
"""

from __future__ import annotations

import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from demo import channel, conda, shelf, wheels
from demo.environments import CHANNEL, default_cache
from demo.recipes import Recipe

PINS = Path(__file__).with_name("large.txt").read_text("utf-8").split()
"""Every package of the first release."""
CHANGED = ("pandas==2.3.3", "scikit-learn==1.7.2")
"""What the second one has instead."""


@dataclass(frozen=True, slots=True)
class Large:
    """The packs of two releases."""

    first: Path
    """`large@2026.05`, as `.tar.gz`."""
    following: Path
    """`large@2026.11`, as `.tar.gz`."""

    def other(self, suffix: str) -> Path:
        """Return the first release in another format, such as `tar.zst`; make it if needed."""
        return _pack("2026.05", PINS, suffix, print)


def build(progress: Callable[[str], None] = print) -> Large:
    """Make both packs, or find them below the cache."""
    names = {pin.partition("==")[0] for pin in CHANGED}
    following = [pin for pin in PINS if pin.partition("==")[0] not in names] + list(CHANGED)
    return Large(_pack("2026.05", PINS, "tar.gz", progress), _pack("2026.11", following, "tar.gz", progress))


def _pack(release: str, pins: list[str], suffix: str, progress: Callable[[str], None]) -> Path:
    key = shelf.key([sys.version, sys.base_prefix, sysconfig.get_platform(), *PINS, *CHANGED])
    cache = default_cache().absolute()
    folder = cache / f"large-{key}"

    def fetch(made: Path) -> None:
        made.mkdir()
        wheels.download(made, [PINS, CHANGED])

    def make(archive: Path) -> None:
        started = time.monotonic()
        specs = ("python", *(pin.replace("==", " ==") for pin in pins))
        prefix, packages = archive.parent / "prefix", archive.parent / "pkgs"
        recipe = Recipe(environment="large", release=release, specs=specs)
        conda.make(prefix, recipe, source, wheelhouse, packages)
        conda.pack(prefix, archive, suffix)
        size = archive.stat().st_size / 1e6
        progress(f"packed large@{release} as {suffix}: {size:.0f} MB in {time.monotonic() - started:.0f} s")

    wheelhouse = shelf.once(cache / f"large-wheels-{key}", fetch)
    source = shelf.once(folder / CHANNEL, lambda made: channel.build(wheelhouse, made, progress, unread=""))
    return shelf.once(folder / f"large-{release}.{suffix}", make)


if __name__ == "__main__":
    made = build()
    print(made.first, made.following, sep="\n")
