"""What stands before the command of a single-user server: the wall, where the site wants one."""

from __future__ import annotations

from jupyter_envguard import wall
from jupyter_envguard.site import Enforcement, Site

THERE = ("-I", "-m", "jupyter_envguard.wall")


def in_front(site: Site, guard: Enforcement, python: str, *, elsewhere: bool = False) -> tuple[str, ...]:
    """Return the words before the server's own command, run by `python`, of a person for whom `guard` holds.

    There are none where the site only advises. `elsewhere` means another image, where
    nothing but `python` knows its place.
    """
    if guard.level == "advise":
        return ()
    return (
        *([python, *THERE] if elsewhere else wall.command(python)),
        *(["--required"] if guard.required else []),
        *(_locked(site, guard) if guard.locked else []),
        f"--spool={site.spool}",
        *(f"--write={path}" for path in guard.write),
        *(f"--protect={path}" for path in site.protected()),
        "--",
    )


def _locked(site: Site, guard: Enforcement) -> list[str]:
    strict = ["--strict-memory"] if guard.strict_memory else []
    return ["--lockdown", *strict, *(f"--execute={path}" for path in (site.store_root, *guard.execute))]
