"""The checks of `doctor` on the wall around sessions: what is wanted, and a real attempt to get over it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jupyter_envguard import wall
from jupyter_envguard.cli.checks import Check, Status
from jupyter_envguard.files import explained
from jupyter_envguard.site import Site

TRIAL_SECONDS = 30
"""How long the attempt may take."""

ATTEMPT = 'echo x > "$HOME/file"; echo x > "$1/file"'
"""What a confined shell tries: to write to its home, and beside it."""


def walls(site: Site) -> Iterator[Check]:
    """Yield what is wanted of the wall at `site`, and whether this machine gives it."""
    if site.guard.level == "advise":
        yield Check(
            "guard",
            Status.WARN,
            "The site only advises: sessions are not confined, and who owns an environment can change it.",
            "Set guard.level: enforce.",
        )
        return
    mode = "starts nothing" if site.guard.required else "starts all the same"
    status = Status.PASS if site.guard.required else Status.INFO
    yield Check("guard", status, f"Sessions are confined; a machine that cannot confine them {mode}.")
    grave = Status.FAIL if site.guard.required else Status.WARN
    yield from _openings(site, grave)
    yield _attempt(grave)
    yield _own(site)


def _openings(site: Site, grave: Status) -> Iterator[Check]:
    wanted = (wall.home_folder(), *map(str, site.guard.write))
    for danger in wall.open_folders(wanted, map(str, site.protected()))[1]:
        message = f"Sessions of this user may write to a folder that must stay closed: {danger}."
        yield Check("wall", grave, message, "Keep the site out of homes and out of guard.write.", "wall-open")


def _attempt(grave: Status) -> Check:
    with explained("try the wall"), tempfile.TemporaryDirectory() as name:
        home, beside = Path(name, "home"), Path(name, "beside")
        home.mkdir()
        beside.mkdir()
        try:
            said = _confined(home, beside)
        except subprocess.TimeoutExpired:
            said = f"it took more than {TRIAL_SECONDS} seconds"
        if (beside / "file").exists() or not (home / "file").exists():
            what = "write where it must not" if (beside / "file").exists() else "not write to its home"
            message = f"A process that was to be confined could {what}: {said or 'it did not say why'}."
            fix = "Use Linux 5.19 or newer with landlock in its list of security modules."
            return Check("wall", grave, message, fix, "confine-unavailable")
    return Check("wall", Status.PASS, "Tried: a confined process can write to its home, and not beside it.")


def _confined(home: Path, beside: Path) -> str:
    """Let a confined shell make the attempt, and return the first line that it said."""
    done = subprocess.run(
        [*wall.command(sys.executable), "--", "/bin/sh", "-c", ATTEMPT, "sh", str(beside)],
        env={"HOME": str(home), "TMPDIR": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=TRIAL_SECONDS,
    )
    return (done.stderr.splitlines() or [""])[0].removeprefix("envguard: ")


def _own(site: Site) -> Check:
    if wall.stands(str(site.store_root)):
        return Check("session", Status.PASS, f"This process is behind a wall: {site.store_root} is closed.")
    return Check("session", Status.INFO, "This process is behind no wall, as it should be outside a session.")
