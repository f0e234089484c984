"""Every benchmark, one after the other, and what came of it: this is `make bench`.

    python -m benchmarks [NAME ...] [--minutes 35]

The large environment is made first, if it is not below the cache; that takes minutes once and
is not counted. A benchmark that fails, or takes longer than it may, does not end the others: it
is named at the end, and the exit code is 1. What one leaves on the disk goes with it. Every
figure lies in `benchmarks/results/` afterwards; what is aimed at is printed last.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks import large
from benchmarks.aims import judge
from benchmarks.table import RESULTS, number

MINUTES = 35
"""How long all of them may take together."""
GRACE_SECONDS = 180
"""How long one that is stopped has for taking away what it made."""
ROOM = Path("/var/tmp")
ROUND_BYTES = 9e9
"""What a round of `deploy` leaves on the disk until its end."""
OTHER_BYTES = 15e9
"""What it leaves besides: the other ways of unpacking, and the ten similar environments."""
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One benchmark."""

    name: str
    minutes: float
    """How long it may take, some three times what it does on two idle cores."""
    options: tuple[str, ...] = ()
    has_folder: bool = False
    """Whether it is told where to work."""

    def command(self, folder: Path) -> list[str]:
        """Return what runs it."""
        where = ["--folder", str(folder)] if self.has_folder else []
        return [sys.executable, "-m", f"benchmarks.{self.name}", *self.options, *where]

    def __str__(self) -> str:
        """Return its name and what it is told."""
        return " ".join((self.name, *self.options))


def steps() -> tuple[Step, ...]:
    """Return what is run, the table's own first."""
    fitting = int((shutil.disk_usage(ROOM).free - OTHER_BYTES) // ROUND_BYTES)
    rounds = str(max(1, min(ROUNDS, fitting)))
    return (
        Step("deploy", 16, ("--rounds", rounds), has_folder=True),
        Step("one_file", 8, ("--rounds", rounds), has_folder=True),
        Step("import_pack", 8, ("--rounds", "2", "--large"), has_folder=True),
        Step("listing", 5),
        Step("first_cell", 2, ("--pack", "minimal")),
        Step("first_cell", 3, ("--pack", "datasci")),
        Step("first_cell", 7, ("--pack", "large")),
        Step("sealed", 5),
        Step("panel", 6, ("--rounds", "9")),
        Step("store", 3, has_folder=True),
        Step("search", 3),
        Step("wall", 2, ("--rounds", "20")),
        Step("hooks", 2),
        Step("imports", 3, ("--rounds", "7")),
        Step("drift", 3, ("--rounds", "3")),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="only these")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long all may take together")
    options = parser.parse_args()
    wanted = [step for step in steps() if not options.names or step.name in options.names]
    if any(
        step.name in {"deploy", "import_pack", "one_file", "sealed"} or "large" in step.options
        for step in wanted
    ):
        print("The large environment:", flush=True)
        for suffix in ("tar.zst", "zip"):
            large.build().other(suffix)
    # In the background of a shell SIGINT is ignored, and what we start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    began = time.monotonic()
    failed = []
    for count, step in enumerate(wanted, 1):
        left = options.minutes - (time.monotonic() - began) / 60
        print(f"\n== {count}/{len(wanted)} {step}; {left:.0f} minutes left for all", flush=True)
        if why := run(step, min(step.minutes, left)):
            print(f"{step}: {why}", flush=True)
            failed.append(f"{step}: {why}")
    print(f"\nTook {(time.monotonic() - began) / 60:.1f} minutes.")
    summary()
    for line in failed:
        print(f"FAILED {line}")
    return 1 if failed else 0


def run(step: Step, minutes: float) -> str:
    """Run `step` for at most so long; return why it failed, empty when it did not."""
    if minutes <= 0:
        return "no time was left for it"
    started = time.monotonic()
    with scratch() as folder:
        process = subprocess.Popen(
            step.command(folder), env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True
        )
        try:
            code = process.wait(minutes * 60)
        except subprocess.TimeoutExpired:
            return f"stopped after {minutes:.0f} minutes"
        finally:
            stop(process)
    print(f"-- {step}: {time.monotonic() - started:.0f} s", flush=True)
    return f"exit code {code}" if code else ""


def stop(process: subprocess.Popen[bytes]) -> None:
    """Let `process` take away what it made, and end whatever it started."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            print("It does not end: killed.", flush=True)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder with a short path; whatever is mounted or lies in it goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="eg", dir=ROOM))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            if (at := line.split()[1]).startswith(f"{folder}/"):
                subprocess.run(["umount", "-q", "--lazy", at], check=False)
        for parent, _, _ in os.walk(folder):
            Path(parent).chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)


def summary() -> None:
    """Print what was aimed at beside what was measured, this time or the last."""
    print(f"\n{'':52}{'peer':>12}{'ours':>12}{'ratio':>9}{'limit':>9}  aim")
    for judged in judge(RESULTS):
        aim, row = judged.aim, judged.row
        if row is None:
            print(f"{judged.what:52}{'':52}  {aim.words('')}: {judged.verdict}")
            continue
        limit = number(row["limit"]) if row["limit"] is not None else ""
        print(
            f"{judged.what:52}{number(row['peer']):>12}{number(row['ours']):>12}{row['ratio']:8.3g}x{limit:>9}"
            f"  {aim.words(row['unit'])}: {judged.verdict} ({row['unit']}; {row['peer_name']})"
        )


if __name__ == "__main__":
    sys.exit(main())
