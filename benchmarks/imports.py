"""What the guard of imports costs in a kernel in lockdown.

    python -m benchmarks.imports [--rounds 15]

New Pythons of the real data science environment are started, with the guard and
without, in turn. Timed are: installing it, importing numpy, pandas and matplotlib,
and three things that Python audits (PEP 578), for each of which the hook is asked.
The smallest and the middle of all rounds are shown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
from pathlib import Path

from jupyter_envguard.kernels.launch import GUARDED
from tests.sites import real_images

TIMED = """
import json, sys, time, timeit
start = time.perf_counter()
{guard}
installed = time.perf_counter()
import numpy, pandas, matplotlib.pyplot
imported = time.perf_counter()
code = compile("1", "/tmp/ipykernel_1/cell.py", "exec")
import copy
print(json.dumps({{
    "install, ms": (installed - start) * 1e3,
    "import of three libraries, ms": (imported - installed) * 1e3,
    "id(), ns": timeit.timeit(lambda: id(code), number=100000) * 1e4,
    "exec of a cell, ns": timeit.timeit(lambda: exec(code), number=20000) * 5e4,
    "deepcopy of a list of 1000, us": timeit.timeit(lambda: copy.deepcopy([*range(1000)]), number=50) * 2e4,
}}))
"""


def measured(python: Path, guard: str) -> dict[str, float]:
    command = [str(python), "-I", "-c", TIMED.format(guard=guard)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    python = real_images()["datasci"].python
    ways = {"without": "", "with": GUARDED}
    measured(python, "")  # what the disk has to bring, it brings now
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, guard in ways.items():
            found[way].append(measured(python, guard))
    for name in found["with"][0]:
        for way in ways:
            times = [round_[name] for round_ in found[way]]
            print(f"{name:32} {way:8} min {min(times):9.1f}   median {statistics.median(times):9.1f}")


if __name__ == "__main__":
    main()
