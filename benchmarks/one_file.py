"""A cold node to its first cell, by the one file that the catalog attests: against what people do today.

    python -m benchmarks.one_file [--rounds 3] [--small] [--folder /var/tmp]

By hand is `tar -xzf`, `conda-unpack` and a stock kernel. Ours is `fetch_form` from a share
in a folder into an empty store, which verifies every byte, a mount, and our kernel with its
decision, its check and its record. Both have their cell before everything is on the disk,
so the first row counts no sync for either; the second counts it for both. Making the form
happens once, where the release is published, and is told below the table. Rounds alternate.
The limit is hashing the file and starting a stock kernel, and nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks import large
from benchmarks.cold import Cells
from benchmarks.deploy import MEGA, Node, Times, remove, run, timed
from benchmarks.first_cell import cpu_seconds
from benchmarks.table import Table
from demo.environments import build, default_cache
from jupyter_envguard.image import AttestedForm, Image
from jupyter_envguard.store import Presence
from jupyter_envguard.store.folders import sync_file_system
from jupyter_envguard.store.objects import hash_of
from jupyter_envguard.store.tiers import TIERS
from jupyter_envguard.transfer import Digests, Share, fetch_form, source_at
from jupyter_envguard.transfer.share import form_file


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--small", action="store_true", help="the demo's datasci instead of the large pack")
    options.add_argument("--folder", type=Path, default=Path("/var/tmp"))
    given = options.parse_args()
    if why := TIERS["erofs"].obstacle():
        print(f"Not measured, because no such file can be made and mounted here: {why}.")
        return
    pack = build("datasci", default_cache(), "tar.gz") if given.small else large.build().first
    scratch = Path(tempfile.mkdtemp(prefix="eg", dir=given.folder.resolve()))
    scratch.chmod(0o755)
    try:
        measure(pack, scratch, given.rounds).show()
    finally:
        remove(scratch)


def measure(pack: Path, scratch: Path, rounds: int) -> Table:
    """Do everything `rounds` times."""
    node, share = Node(scratch), scratch / "share"
    share.mkdir()
    image = node.image(pack)
    Share(share).publish(image)
    times: Times = defaultdict(list)
    made: list[AttestedForm] = []
    times["make"].append(timed(lambda: made.append(publish_form(node, image, share))))
    cells = Cells(scratch, node.root, image)
    for number in range(rounds):
        by_hand(pack, scratch / f"hand{number}", cells, times)
        node.renew()
        one_file(node, share, image, made[0], cells, times)
        times["hash"].append(timed(lambda: hash_of(share / form_file(image.pack, made[0]))))
    return table(pack, image, made[0], {name: statistics.median(taken) for name, taken in times.items()})


def publish_form(node: Node, image: Image, share: Path) -> AttestedForm:
    with Presence(node.store).attestable(image) as (form, path):
        Share(share).publish_form(image.pack, form, path)
    return form


def by_hand(pack: Path, at: Path, cells: Cells, times: Times) -> None:
    """Unpack, let `conda-unpack` set the paths right, and start a stock kernel."""

    def unpack() -> None:
        run("tar", "-xf", pack, "-C", at)
        run(at / "bin/python", at / "bin/conda-unpack")

    at.mkdir()
    before = cpu_seconds()
    taken = timed(unpack)
    cell = cells.by_hand(at)
    times["hand cpu"].append(cpu_seconds() - before)
    synced = timed(lambda: sync_file_system(at))
    times["hand cell"].append(cell)
    times["hand to cell"].append(taken + cell)
    times["hand on the disk"].append(taken + cell + synced)
    times["hand deployed"].append(taken + synced)


def one_file(node: Node, share: Path, image: Image, form: AttestedForm, cells: Cells, times: Times) -> None:
    """Fetch the file, mount it, start our kernel, and then see to it that it is on the disk."""
    store, presence = node.store, Presence(node.store)
    wanted = Digests(image.pack, image.spec_digest, image.manifest_digest)
    before = cpu_seconds()
    fetched = timed(lambda: fetch_form(store, source_at(str(share)), wanted, form))
    mounted = timed(lambda: presence.mount(image))
    cell = cells.ours()
    times["cpu"].append(cpu_seconds() - before)
    settled = timed(lambda: presence.settle(image))
    times["fetch"].append(fetched)
    times["cell"].append(cell)
    times["to cell"].append(fetched + mounted + cell)
    times["on the disk"].append(fetched + mounted + cell + settled)
    times["deployed"].append(fetched + mounted + settled)
    times["check"].append(timed(lambda: presence.check(image)))
    presence.unmount(image)
    times["mount"].append(timed(lambda: presence.mount(image)))
    if store.verify(image, "full"):
        raise SystemExit("what is mounted is not the image")
    presence.unmount(image)


def table(pack: Path, image: Image, form: AttestedForm, middle: dict[str, float]) -> Table:
    files = sum(line.kind == "f" for line in image.manifest.lines)
    size = sum(line.size for line in image.manifest.lines)
    made = Table("one-file", f"{pack.name}: {files:,} files, {size / MEGA:,.0f} MB; median of rounds")
    limits = {"to cell": middle["hash"] + middle["hand cell"]}
    for what, peer, ours, aim, name in ROWS:
        made.add(what, peer=middle[peer], ours=middle[ours], aim=aim, peer_name=name, limit=limits.get(ours))
    made.remarks.append(
        f"the file has {form.size / MEGA:,.0f} MB; fetched and verified in {middle['fetch']:.2f} s, "
        f"our cell {middle['cell']:.2f} s, a stock one {middle['hand cell']:.2f} s"
    )
    made.remarks.append(
        f"made, compared with the manifest and put on the share, once a release: {middle['make']:.0f} s"
    )
    return made


BY_HAND = "tar -xzf, conda-unpack, a stock kernel"
ROWS = (
    ("cold node to first cell, as one file", "hand to cell", "to cell", 6.5, BY_HAND),
    ("the same, and everything on the disk", "hand on the disk", "on the disk", None, BY_HAND),
    ("the same, in seconds of a core", "hand cpu", "cpu", None, BY_HAND),
    ("first deploy, as one file", "hand deployed", "deployed", 3, "tar -xzf and conda-unpack"),
    ("deploy, mounted, as one file", "hand deployed", "mount", 500, "tar -xzf and conda-unpack"),
    ("check at start, as one file", "hash", "check", 10, "a hash of the file"),
)
"""What is measured, against which peer, with what, how many times better it ought to be, and the peer."""


if __name__ == "__main__":
    sys.exit(main())
