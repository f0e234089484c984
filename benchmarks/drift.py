"""What looking for drift costs a cell: the same cells with the watch and without it, in one run.

    python -m benchmarks.drift [--pack datasci] [--rounds 7]

A process of the pack's Python runs the cells in IPython's shell, in turn with the watch
and without; each round is a new process, so that every import is one. The look itself is
timed inside the watched process: by the clock, and in time of the processor, which is what
other things that the machine does add little to, and which has to keep within its aim.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
from pathlib import Path

from benchmarks.table import Table
from demo.environments import build, default_cache
from demo.recipes import RECIPES
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.launch import HOOKS
from tests.sites import SiteBuilder, short_folder

AIM_MS = 5.0
"""How long a look ought to take at most."""
CELLS = {
    "minimal": ["x = 1 + 1", "import asyncio, tornado.web", "x = sum(range(1000))"],
    "datasci": [
        "x = 1 + 1",
        "import numpy",
        "import pandas",
        "import matplotlib.pyplot",
        "x = numpy.arange(1000).sum()",
    ],
}
RUN = """
import importlib.util, json, socket, sys, time
from IPython.core.interactiveshell import InteractiveShell
import ipykernel.ipkernel
cells, hooks, is_watched = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3] == "watched"
shell, looks = InteractiveShell.instance(history_length=0), []
if is_watched:
    spec = importlib.util.spec_from_file_location('envguard_hooks', hooks)
    sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[spec.name])
    from envguard_hooks import drift
    look = drift.Watch.look
    def timed(self):
        start, cpu = time.perf_counter(), time.thread_time()
        found = look(self)
        wall, cpu = time.perf_counter() - start, time.thread_time() - cpu
        looks.append((wall * 1000, cpu * 1000, len(found)))
        return found
    drift.Watch.look = timed
    drift.watch(shell)
took = []
for cell in cells:
    start = time.perf_counter()
    shell.run_cell(cell, silent=False, store_history=False)
    took.append((time.perf_counter() - start) * 1000)
code = len([line for line in open('/proc/self/maps') if ' r-xp ' in line])
print(json.dumps({"cells": took, "looks": looks, "modules": len(sys.modules), "code": code}))
"""


def measure(image: Image, cells: list[str], how: str) -> dict[str, object]:
    words = [str(image.python), "-I", "-c", RUN, json.dumps(cells), str(HOOKS), how]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(image: Image, cells: list[str], rounds: int) -> float:
    """Print the comparison and return how long the longest look takes, in milliseconds."""
    measure(image, cells, "plain")  # Brings the files into memory, for both.
    plain, watched = [], []
    for _ in range(rounds):
        plain.append(measure(image, cells, "plain"))
        watched.append(measure(image, cells, "watched"))
    last = watched[-1]
    print(f"  {last['modules']} modules, {last['code']} mappings of code, load {os.getloadavg()[0]:.1f}")
    print(f"  {'':34}{'without':>10}{'with':>10}{'look':>8}{'CPU':>8}{'CPU min':>9}   ms, medians")
    longest = 0.0
    for place, cell in enumerate(["(when the kernel starts)", *cells]):
        looks, cpu = ([run["looks"][place][what] for run in watched] for what in (0, 1))  # type: ignore[index]
        longest = max(longest, statistics.median(looks))
        pair = [
            f"{statistics.median(run['cells'][place - 1] for run in runs):10.2f}"  # type: ignore[index]
            for runs in ((plain, watched) if place else ())
        ]
        shown = "".join(pair) or " " * 20
        print(
            f"  {cell:34}{shown}{statistics.median(looks):8.2f}{statistics.median(cpu):8.2f}{min(cpu):9.2f}"
        )
    findings = sum(number for *_, number in last["looks"])  # type: ignore[attr-defined]
    print(f"  {findings} findings")
    return longest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pack", default="datasci", choices=sorted(CELLS), help="which of the demo's packs")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    pack: Path = build(options.pack, default_cache())
    print(f"{RECIPES[options.pack].label}, {options.rounds} rounds")
    with short_folder() as folder:
        image = SiteBuilder(folder / "site", folder / "s").image(pack)
        longest = compare(image, CELLS[options.pack], options.rounds)
    table = Table(
        "drift", f"{RECIPES[options.pack].label}: looks for drift; median of {options.rounds} rounds"
    )
    table.add_bound("longest look after a cell", ours=longest, most=AIM_MS)
    table.show()


if __name__ == "__main__":
    main()
