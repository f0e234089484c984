"""Time to the first cell: an approved kernel against a stock one of the same Python, in one run.

    python -m benchmarks.first_cell [--pack minimal] [--rounds 9]

Both start `<image>/bin/python` through jupyter_client and answer `1 + 1`. The stock
kernel comes from a kernel.json and inherits the environment; ours is decided anew,
its image compared with the approved manifest, its start recorded on the disk, its
channels encrypted where that is possible. Rounds alternate, so that what else the
machine does hits both alike. The first start of ours in a process reads the manifest
and is shown by itself; CPU time is of this process and the kernel's. The second time
the image is mounted as one file, where this machine can: then its paths need not be
looked at before each start.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from benchmarks import large
from benchmarks.table import Table
from demo.environments import build, default_cache
from demo.recipes import RECIPES
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.kernelspecs import EnvGuardKernelSpecManager
from jupyter_envguard.store import Presence
from jupyter_envguard.store.leases import is_leased
from jupyter_envguard.store.tiers import TIERS
from tests.sites import SiteBuilder, short_folder

TIER = "erofs"
"""One file in which, when it is root's, nothing can change."""


@dataclass(frozen=True)
class Took:
    """What one start cost."""

    wall: float
    launch: float
    cpu: float


def cpu_seconds() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


async def first_cell(make: Callable[[], AsyncKernelManager]) -> Took:
    """Start a kernel, wait for the answer to `1 + 1`, and stop it."""
    cpu, start = cpu_seconds(), time.perf_counter()
    manager = make()
    await manager.start_kernel(stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
    launched = time.perf_counter() - start
    client = manager.client()
    client.start_channels()
    await client.wait_for_ready(timeout=120)
    reply = await client.execute_interactive("1 + 1", timeout=120, output_hook=lambda _: None)
    wall = time.perf_counter() - start
    if reply["content"]["status"] != "ok":
        raise SystemExit(f"The cell failed: {reply['content']}")
    client.stop_channels()
    await manager.shutdown_kernel(now=True)
    return Took(wall, launched, cpu_seconds() - cpu)


def stock(folder: Path, image: Image) -> KernelSpecManager:
    """Return jupyter_client's own manager with one kernel of the image."""
    kernel = folder / "kernels" / "stock"
    spec_of(image.python, kernel)
    return KernelSpecManager(kernel_dirs=[str(kernel.parent)])


def spec_of(python: Path, kernel: Path) -> None:
    """Write the kernel.json of a stock kernel into the new folder `kernel`."""
    kernel.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    metadata = {"debugger": True, "supported_encryption": ["curve"]}
    spec = {"argv": argv, "display_name": "Stock", "language": "python", "metadata": metadata}
    (kernel / "kernel.json").write_text(json.dumps(spec))


async def compare(pack: Path, rounds: int, folder: Path) -> None:
    site = SiteBuilder(folder / "site", folder / "s")
    image = site.image(pack)
    site.offer(image, "ours", "1")
    print(f"{pack.name}: {len(image.manifest.lines)} paths, {rounds} rounds, load {os.getloadavg()[0]:.1f}")
    took = {"start to first answer": await starts(folder / "tree", site, image, rounds)}
    if not (why := TIERS[TIER].obstacle()):
        presence = Presence(site.store)
        presence.mount(image, TIER)
        try:
            took["start to first answer, mounted"] = await starts(folder / "mounted", site, image, rounds)
        finally:
            while is_leased(image.meta):  # the last kernel is on its way out
                await asyncio.sleep(0.05)
            presence.unmount(image, forget=True)
    report(pack, image, took, [f"not mounted: {why}"] if why else [])


async def starts(folder: Path, site: SiteBuilder, image: Image, rounds: int) -> dict[str, list[Took]]:
    """Start a stock kernel and ours in turn."""
    theirs, mine = stock(folder, image), EnvGuardKernelSpecManager(site=str(site.path))

    def manager(name: str, specs: KernelSpecManager) -> Callable[[], AsyncKernelManager]:
        return lambda: AsyncKernelManager(kernel_name=name, kernel_spec_manager=specs)

    await first_cell(manager("stock", theirs))  # Brings the files into memory, for both.
    first = await first_cell(manager("ours", mine))
    took: dict[str, list[Took]] = {"stock": [], "ours": []}
    for _ in range(rounds):
        took["stock"].append(await first_cell(manager("stock", theirs)))
        took["ours"].append(await first_cell(manager("ours", mine)))
    head = f"{'wall median':>12}{'wall min':>10}{'launch':>9}{'CPU median':>12}{'CPU min':>9}   seconds"
    print(f"  {folder.name:12}{head}")
    for name, times in took.items():
        print(line(name, times))
    print(line("ours, first", [first]))
    for what in ("wall", "cpu"):
        for kind, summary in (("median", statistics.median), ("min", min)):
            one, two = (summary(getattr(start, what) for start in took[name]) for name in ("ours", "stock"))
            print(f"  {what} {kind}: {one / two:.2f} times the stock kernel")
    return took


def report(pack: Path, image: Image, found: dict[str, dict[str, list[Took]]], remarks: list[str]) -> None:
    """Write the medians where the documentation finds them."""
    name = pack.name.partition("-")[0]
    about = f"{pack.name}, {len(image.manifest.lines):,} paths, files in memory"
    table = Table(f"first-cell-{name}", about, remarks=remarks)
    for what, took in found.items():
        theirs, ours = (statistics.median(start.wall for start in took[who]) for who in ("stock", "ours"))
        table.add(what, peer=theirs, ours=ours, aim=1 / 1.1, peer_name="a stock ipykernel")
    table.show()


def line(name: str, starts: list[Took]) -> str:
    wall, cpu = [start.wall for start in starts], [start.cpu for start in starts]
    launch = statistics.median(start.launch for start in starts)
    middle = f"{statistics.median(wall):12.3f}{min(wall):10.3f}{launch:9.3f}"
    return f"  {name:12}{middle}{statistics.median(cpu):12.3f}{min(cpu):9.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pack", default="minimal", choices=(*RECIPES, "large"))
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with short_folder() as folder:
        name = options.pack
        pack = large.build().first if name == "large" else build(name, default_cache())
        asyncio.run(compare(pack, options.rounds, folder))


if __name__ == "__main__":
    main()
