"""What the hooks cost: importing them, asking the rules, transforming a cell, going through a front door.

    python -m benchmarks.hooks [--rounds 25]

Imports are timed in new interpreters, started with `-I`: in bare ones, and in some that have
the modules which conda and IPython load anyway. The limit holds for both. The last column
is how often the time goes into a start of the interpreter itself.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.table import Table
from jupyter_envguard import doors
from jupyter_envguard.hooks import ipython, rules
from jupyter_envguard.kernels.launch import HOOKS

LIMIT_MS = 5.0
"""How long the import of the hooks ought to take at most."""
HOST = "ast, contextlib, html, json, os, pwd, re, shlex, shutil, socket, stat, sys, typing"
IMPORT = """
import sys, time
{host}
import importlib.util
start = time.perf_counter()
spec = importlib.util.spec_from_file_location('envguard_hooks', {path!r})
sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[spec.name])
import envguard_hooks.{module}
print((time.perf_counter() - start) * 1000)
"""


def import_ms(module: str, host: str) -> float:
    code = IMPORT.format(host=f"import {host}" if host else "", path=str(HOOKS), module=module)
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def call_ms(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def start_ms() -> float:
    """Return how long an interpreter takes that does nothing."""
    return call_ms(lambda: subprocess.run([sys.executable, "-I", "-c", ""], check=True))


def door_ms() -> tuple[float, float]:
    """Return how long a front door takes to ask before a tool, and how much of that the interpreter is."""
    bare = [sys.executable, "-I", "-S", "-c"]
    words = [*bare, doors.CODE.format(package=str(HOOKS.parent.parent)), "/usr/bin/pip", "install", "x"]
    return tuple(call_ms(lambda each=each: subprocess.run(each, check=True)) for each in (words, [*bare, ""]))


def show(name: str, times: list[float], start: float) -> None:
    print(
        f"  {name:34}{statistics.median(times):9.3f}{min(times):9.3f}   ms{start / min(times):10.0f} a start"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=25)
    rounds = range(parser.parse_args().rounds)
    print(f"  {'':34}{'median':>9}{'min':>9}")
    start = min(start_ms() for _ in rounds)
    table = Table("hooks", f"Hooks in conda and IPython; median of {len(rounds)} rounds")
    for module in ("conda", "ipython"):
        for host, what in ((HOST, ""), ("", ", bare")):
            times = [import_ms(module, host) for _ in rounds]
            show(f"import hooks.{module}{what}", times, start)
            if host:  # as when conda or IPython has loaded it
                table.add_bound(f"import into {module}", ours=statistics.median(times), most=LIMIT_MS)
    pairs = [door_ms() for _ in rounds]
    for name, times in zip(
        ("a front door asks", "  of which the interpreter"), zip(*pairs, strict=True), strict=True
    ):
        show(name, list(times), start)
    cell = "\n".join(f"x{n} = [f(n) for n in range({n})]\nget_ipython().system('ls')" for n in range(50))
    trees = [ast.parse(cell) for _ in rounds]
    show("a cell of 100 lines", [call_ms(partial(ipython.Shellouts().visit, tree)) for tree in trees], start)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "conda-meta").mkdir()
        (Path(folder) / rules.FROZEN).touch()
        show("one decision", [call_ms(lambda: rules.decide("x:y", "x y", folder)) for _ in rounds], start)
    table.show()


if __name__ == "__main__":
    main()
