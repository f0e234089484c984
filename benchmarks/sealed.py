"""What sealed byte code saves: imports from an image against imports from the tree as it was packed.

    python -m benchmarks.sealed [--rounds 5] [--small]

A conda environment that is unpacked where its users may not write, and whose byte code
was left out or is stale, compiles every module at every start. The peer is a copy of
the image without byte code, read-only; both run the same interpreter on the same
sources, in turns, each time in a new process.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from benchmarks import large
from benchmarks.table import Table
from demo.environments import build, default_cache
from tests.sites import SiteBuilder, short_folder

SMALL = ("numpy", "pandas", "matplotlib.pyplot")
LARGE = ("numpy", "pandas", "scipy.stats", "sklearn.linear_model", "matplotlib.pyplot")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="the demo's datasci instead of the large pack")
    options = parser.parse_args()
    pack = build("datasci", default_cache()) if options.small else large.build().first
    with short_folder() as folder:
        image = SiteBuilder(folder / "site", folder / "s").image(pack)
        compare(pack, image.path, folder / "unsealed", SMALL if options.small else LARGE, options.rounds)


def compare(pack: Path, sealed: Path, unsealed: Path, modules: tuple[str, ...], rounds: int) -> None:
    shutil.copytree(sealed, unsealed, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    took: dict[Path, list[float]] = {unsealed: [], sealed: []}
    for _ in range(rounds + 1):  # the first brings the files into memory
        for prefix, times in took.items():
            times.append(seconds(prefix, modules))
    theirs, ours = (statistics.median(times[1:]) for times in took.values())
    table = Table("sealed", f"{pack.name}: import {', '.join(modules)}; files in memory, median of {rounds}")
    table.add("imports", peer=theirs, ours=ours, aim=3, peer_name="no byte code, read-only")
    table.show()


def seconds(prefix: Path, modules: tuple[str, ...]) -> float:
    """Return how long a new process takes to import `modules`; it writes no byte code, as if it could not."""
    start = time.perf_counter()
    subprocess.run(
        [prefix / "bin/python", "-I", "-B", "-c", f"import {', '.join(modules)}"],
        check=True,
        env={"MPLCONFIGDIR": str(prefix.parent / "mpl")},
    )
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
