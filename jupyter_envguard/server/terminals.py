"""The shell of terminals in a session in lockdown: behind a narrower wall than the server's.

The server must be able to start the Pythons of environments; a terminal must not, or
packages from the home would run in them. So a terminal runs the usual programs and what
the site names, it cannot reach the server's memory, and it has neither the server's
token nor a way to the session's log.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from typing import Any

from jupyter_envguard import wall
from jupyter_envguard.site import Site

TOKENS = ("JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN", "JUPYTER_TOKEN")
"""Variables of the server that open its doors."""

SHELL = "/bin/sh"
"""What starts where nobody names a shell."""


def shell_command(site: Site, wanted: Any, environ: Mapping[str, str]) -> list[str]:
    """Return what starts a terminal's shell: the one that is `wanted` by configuration, or the user's own."""
    guard = site.guard
    words = shlex.split(wanted) if isinstance(wanted, str) else list(wanted or ())
    return [
        *wall.command(sys.executable),
        "--lockdown",
        *(["--required"] if any(each.locked and each.required for each in guard.possible()) else []),
        *(["--strict-memory"] if guard.strict_memory else []),
        *(f"--write={path}" for path in guard.write),
        *(f"--execute={path}" for path in guard.execute),
        *(f"--protect={path}" for path in site.protected()),
        "--",
        "/usr/bin/env",
        *(word for name in TOKENS for word in ("-u", name)),
        *(words or [environ.get("SHELL") or SHELL, "-l"]),
    ]


def wall_in(app: Any, site: Site) -> None:
    """Put the wall before the terminals of the server `app`, if this process is in lockdown.

    Called before the extension of terminals reads what its shell is.
    """
    if wall.is_locked():
        settings = dict(app.terminado_settings)
        wanted = settings.get("shell_command")
        settings["shell_command"] = shell_command(site, wanted, os.environ)
        app.terminado_settings = settings
