"""Listing environments against what lists kernels today, in one run: 1, 100 and 1,000 of them.

    python -m benchmarks.listing [--counts 1 100 1000] [--rounds 15]

The peers are a stock KernelSpecManager with as many kernels, and nb_conda_kernels with as many
conda environments (see `conda_kernels`). Measured is `get_all_specs` in this process, and
`GET /api/kernelspecs` of real servers, asked in turn. A manager that is new has what a server does
when it starts: ours verifies the signed catalog, decides about every release and reads its spec
and kernelspec; nb_conda_kernels asks conda. What follows costs ours a `stat`; nb_conda_kernels
reads everything again every minute, which is let pass by telling it that it has. "After a change"
is the first listing after a publication. The limit is a bare tornado that has the answer ready.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager

from benchmarks.conda_kernels import CondaKernels, expire, peer, settle
from benchmarks.servers import ready, server
from benchmarks.table import Table
from demo.environments import build, default_cache
from jupyter_envguard.catalog import Entry
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.kernelspecs import RESOURCES, EnvGuardKernelSpecManager
from jupyter_envguard.spec import canonical_json, sha256_digest
from tests.catalogs import entry
from tests.sites import SiteBuilder, short_folder

LOGO = Path(RESOURCES) / "logo-svg.svg"
NOT_THERE = (
    "nb_conda_kernels could not be had in this run. What it costs is to be read in its manager.py (2.5.2): "
    "`conda info --json` before the server answers, then every minute, and every kernel.json read again"
)


def stock_kernels(folder: Path, count: int) -> Path:
    """Write `count` kernelspecs with a logo each, as `ipykernel install` does."""
    for number in range(count):
        kernel = folder / "kernels" / f"env{number}"
        kernel.mkdir(parents=True)
        argv = [f"/opt/envs/env{number}/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": argv, "display_name": f"Environment {number}", "language": "python"}
        (kernel / "kernel.json").write_text(json.dumps(spec | {"metadata": {"debugger": True}}))
        shutil.copy(LOGO, kernel)
    return folder


def released(site: SiteBuilder, image: Image, number: int) -> Entry:
    """Put a release into the store of which only what listings read is there: spec, record, kernelspec."""
    spec = image.spec()
    document = spec.as_json()
    document["packages"][0]["version"] = f"1.{number}"
    content = canonical_json(document)
    digests = {
        "pack": sha256_digest(f"pack {number}".encode()),
        "manifest": sha256_digest(f"manifest {number}".encode()),
        "spec": sha256_digest(content),
    }
    path = site.store.path_of(digests["pack"])
    meta = image.meta.with_name(path.name)
    shutil.copytree(image.path / "share/jupyter/kernels", path / "share/jupyter/kernels")
    meta.mkdir()
    (meta / "spec.json").write_bytes(content)
    record = json.loads((image.meta / "pack.json").read_bytes())
    (meta / "pack.json").write_bytes(canonical_json(record | digests))
    return entry(f"env{number}", "1", groups=("*",), display_name=f"Environment {number}", **digests)


@dataclass(frozen=True, slots=True)
class Machine:
    """What lists as many environments as were asked for, each in its way."""

    folder: Path
    count: int
    stock: Path
    conda: CondaKernels | None
    site: SiteBuilder


class Took(defaultdict[str, list[float]]):
    """Milliseconds by what took them, for one number of environments."""

    def __init__(self) -> None:
        super().__init__(list)

    def middle(self, what: str) -> float:
        """Return the median of what took `what`."""
        return statistics.median(self[what])


def compare(machine: Machine, rounds: int, table: Table) -> None:
    took = Took()
    listings(machine, rounds, took)
    answers(machine, rounds, took)
    print(f"{machine.count:,} environments, load {os.getloadavg()[0]:.1f}")
    for what, times in took.items():
        print(f"  {what:44}{statistics.median(times):9.2f} ms median{min(times):9.2f} ms min", flush=True)
    for what, ours, theirs, peer_name, aim, limit in ROWS:
        if theirs in took:
            table.add(
                f"{what}, {machine.count:,}",
                peer=took.middle(theirs),
                ours=took.middle(ours),
                aim=aim if machine.count >= MANY else None,
                peer_name=peer_name,
                unit="ms",
                limit=took.middle(limit) if limit else None,
            )


def listings(machine: Machine, rounds: int, took: Took) -> None:
    """Ask the managers in this process."""
    theirs = KernelSpecManager(kernel_dirs=[str(machine.stock / "kernels")], ensure_native_kernel=False)
    mine: list[EnvGuardKernelSpecManager] = []
    others: list[Any] = []

    def start_ours() -> None:
        mine.append(EnvGuardKernelSpecManager(site=str(machine.site.path)))
        mine[-1].get_all_specs()

    def start_conda() -> None:
        assert machine.conda is not None
        others.append(machine.conda.manager())
        others[-1].get_all_specs()

    for _ in range(STARTS):
        took["ours, new"].append(milliseconds(start_ours))
        if machine.conda:
            took["conda, new"].append(milliseconds(start_conda))
    for _ in range(rounds):
        took["stock"].append(milliseconds(theirs.get_all_specs))
        took["ours"].append(milliseconds(mine[-1].get_all_specs))
        for other in others[-1:]:
            took["conda"].append(milliseconds(other.get_all_specs))
            expire(other)
            took["conda, expired"].append(milliseconds(other.get_all_specs))
            settle(other)
    machine.site.change("env0", "1", description=f"one of {machine.count}")
    took["ours, after a change"].append(milliseconds(mine[-1].get_all_specs))
    if {len(manager.get_all_specs()) for manager in (theirs, mine[-1], *others)} != {machine.count}:
        raise SystemExit("The listings are not complete.")


def answers(machine: Machine, rounds: int, took: Took) -> None:
    """Ask servers with one manager each, and one that has our answer ready."""
    with ExitStack() as stack:

        def start(name: str, *options: str, **variables: str) -> Callable[[], bytes]:
            at = machine.folder / name
            at.mkdir()
            return stack.enter_context(server(at, *options, **variables))

        native = "--KernelSpecManager.ensure_native_kernel=False"
        asked = {
            "stock": start("a", native, JUPYTER_PATH=str(machine.stock)),
            "ours": start("b", f"--EnvGuardApp.site={machine.site.path}", *EXTENSION),
        }
        if machine.conda:
            asked["conda"] = start("c", *CONDA_SERVER, **machine.conda.variables)
        took["GET ours, new"] = [milliseconds(asked["ours"])]
        for name, get in asked.items():
            if len(json.loads(get())["kernelspecs"]) < machine.count:  # others' have this Python's own, too
                raise SystemExit(f"The listing of {name} is not complete.")
        asked["ready"] = stack.enter_context(ready(machine.folder, asked["ours"]()))
        for _ in range(rounds):
            for name, get in asked.items():
                took[f"GET {name}"].append(milliseconds(get))


EXTENSION = ("--ServerApp.jpserver_extensions={'jupyter_envguard': True}",)
CONDA_SERVER = (
    "--ServerApp.kernel_spec_manager_class=nb_conda_kernels.CondaKernelSpecManager",
    "--CondaKernelSpecManager.conda_only=True",
)
STOCK, CONDA = "KernelSpecManager", "nb_conda_kernels"
ROWS = (
    ("GET /api/kernelspecs", "GET ours", "GET stock", STOCK, 25, "GET ready"),
    ("GET /api/kernelspecs, conda", "GET ours", "GET conda", CONDA, None, "GET ready"),
    ("get_all_specs", "ours", "stock", STOCK, 25, ""),
    ("get_all_specs, conda cached", "ours", "conda", CONDA, None, ""),
    ("get_all_specs, conda after its minute", "ours", "conda, expired", CONDA, None, ""),
    ("new manager and first listing", "ours, new", "conda, new", CONDA, None, ""),
)
"""What is measured, as what, against which peer, how many times better it ought to be, and its limit."""
MANY = 1000
"""How many environments the aims are for."""
STARTS = 3
"""How often a manager is made anew: conda takes a second each time."""


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    table = Table("listing", f"approved environments as kernels; median of {options.rounds} rounds")
    found = peer(default_cache())
    with short_folder() as folder:
        site = SiteBuilder(folder / "site", folder / "s")
        image = site.image(build("datasci", default_cache()))
        entries: list[Entry] = []
        for count in sorted(options.counts):
            at = folder / str(count)
            at.mkdir()
            entries += (released(site, image, number) for number in range(len(entries), count))
            site.publish(*entries)
            conda = CondaKernels(found, at / "conda", count, LOGO) if found else None
            compare(
                Machine(at, count, stock_kernels(at / "stock", count), conda, site), options.rounds, table
            )
            table.remarks = [conda.about if conda else NOT_THERE]
    table.show()


if __name__ == "__main__":
    main()
