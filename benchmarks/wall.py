"""What the wall costs at each level: the launcher before a session, and a kernel's program behind its own.

    python -m benchmarks.wall [--rounds 40]

The launcher is measured around `/bin/true`, beside the bare interpreter and `true`
alone; a terminal's shell beside the same shell alone; a kernel's wall around the
environment's own Python that does nothing, beside the same Python without one (advise).
Kernels are started from a session of their level, as the launcher makes it, so that
their wall stands within another one. Rounds alternate, so that what else the machine does
hits all alike. The smallest and the middle of all rounds are shown, in milliseconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.table import Table
from demo.environments import build, default_cache
from jupyter_envguard import wall
from jupyter_envguard.hub.wall import in_front
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.confined import confined
from jupyter_envguard.server.terminals import shell_command
from jupyter_envguard.site import Site, load
from jupyter_envguard.site.enforcement import Level
from jupyter_envguard.store import Store
from tests.sites import SiteBuilder, short_folder

INSTALLED = "/opt"
"""Where a site has its files, far from what its users write to; elsewhere for whoever may not write there."""
NOTHING = ["-I", "-S", "-c", "pass"]
SESSION_MS, KERNEL_MS = 20.0, 25.0
"""How much later a session and a kernel ought to start at most."""
LEVELS: tuple[Level, ...] = ("advise", "enforce", "lockdown")
SHELL = ["/bin/sh", "-c", "true"]


def run(command: list[str]) -> None:
    subprocess.run(command, check=True)


def start_confined(site: Site, image: Image, runtime: str, level: Level) -> None:
    """Start the Python of an image as the provisioner does for somebody at a level, to do nothing."""
    guard, command = replace(site.guard, level=level), [str(image.python), *NOTHING]
    with confined(site, guard, image, command, runtime, guarded=True) as start:
        process = subprocess.Popen(start.command, pass_fds=start.descriptors)
        if why := start.refusal():
            raise RuntimeError(why)
        process.wait()


def answer(path: str, pack: str, runtime: str, level: Level) -> None:
    """Start a kernel's Python for each line that comes, and say when it has ended: what a session runs."""
    site = load(Path(path))
    image = Store(site.store_root).get(pack)
    for _ in sys.stdin:
        start_confined(site, image, runtime, level)
        print("ended", flush=True)


@contextmanager
def session(site: Site, image: Image, runtime: Path, level: Level) -> Iterator[Callable[[], None]]:
    """Start a session of a level, and yield what starts a kernel's Python in it and waits for its end."""
    guard = replace(site.guard, level=level)
    words = [
        sys.executable,
        "-m",
        "benchmarks.wall",
        "--answer",
        str(site.path),
        image.pack,
        str(runtime),
        level,
    ]
    with subprocess.Popen(
        [*in_front(site, guard, sys.executable), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        asked, told = process.stdin, process.stdout
        if asked is None or told is None:
            raise RuntimeError("the session has no pipes")

        def start() -> None:
            asked.write("start\n")
            asked.flush()
            if told.readline() != "ended\n":
                raise RuntimeError(f"no kernel starts in a session at {level}")

        yield start
        asked.close()


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
    parser.add_argument("--answer", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answer:
        answer(*options.answer)
        return
    place = INSTALLED if os.access(INSTALLED, os.W_OK) else tempfile.gettempdir()
    with short_folder(place) as folder, short_folder() as home, ExitStack() as sessions:
        builder = SiteBuilder(folder / "site", store=folder / "images")
        image = builder.image(build("minimal", default_cache()))
        os.environ["HOME"] = str(home)
        site = load(builder.path)
        kernels = {level: sessions.enter_context(session(site, image, home, level)) for level in LEVELS}
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
                **{f"kernel's Python, {level}": start for level, start in kernels.items()},
            },
            options.rounds,
        )
    show(took, options.rounds)


def show(took: dict[str, list[float]], rounds: int) -> None:
    """Print what everything took, and write down how much later sessions and kernels start."""
    for name, times in took.items():
        print(f"{name:32} min {min(times):6.1f} ms   median {statistics.median(times):6.1f} ms")
    table = Table("wall", f"How much later things start because of the wall; median of {rounds} rounds")
    for level in LEVELS[1:]:
        for what, name, without, most in (
            ("session", "launcher before true", "true", SESSION_MS),
            ("kernel", "kernel's Python", "kernel's Python, advise", KERNEL_MS),
        ):
            pairs = zip(took[f"{name}, {level}"], took[without], strict=True)
            later = statistics.median(time - other for time, other in pairs)
            table.add_bound(f"{what}, {level}", ours=later, most=most)
    table.show()


if __name__ == "__main__":
    main()
