"""Real packed conda environments, made on this machine: for the demo, the tests and the benchmarks.

    from demo.environments import build_all
    packs = build_all(Path(".cache"))
    packs.minimal        # …/minimal-2026.11.tar.gz

Needs PyPI the first time. What is made is kept below the cache under a key made
of the recipe (the sources of this package), the interpreter and the platform.
"""

from __future__ import annotations

import argparse
import os
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo import channel, conda, shelf, wheels
from demo.recipes import RECIPES, requirements

Progress = Callable[[str], None]
"""Is told, in a sentence, what has been made."""

CHANNEL = "envguard-demo"
"""Name of the local channel, the last part of the URL that records carry."""
SOURCES = (
    *("bytecode.py", "calc_kernel.py", "channel.py", "conda.py", "condapkg.py"),
    *("cpython.py", "debian.py", "elf.py", "recipes.py", "wheels.py"),
)
"""The modules that shape a pack; when one changes, every pack is made anew."""


@dataclass(frozen=True, slots=True)
class Packs:
    """Where the packs are."""

    minimal: Path
    """`minimal@2026.11`: Python and ipykernel."""
    datasci: Path
    """`datasci@2026.05`: with NumPy, pandas and Matplotlib."""
    datasci_next: Path
    """`datasci@2026.11`: the same with pandas and Matplotlib at other versions."""
    pip_on_top: Path
    """As `minimal`, with humanize put on top by pip."""
    tampered: Path
    """As `minimal`, with one byte of one module changed; the records still claim the old hash."""
    calc: Path
    """A kernel that is not ipykernel and whose language is not Python."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Name and release of each, such as `datasci@2026.11`, by the names of the fields."""
        return {name: recipe.label for name, recipe in RECIPES.items()}


def default_cache() -> Path:
    """Return where packs are kept: `ENVGUARD_CACHE`, or `.cache` beside this package."""
    return Path(os.environ.get("ENVGUARD_CACHE") or Path(__file__).resolve().parent.parent / ".cache")


def build_all(cache: Path, progress: Progress = print) -> Packs:
    """Make every pack as `.tar.gz`, or find it below `cache`."""
    return Packs(**{name: build(name, cache, progress=progress) for name in RECIPES})


def build(name: str, cache: Path, format: str = "tar.gz", progress: Progress = print) -> Path:  # noqa: A002
    """Make the pack `name`, or find it below `cache`.

    Raises `KeyError` for a name that `RECIPES` does not hold, `ValueError` for a
    `format` that conda-pack does not know, and `RuntimeError` in pip's or
    conda-pack's own words when they fail.
    """
    recipe = RECIPES[name]
    if format not in conda.FORMATS:
        raise ValueError(f"{format} is not one of {', '.join(conda.FORMATS)}")
    folder = cache.absolute() / f"packs-{_key()}"
    target = folder / f"{recipe.environment}-{recipe.release}.{format}"
    if target.exists():
        return target
    shelf.sweep(cache, "packs-*")
    wheelhouse = _wheelhouse(cache.absolute(), progress)
    source = shelf.once(folder / CHANNEL, lambda made: channel.build(wheelhouse, made, progress))

    def make(archive: Path) -> None:
        started = time.monotonic()
        prefix, packages = archive.parent / "prefix", archive.parent / "pkgs"
        conda.make(prefix, recipe, source, wheelhouse, packages)
        conda.pack(prefix, archive, format)
        size = archive.stat().st_size / 1e6
        progress(f"packed {recipe.label} as {format}: {size:.1f} MB in {time.monotonic() - started:.1f} s")

    return shelf.once(target, make)


def _wheelhouse(cache: Path, progress: Progress) -> Path:
    """Return the folder of the pinned wheels, which outlives changes of how they are packaged."""

    def fetch(folder: Path) -> None:
        folder.mkdir()
        wheels.download(folder)
        progress(f"fetched {len(list(folder.glob('*.whl')))} wheels from PyPI")

    key = shelf.key([sys.implementation.cache_tag or "", sysconfig.get_platform(), repr(requirements())])
    return shelf.once(cache / f"wheels-{key}", fetch)


def _key() -> str:
    here = Path(__file__).parent
    sources = [(here / name).read_bytes() for name in SOURCES]
    return shelf.key([*sources, sys.version, sys.base_prefix, sysconfig.get_platform()])


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the packs and print where they are, how big, and how long it took; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m demo.environments", description="Make the packs of the demo."
    )
    parser.add_argument(
        "--out", type=Path, default=default_cache(), help="where they go (default: %(default)s)"
    )
    parser.add_argument("--format", default="tar.gz", choices=conda.FORMATS, help="default: %(default)s")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which of {', '.join(RECIPES)} (default: all)"
    )
    options = parser.parse_args(arguments)
    for name in options.names or RECIPES:
        started = time.monotonic()
        path = build(name, options.out, options.format)
        print(f"{path.stat().st_size / 1e6:7.1f} MB {time.monotonic() - started:6.1f} s  {path}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
