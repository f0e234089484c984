"""What the wall costs at each level: the launcher before a session, and a kernel's program behind its own.

    python -m benchmarks.wall [--rounds 40]

The launcher is measured around `/bin/true`, beside the bare interpreter and `true`
alone; a terminal's shell beside the same shell alone; a kernel's wall around the
environment's own Python that does nothing, beside the same Python without one (advise).
Rounds alternate, so that what else the machine does hits all alike. The smallest
and the middle of all rounds are shown, in milliseconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from jupyter_envguard import wall
from jupyter_envguard.kernels.confined import confined
from jupyter_envguard.server.terminals import shell_command
from jupyter_envguard.site import Site, load
from jupyter_envguard.site.enforcement import Level
from tests.sites import SiteBuilder, real_images, short_folder

NOTHING = ["-I", "-S", "-c", "pass"]
SHELL = ["/bin/sh", "-c", "true"]


def run(command: list[str], descriptors: tuple[int, ...] = ()) -> None:
    subprocess.run(command, check=True, pass_fds=descriptors)


def start_confined(site: Site, level: Level, command: list[str]) -> None:
    """Start a program of the smallest real environment as the provisioner does for somebody at a level."""
    guard = replace(site.guard, level=level)
    with confined(site, guard, real_images()["minimal"], command, str(site.path.parent)) as start:
        process = subprocess.Popen(start.command, pass_fds=start.descriptors)
        if why := start.refusal():
            raise RuntimeError(why)
        process.wait()


def measured(acts: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each act in each round."""
    took: dict[str, list[float]] = {name: [] for name in acts}
    for act in acts.values():
        act()
    for _ in range(rounds):
        for name, act in acts.items():
            start = time.perf_counter()
            act()
            took[name].append((time.perf_counter() - start) * 1000)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    with short_folder() as folder:
        image = real_images()["minimal"]
        builder = SiteBuilder(folder / "site", store=image.path.parent)
        os.environ["HOME"] = str(folder)
        site, program = load(builder.path), [str(image.python), *NOTHING]
        launcher = wall.command(sys.executable)
        lockdown = ["--lockdown", f"--execute={image.path.parent}", "--", "/bin/true"]
        terminal = shell_command(site, site.guard.of(()), SHELL, os.environ, locked=False)
        took = measured(
            {
                "true": partial(run, ["/bin/true"]),
                "bare interpreter": partial(run, [sys.executable, *NOTHING]),
                "launcher before true, enforce": partial(run, [*launcher, "--", "/bin/true"]),
                "launcher before true, lockdown": partial(run, [*launcher, *lockdown]),
                "a shell": partial(run, SHELL),
                "a terminal's shell": partial(run, terminal),
                "kernel's Python, advise": partial(start_confined, site, "advise", program),
                "kernel's Python, enforce": partial(start_confined, site, "enforce", program),
                "kernel's Python, lockdown": partial(start_confined, site, "lockdown", program),
            },
            rounds,
        )
    for name, times in took.items():
        print(f"{name:32} min {min(times):6.1f} ms   median {statistics.median(times):6.1f} ms")


if __name__ == "__main__":
    main()
