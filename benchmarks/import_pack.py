"""Import a pack against unpacking it by hand, in one run on one machine.

    python -m benchmarks.import_pack [PACK [NEXT]] [--rounds 3] [--large] [--folder /var/tmp]

By hand is `tar -xf` and `conda-unpack`: files as the pack has them, unchecked.
Import is the whole of `Store.add`: scan, unpack, relocate, byte code, read-only,
manifest, everything on the disk. NEXT is imported into a store where PACK is
approved, so that byte code of the same sources need not be made again. Rounds
alternate, and nothing is deleted before the end, because file systems are slow
at making files just after losing as many. Wall time depends on what else the
machine does; CPU time (of all processes, counted when they end) less.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import large
from benchmarks.table import Table
from demo.environments import build, default_cache
from jupyter_envguard.pack import open_pack
from jupyter_envguard.store import Store


@dataclass(frozen=True)
class Took:
    """What something cost."""

    wall: float
    cpu: float


def measured(work: Callable[[], None]) -> Took:
    cpu, wall = cpu_seconds(), time.perf_counter()
    work()
    return Took(time.perf_counter() - wall, cpu_seconds() - cpu)


def now() -> tuple[float, float]:
    return time.perf_counter(), cpu_seconds()


def cpu_seconds() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def by_hand(pack: Path, folder: Path) -> dict[str, Took]:
    """Unpack as people do today."""
    folder.mkdir(parents=True)
    tar = measured(lambda: run("tar", "-xf", pack, "-C", folder))
    fix = measured(lambda: run(folder / "bin/python", folder / "bin/conda-unpack"))
    return {"tar -xf": tar, "conda-unpack": fix}


def by_store(pack_path: Path, store: Store, approved: dict[str, str]) -> dict[str, Took]:
    """Import into `store`, and split the cost where the progress tells a phase from the next."""
    marks = {"start": now()}
    with open_pack(pack_path) as pack:
        inventory = pack.inventory()
        marks["scan"] = now()
        unpacked = sum(member.size for member in inventory.members.values())

        def progress(done: int, _total: int) -> None:
            if done == unpacked:
                marks["unpack, relocate, byte code"] = now()

        image = store.add(pack, progress, approved=approved)
    marks["last byte code, manifest, sync"] = now()
    approved[image.pack] = image.manifest_digest
    took = {
        name: Took(end[0] - start[0], end[1] - start[1])
        for (name, end), start in zip(list(marks.items())[1:], marks.values(), strict=False)
    }
    found: list[object] = []
    for mode in ("stat", "full"):
        took[f"(later: verify {mode})"] = measured(lambda mode=mode: found.extend(store.verify(image, mode)))
    if found:
        raise SystemExit(f"verify found {found[:3]}")
    return took


def run(*words: str | Path) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]})


def median(rounds: list[dict[str, Took]]) -> dict[str, Took]:
    return {
        name: Took(
            statistics.median(r[name].wall for r in rounds), statistics.median(r[name].cpu for r in rounds)
        )
        for name in rounds[0]
    }


def total(took: dict[str, Took]) -> Took:
    counted = [value for name, value in took.items() if not name.startswith("(")]
    return Took(sum(value.wall for value in counted), sum(value.cpu for value in counted))


def show(title: str, took: dict[str, Took], base: Took) -> None:
    whole = total(took)
    ratios = f"{whole.wall / base.wall:7.2f} x {whole.cpu / base.cpu:6.2f} x"
    print(f"{title:34} {whole.wall:8.2f} {whole.cpu:8.2f} {ratios}")
    for name, value in took.items():
        print(f"  {name:32} {value.wall:8.2f} {value.cpu:8.2f}")


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "packs", nargs="*", type=Path, help="default: the demo's datasci and its next release"
    )
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--large", action="store_true", help="the large packs as well")
    options.add_argument("--folder", type=Path, default=Path("/var/tmp"))
    given = options.parse_args()
    packs = given.packs[:2] or default_packs()
    if given.large:
        made = large.build()
        packs += [made.first, made.following]
    scratch = Path(tempfile.mkdtemp(prefix="envguard-", dir=given.folder.resolve()))
    scratch.chmod(0o755)
    hand: list[list[dict[str, Took]]] = [[] for _ in packs]
    imported: list[list[dict[str, Took]]] = [[] for _ in packs]
    try:
        for number in range(given.rounds):
            for which, pack in enumerate(packs):
                if which % 2 == 0:  # the second is the next release of the first
                    store, approved = Store(scratch / f"store{number}-{which}"), {}
                hand[which].append(by_hand(pack, scratch / f"hand{number}-{which}"))
                imported[which].append(by_store(pack, store, approved))
    finally:
        make_writable_and_remove(scratch)
    table = Table("import", "scan, seal, manifest and policy facts of a pack, everything on the disk")
    for pack, one, other in zip(packs, hand, imported, strict=True):
        report(pack, median(one), median(other))
        theirs, ours = total(median(one)).wall, total(median(other)).wall
        table.add(pack.name, peer=theirs, ours=ours, aim=0.5, peer_name="tar -xf and conda-unpack")
    table.show()


def report(pack: Path, hand: dict[str, Took], store: dict[str, Took]) -> None:
    base = total(hand)
    size, load = pack.stat().st_size / 1e6, os.getloadavg()[0]
    print(f"\n{pack.name}, {size:.0f} MB, {os.cpu_count()} cores, load {load:.1f}")
    print(f"{'median seconds':34} {'wall':>8} {'cpu':>8} {'ratio wall':>9} {'cpu':>8}")
    show("by hand", hand, base)
    show("import", store, base)


def default_packs() -> list[Path]:
    return [build(name, default_cache()) for name in ("datasci", "datasci_next")]


def make_writable_and_remove(folder: Path) -> None:
    for path, _, _ in os.walk(folder):
        Path(path).chmod(0o700)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
