"""Bring an environment to its path in every way that this machine can, against unpacking it by hand.

    python -m benchmarks.store [PACK] [--folder /var/tmp]

By hand is `tar -xf` and `conda-unpack` into a new folder. From objects is what a node
does when it has fetched an image, or the next release of one it has: a sealed tree of
links. Mounted is what `store mount` does when the form was made before. A check is
what happens before each start of a kernel. Everything is in one run, so the ratios
hold even where the times do not. Mounting needs root.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.import_pack import by_hand, default_packs, make_writable_and_remove, total
from jupyter_envguard.image import Documents
from jupyter_envguard.pack import open_pack
from jupyter_envguard.store import Delivery, Presence, Store
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.tiers import TIERS

ROUNDS = 5
"""How often what takes a moment is repeated; the median counts."""


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    taken = []
    for _ in range(ROUNDS):
        before()
        taken.append(seconds(work))
    return statistics.median(taken)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("pack", nargs="?", type=Path, help="default: the demo's datasci")
    options.add_argument("--folder", type=Path, default=Path("/var/tmp"))
    given = options.parse_args()
    pack = given.pack or default_packs()[0]
    scratch = Path(tempfile.mkdtemp(prefix="envguard-", dir=given.folder.resolve()))
    scratch.chmod(0o755)
    try:
        measure(pack, scratch)
    finally:
        make_writable_and_remove(scratch)


def measure(pack: Path, scratch: Path) -> None:
    hand = total(by_hand(pack, scratch / "hand"))
    store = Store(scratch / "store")
    with open_pack(pack) as opened:
        image = store.add(opened)
    files = sum(line.kind == "f" for line in image.manifest.lines)
    print(f"{pack.name}: {files} files, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'':44} {'seconds':>9} {'by hand is':>12}")
    show("unpack by hand", hand.wall, hand.wall)
    show("from objects, all of them here", from_objects(store, image.pack), hand.wall)
    presence, image = Presence(store), store.get(image.pack)
    show("check at a start: tree", median(lambda: presence.check(image)), hand.wall)
    show("every byte read", seconds(lambda: store.verify(image)), hand.wall)
    for name, tier in TIERS.items():
        if why := tier.obstacle():
            print(f"{name}: {why}")
            continue
        show(
            f"{name}: make the form, compare it, mount",
            seconds(lambda n=name: presence.mount(image, n)),
            hand.wall,
        )
        size = next(form.path.stat().st_size for _, form in presence.forms.all())
        show(
            f"{name}: mount",
            median(lambda n=name: presence.mount(image, n), lambda: presence.unmount(image)),
            hand.wall,
        )
        show(f"{name}: check at a start", median(lambda: presence.check(image)), hand.wall)
        print(f"{name}: the form has {size / 1e6:.1f} MB")
        presence.unmount(image, forget=True)
    assert mount_at(image.path) is None


def from_objects(store: Store, pack: str) -> float:
    """Make the image again from its objects, as a node does that has fetched what it lacked."""
    image = store.get(pack)
    documents = Documents.parse(
        {name: (image.meta / name).read_bytes() for name in ("manifest", "spec.json", "pack.json")}
    )
    small = {
        line.content: (image.path / line.path).read_bytes()
        for line in image.manifest.lines
        if line.kind == "f" and line.size < 1024
    }
    store.remove(pack)

    def fill(delivery: Delivery) -> None:
        for wanted in delivery.missing():
            delivery.put(wanted, [small[wanted.sha256]])

    return seconds(lambda: store.receive(documents, fill))


def show(what: str, taken: float, hand: float) -> None:
    print(f"{what:44} {taken:9.4f} {hand / taken:10.1f} x")


if __name__ == "__main__":
    sys.exit(main())
