"""Finding packages and writing exports: what a server does for one keystroke and one click, in one run.

    python -m benchmarks.search [--releases 10] [--packages 655] [--rounds 9]

The site is real: packs, store, signed catalog, guard. The first search reads and
verifies every spec; later ones find them parsed. What it is compared with is a search
that reads them each time, as every one would without the memory.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from jupyter_envguard.exports import export
from jupyter_envguard.formats.registry import FORMATS
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.kernels.subject import Subject, Subjects
from jupyter_envguard.server import presenter
from jupyter_envguard.server.contents import Contents
from tests.packs import PackBuilder
from tests.sites import SiteBuilder, short_folder

QUERY = "p5*>=1.2,<4 ipykernel"


def took(call: Callable[[], object], rounds: int) -> float:
    """Return the median of the milliseconds that `call` takes."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return statistics.median(found) * 1000


def site(folder: Path, releases: int, packages: int) -> SiteBuilder:
    """Return a site with `releases` environments of `packages` packages each."""
    builder = SiteBuilder(folder / "site", folder / "s")
    for number in range(releases):
        pack = PackBuilder.honest()
        for place in range(packages - 3):
            needs = [f"p{other} >=1" for other in (place // 2, place // 3) if other != place]
            pack.record(f"p{place}", f"{1 + place % 5}.{number}", depends=needs, license="BSD-3-Clause")
        builder.offer(builder.image(pack.write(folder, name=f"e{number}")), f"e{number}", "1")
    return builder


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--releases", type=int, default=10)
    parser.add_argument("--packages", type=int, default=655)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    with short_folder() as folder:
        builder = site(folder, arguments.releases, arguments.packages)
        guard = Guard(builder.path, Subjects(lambda: Subject("ada", frozenset(), "hub")))
        guard.listing(wait=True)
        contents = Contents()
        first = took(lambda: presenter.search(guard, contents, QUERY), 1)
        later = took(lambda: presenter.search(guard, contents, QUERY), arguments.rounds)
        anew = took(lambda: presenter.search(guard, Contents(), QUERY), arguments.rounds)
        print(f"{arguments.releases} releases of {arguments.packages} packages, query {QUERY!r}")
        print(f"search: first {first:.1f} ms, later {later:.1f} ms, without memory {anew:.1f} ms")
        print(f"        a later search takes 1/{anew / later:.1f} of one without memory")
        entry = builder.catalog.entries[0]
        spec, client = guard.spec(entry), guard.sources.client
        for name in FORMATS:
            size = len(export(entry, spec, name, client).content)
            spent = took(lambda name=name: export(entry, spec, name, client), arguments.rounds)
            print(f"export {name:<17} {spent:7.1f} ms {size / 1000:8.0f} kB")


if __name__ == "__main__":
    main()
