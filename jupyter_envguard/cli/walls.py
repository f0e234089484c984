"""The checks of `doctor` on the wall around sessions: what is wanted, and a real attempt to get over it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from jupyter_envguard import wall
from jupyter_envguard.cli.checks import Check, Status
from jupyter_envguard.cli.lockdown import layers
from jupyter_envguard.files import explained
from jupyter_envguard.site import Enforcement, Site

TRIAL_SECONDS = 30
"""How long the attempt may take."""

ATTEMPT = 'echo x > "$HOME/file"; echo x > "$1/file"'
"""What a confined shell tries: to write to its home, and beside it."""


DOES: Mapping[str, str] = MappingProxyType(
    {
        "enforce": "Sessions are to be confined",
        "lockdown": "Sessions are to be confined, and to run only what is listed",
    }
)
"""What a level is to do, for a person; whether it does is what the other checks try."""


def walls(site: Site) -> Iterator[Check]:
    """Yield what is wanted of the wall at `site`, and whether this machine gives it."""
    guards = list(site.guard.possible())
    yield _wanted(site.guard)
    yield from (_of_group(site.guard, group) for group in site.guard.groups)
    if all(guard.level == "advise" for guard in guards):
        return
    grave = Status.FAIL if any(guard.required for guard in guards) else Status.WARN
    yield from _openings(site, grave)
    yield _attempt(grave)
    yield from layers(site)
    yield _own(site)


def _wanted(guard: Enforcement) -> Check:
    if guard.level == "advise":
        return Check(
            "guard",
            Status.WARN,
            "The site only advises: sessions are not confined, and who owns an environment can change it.",
            "Set guard.level: enforce.",
        )
    return Check("guard", Status.INFO, f"{DOES[guard.level]}; {_otherwise(guard)}.")


def _of_group(guard: Enforcement, group: str) -> Check:
    found = guard.of((group,))
    otherwise = "" if found.level == "advise" else f"; {_otherwise(found)}"
    return Check("guard", Status.INFO, f"Group {group} has the level {found.level}{otherwise}.")


def _otherwise(guard: Enforcement) -> str:
    mode = "starts nothing" if guard.required else "starts all the same"
    return f"a machine that cannot confine them {mode}"


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
