"""The attempts of `doctor`: each tries what must not be possible, and looks whether it was.

Nothing here is believed because it is configured. `walls` tries to write and `lockdown`
to run; here a confined process reaches for us as a kernel would for its server, a
kernel that nobody approved is started by Jupyter's own kernel managers, and a program
from outside is looked at.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jupyter_envguard import confine, wall
from jupyter_envguard.cli.checks import Check, Status
from jupyter_envguard.files import explained
from jupyter_envguard.kernels.attest import attest
from jupyter_envguard.site import Site

SECONDS = 60
"""How long one attempt may take."""

REACH = """\
kill -0 "$1" && echo signalled
head -c 1 "/proc/$1/environ" > "$HOME/read" && test -s "$HOME/read" && echo read
echo tried
"""
"""What a confined shell tries with us, as a kernel would with its server: a signal, and our variables."""

UNAPPROVED = "envguard-trial"
"""Name of a kernel that nobody approves."""

START = """\
import asyncio, sys
from jupyter_client import AsyncKernelManager, AsyncMultiKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.kernels.kernelspecs import EnvGuardKernelSpecManager

async def start(guarded):
    if guarded:
        specs = EnvGuardKernelSpecManager(site=sys.argv[1])
        await AsyncMultiKernelManager(kernel_spec_manager=specs).start_kernel(kernel_name=sys.argv[2])
    else:
        specs = KernelSpecManager()
        await AsyncKernelManager(kernel_name=sys.argv[2], kernel_spec_manager=specs).start_kernel()

for guarded in (True, False):
    try:
        asyncio.run(start(guarded))
    except Exception as error:
        while error is not None and not getattr(error, 'code', None):
            error = error.__cause__
        print(getattr(error, 'code', 'no reason'))
    else:
        print('started')
"""
"""Starts it twice: through the guard's list of kernels, and past it, by our provisioner alone."""


def trials(site: Site) -> Iterator[Check]:
    """Yield what came of each attempt at `site`."""
    if not any(guard.locked for guard in site.guard.possible()):  # else `lockdown` tries each layer of it
        yield Check("lockdown", Status.INFO, "No session is in lockdown: users run programs of their own.")
    yield _kernel_wall(site)
    yield _start(site)
    yield _provenance(site)


def _kernel_wall(site: Site) -> Check:
    guards = list(site.guard.possible())
    if all(guard.level == "advise" for guard in guards):
        return Check("kernel-wall", Status.WARN, "Kernels have no wall: they can read their server's token.")
    grave = Status.FAIL if any(guard.required for guard in guards) else Status.WARN
    with explained("try a kernel's wall"), tempfile.TemporaryDirectory() as name:
        said = _shell(name, REACH, "--required").split()
    if "tried" not in said:
        message = f"A kernel's wall cannot be had on this machine: {' '.join(said)}."
        return Check("kernel-wall", grave, message, "See the line on Landlock.", "confine-unavailable")
    reached = [what for what in ("signalled", "read") if what in said]
    if reached == ["signalled"] and not confine.available().scope:
        message = "Kernels can send signals to their server: Landlock ABI 6 would keep them in."
        return Check("kernel-wall", Status.INFO, message, "Use Linux 6.12 or newer.")
    if reached:
        message = f"A confined process reached the one that started it: {' and '.join(reached)}."
        return Check("kernel-wall", grave, message, "See the line on Landlock.", "confine-unavailable")
    message = "Tried: a confined process can neither signal nor read the one that started it."
    return Check("kernel-wall", Status.PASS, message)


def _start(site: Site) -> Check:
    with explained("try a kernel that is not approved"), tempfile.TemporaryDirectory() as name:
        started = Path(name, "started")
        _plant(Path(name), started)
        said = _run(
            [sys.executable, "-I", "-c", START, str(site.path), UNAPPROVED],
            {**_plain(name), "JUPYTER_PATH": name},
        )
        codes = said.split()
        if started.exists() or "started" in codes or len(codes) != 2:
            message = f"A kernel that nobody approved was started, or was not refused: {said or 'no answer'}."
            return Check("start", Status.FAIL, message, "Install the package again.", "guard-not-in-place")
    message = f"Tried: a planted kernel is refused by the list ({codes[0]}) and by the start ({codes[1]})."
    return Check("start", Status.PASS, message)


def _provenance(site: Site) -> Check:
    with subprocess.Popen(["/bin/sleep", str(SECONDS)], cwd="/") as stranger:
        try:
            found = attest(stranger.pid, site.store_root, sys.executable)
        except OSError as error:
            message = f"What kernels really run cannot be seen from outside: {error.strerror}."
            return Check("provenance", Status.WARN, message, "Do not hide processes from their own user.")
        finally:
            stranger.kill()
    if not found:
        message = "A program that is none of an environment was not noticed."
        return Check("provenance", Status.FAIL, message, "Install the package again.")
    return Check("provenance", Status.PASS, "Tried: a program from outside is noticed, whatever it says.")


def _plant(folder: Path, proof: Path) -> None:
    """Install a kernel as users do: its program writes the file `proof`, its start is our provisioner's."""
    place = folder / "kernels" / UNAPPROVED
    place.mkdir(parents=True)
    spec = {
        "argv": ["/bin/sh", "-c", f"echo x > {proof}"],
        "display_name": "Trial",
        "language": "sh",
        "metadata": {"kernel_provisioner": {"provisioner_name": "envguard-provisioner"}},
    }
    (place / "kernel.json").write_text(json.dumps(spec))


def _shell(home: str, script: str, *options: str) -> str:
    """Let a confined shell whose home is `home` run `script` about this process; return what was said."""
    command = [*wall.command(sys.executable), *options, "--", "/bin/sh", "-c", script, "sh", str(os.getpid())]
    return _run(command, _plain(home))


def _plain(home: str) -> dict[str, str]:
    return {"HOME": home, "TMPDIR": home, "PATH": "/usr/local/bin:/usr/bin:/bin"}


def _run(command: list[str], environment: dict[str, str]) -> str:
    """Return what `command` printed, or the last line that it complained with."""
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"it took more than {SECONDS} seconds"
    complaint = (done.stderr.strip().splitlines() or [""])[-1].removeprefix("envguard: ")
    return done.stdout.strip() or complaint
