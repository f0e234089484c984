"""A release on a node: ours against what people do today, in one run on one machine.

    python -m benchmarks.deploy [--rounds 3] [--small] [--folder /var/tmp]

The pack is the large one (or, with `--small`, the demo's datasci), in its first and its
second release. By hand is unpacking and `conda-unpack`, once for every node and every
release; what nothing is judged by is unpacked in the first round only. Ours is `fetch`
from a share in a folder into an empty store, `fetch` of the next release into a store
that has the first, and the same without a tree: objects only, which are mounted.
"Deploy, mounted" begins with the objects on the node. What is mounted are names over
the objects, whose states are compared at every start, as those of the files of a tree
are; in a form that is one file nothing can have changed. Everything is on the disk when
the clock stops, by hand as well. Rounds alternate; nothing is deleted before the end,
because file systems are slow at making files just after losing as many. Most of a first
deploy is waiting for the disk, by hand as well; in a `--folder` in memory one sees what
the rest of the work takes. The limit is what the machine needs to write as many bytes
in as many files, or to link them, and nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from benchmarks import large
from benchmarks.cold import Cells
from benchmarks.similar import Similar, room, room_of_trees
from benchmarks.table import Table
from demo.environments import build, default_cache
from jupyter_envguard.image import Image
from jupyter_envguard.pack import open_pack
from jupyter_envguard.store import Presence, Store
from jupyter_envguard.store.folders import sync_file_system
from jupyter_envguard.store.tiers import TIERS, best
from jupyter_envguard.transfer import Digests, Fetched, Share, fetch, source_at

Times = defaultdict[str, list[float]]
MEGA = 1e6
CHECKS = 5
"""How often what takes no time is measured."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--small", action="store_true", help="the demo's datasci instead of the large pack")
    options.add_argument("--folder", type=Path, default=Path("/var/tmp"))
    given = options.parse_args()
    packs = small() if given.small else everything()
    scratch = Path(tempfile.mkdtemp(prefix="eg", dir=given.folder.resolve()))
    scratch.chmod(0o755)
    try:
        measure(packs, scratch, given.rounds).show()
    finally:
        remove(scratch)


def small() -> dict[str, Path]:
    cache = default_cache()
    packs = {suffix: build("datasci", cache, suffix) for suffix in ("tar.gz", "tar.zst", "zip")}
    return packs | {"next": build("datasci_next", cache)}


def everything() -> dict[str, Path]:
    made = large.build()
    packs = {suffix: made.other(suffix) for suffix in ("tar.zst", "zip")}
    return {"tar.gz": made.first, **packs, "next": made.following}


def measure(packs: dict[str, Path], scratch: Path, rounds: int) -> Table:
    """Do everything `rounds` times."""
    node, share = Node(scratch), scratch / "share"
    share.mkdir()
    first, following = node.image(packs["tar.gz"]), node.image(packs["next"])
    growth = [Share(share).publish(first).bytes_written]
    growth.append(Share(share).publish(following, [first.pack]).bytes_written)
    times: Times = defaultdict(list)
    cells = Cells(scratch, node.root, first)
    for number in range(rounds):
        by_hand(packs, scratch / f"hand{number}", times)
        times["stock cell"].append(cells.by_hand(scratch / f"hand{number}" / "tar-xzf"))
        node.renew()
        node.mount_without_a_tree(share, first, times, cells)
        node.renew()
        for name, image in (("fetch first", first), ("fetch next", following)):
            times[name].append(timed(lambda image=image: node.fetch(share, image)))
            if image is first:
                times["our cell"].append(cells.ours())
        node.check(first, times)
        limits(first, scratch / f"limit{number}", times)
    node.check_as_one_file(first, times)
    return table(packs, first, following, growth, times, node)


class Node:
    """A machine with a store; `renew` gives it an empty one at the same path."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self.root = scratch / "s"
        self.read: list[int] = []

    @property
    def store(self) -> Store:
        return Store(self.root)

    def renew(self) -> None:
        for image in self.root.glob("[0-9a-f]*"):
            with contextlib.suppress(OSError):
                subprocess.run(["umount", "-q", image], check=False)
        self.root.rename(self._scratch / f"old{time.monotonic_ns()}")

    def image(self, pack: Path) -> Image:
        with open_pack(pack) as opened:
            return self.store.add(opened)

    def fetch(self, share: Path, image: Image) -> None:
        self.read.append(self._fetch(share, image, bare=False).bytes_read)

    def _fetch(self, share: Path, image: Image, *, bare: bool) -> Fetched:
        digests = Digests(image.pack, image.spec_digest, image.manifest_digest)
        return fetch(self.store, source_at(str(share)), digests, bare=bare)

    def mount_without_a_tree(self, share: Path, image: Image, times: Times, cells: Cells) -> None:
        """Fetch objects only and mount them; then once more what is there, as at the start of a machine."""
        if best() is None:
            return
        presence = Presence(self.store)
        times["fetch bare"].append(timed(lambda: self._fetch(share, image, bare=True)))
        times["first mount"].append(timed(lambda: presence.present(image)))
        times["fetch and mount"].append(times["fetch bare"][-1] + times["first mount"][-1])
        times["our mounted cell"].append(cells.ours())
        presence.unmount(image)
        times["mount"].append(timed(lambda: presence.present(image)))
        times["check mounted"].append(timed(lambda: presence.check(image)))
        if self.store.verify(image, "full"):
            raise SystemExit("what is mounted is not the image")
        presence.unmount(image)

    def check(self, image: Image, times: Times) -> None:
        """Compare the image with its manifest: by hash, by `stat`."""
        found: list[object] = []
        times["verify full"].append(timed(lambda: found.extend(self.store.verify(image, "full"))))
        times["verify stat"].append(timed(lambda: found.extend(self.store.verify(image, "stat"))))
        if found:
            raise SystemExit(f"verify found {found[:3]}")

    def check_as_one_file(self, image: Image, times: Times) -> None:
        """Mount the image as a file that holds everything, in which nothing can have changed."""
        tier = next((name for name in ("erofs", "squashfs") if not TIERS[name].obstacle()), None)
        if tier is None:
            return
        presence = Presence(self.store)
        presence.mount(image, tier)
        times["check one file"] += [timed(lambda: presence.check(image)) for _ in range(CHECKS)]
        presence.unmount(image, forget=True)


def by_hand(packs: dict[str, Path], folder: Path, times: Times) -> None:
    """Unpack as people do today, each way into a folder of its own."""

    def tar(archive: Path, at: Path) -> None:
        run("tar", "-xf", archive, "-C", at)

    def python(archive: Path, at: Path) -> None:
        run(sys.executable, "-m", "tarfile", "-e", archive, at)

    def unzip(archive: Path, at: Path) -> None:
        run("unzip", "-q", archive, "-d", at)

    ways: dict[str, tuple[Callable[[Path, Path], None], str]] = {
        "tar -xzf": (tar, "tar.gz"),
        "tar --zstd": (tar, "tar.zst"),
        "tarfile": (python, "tar.gz"),
        "unzip": (unzip, "zip"),
    }
    for name, (unpack, suffix) in ways.items():
        if name == "unzip" and shutil.which("unzip") is None:
            continue
        if name in times and name != "tar -xzf":  # once is enough for what nothing is judged by
            continue
        at = folder / name.replace(" ", "")
        at.mkdir(parents=True)
        times[name].append(timed(lambda u=unpack, s=suffix, at=at: complete(u, packs[s], at)))


def complete(unpack: Callable[[Path, Path], None], archive: Path, at: Path) -> None:
    unpack(archive, at)
    run(at / "bin/python", at / "bin/conda-unpack")
    sync_file_system(at)


def limits(image: Image, folder: Path, times: Times) -> None:
    """Write the files of `image` and nothing else; then link them once more."""
    lines = image.manifest.lines
    contents = {x.path: (image.path / x.path).read_bytes() for x in lines if x.kind == "f"}
    one, two = folder / "one", folder / "two"

    def write() -> None:
        for line in lines:
            if line.kind == "d":
                (one / line.path).mkdir(parents=True)
            elif line.kind == "f":
                (one / line.path).write_bytes(contents[line.path])
        sync_file_system(folder)

    def link() -> None:
        for line in lines:
            if line.kind == "d":
                (two / line.path).mkdir(parents=True)
            elif line.kind == "f":
                os.link(one / line.path, two / line.path)

    one.mkdir(parents=True)
    two.mkdir()
    times["write"].append(timed(write))
    times["link"].append(timed(link))


def table(
    packs: dict[str, Path],
    first: Image,
    following: Image,
    growth: list[int],
    times: Times,
    node: Node,
) -> Table:
    for name, parts in SUMS.items():
        if all(part in times for part in parts):
            times[name] = [sum(each) for each in zip(*(times[part] for part in parts), strict=True)]
    middle = {name: statistics.median(taken) for name, taken in times.items()}
    files = sum(line.kind == "f" for line in first.manifest.lines)
    size = sum(line.size for line in first.manifest.lines)
    made = Table(
        "deploy", f"{packs['tar.gz'].name}: {files:,} files, {size / MEGA:,.0f} MB; median of rounds"
    )
    add_times(made, middle)
    made.add(
        "bytes to update a node",
        peer=packs["next"].stat().st_size / MEGA,
        ours=node.read[1] / MEGA,
        aim=14,
        peer_name="the pack",
        unit="MB",
    )
    ten_images(made, first, following, node)
    for name in ("tar --zstd", "tarfile", "unzip"):
        if name in middle:
            made.add(
                f"first deploy, against {name}",
                peer=middle[name],
                ours=middle["fetch first"],
                peer_name=f"{name} and conda-unpack",
                limit=middle["write"],
            )
    if "first mount" in middle:
        made.remarks.append(
            f"objects only, from the share: {middle['fetch bare']:.2f} s; "
            f"names made, compared and mounted the first time: {middle['first mount']:.2f} s"
        )
    made.remarks.append(f"the share grew by {growth[0] / MEGA:.0f} MB, then by {growth[1] / MEGA:.1f} MB")
    return made


SUMS = {
    "by hand to cell": ("tar -xzf", "stock cell"),
    "fetched to cell": ("fetch first", "our cell"),
    "mounted to cell": ("fetch and mount", "our mounted cell"),
    "there to cell": ("mount", "our mounted cell"),
}
"""What is done one after the other until a cell has its answer."""
ROWS = (
    ("first deploy, unprivileged", "tar -xzf", "fetch first", 3, "write"),
    ("next release, unprivileged", "tar -xzf", "fetch next", 11, "link"),
    ("first deploy, fetched and mounted", "tar -xzf", "fetch and mount", 3, ""),
    ("deploy, mounted", "tar -xzf", "mount", 500, ""),
    ("cold node to first cell, unprivileged", "by hand to cell", "fetched to cell", 3, ""),
    ("cold node to first cell, mounted", "by hand to cell", "mounted to cell", 6.5, ""),
    ("node with the objects to first cell", "by hand to cell", "there to cell", 6.5, ""),
    ("check at start", "verify full", "verify stat", 10, ""),
    ("check at start, mounted", "verify full", "check mounted", 10, ""),
    ("check at start, mounted as one file", "verify full", "check one file", 480, ""),
)
"""What is measured, against which peer, with what, how many times better it ought to be, and its limit."""
PEERS = {
    "tar -xzf": "tar -xzf and conda-unpack",
    "by hand to cell": "tar -xzf, conda-unpack, a stock kernel",
    "verify full": "a hash of every file",
}


def add_times(made: Table, middle: dict[str, float]) -> None:
    for what, peer, ours, aim, limit in ROWS:
        if ours in middle:
            made.add(
                what,
                peer=middle[peer],
                ours=middle[ours],
                aim=aim,
                peer_name=PEERS[peer],
                limit=middle.get(limit),
            )


def ten_images(made: Table, first: Image, following: Image, node: Node) -> None:
    """Add what ten similar environments take; two are there, eight are made."""
    images = [first, following, *Similar(node.store, first, following).make(8)]
    names = [image.path.name for image in images]
    for image in images[2:]:
        if node.store.verify(image, "stat"):
            raise SystemExit(f"{image.path} is not its manifest")
    disk, inodes = room(node.root, names)
    alone, files = room_of_trees(node.root, names)
    peer_name = "ten trees"
    made.add(
        "ten similar environments: disk",
        peer=alone / MEGA,
        ours=disk / MEGA,
        aim=5,
        peer_name=peer_name,
        unit="MB",
    )
    made.add("ten similar environments: inodes", peer=files, ours=inodes, aim=4, peer_name=peer_name, unit="")
    made.remarks.append(
        "ten similar environments: two packs, and eight made of their files by taking or leaving out packages"
    )


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def run(*words: str | Path) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]})


def remove(folder: Path) -> None:
    for image in folder.glob("**/s/[0-9a-f]*"):
        subprocess.run(["umount", "-q", image], check=False)
    for parent, _, _ in os.walk(folder):
        Path(parent).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
