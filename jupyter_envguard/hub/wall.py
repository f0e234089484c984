"""What stands before the command of a single-user server: the wall, where the site wants one."""

from __future__ import annotations

from jupyter_envguard import wall
from jupyter_envguard.site import Site

THERE = ("-I", "-m", "jupyter_envguard.wall")


def in_front(site: Site, python: str, *, elsewhere: bool = False) -> tuple[str, ...]:
    """Return the words before the server's own command, run by `python`; none where the site only advises.

    `elsewhere` means another image, where nothing but `python` knows its place.
    """
    if site.guard.level == "advise":
        return ()
    return (
        *([python, *THERE] if elsewhere else wall.command(python)),
        *(["--required"] if site.guard.required else []),
        *(f"--write={path}" for path in (site.spool, *site.guard.write)),
        *(f"--protect={path}" for path in site.protected()),
        "--",
    )
