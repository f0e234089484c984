"""Terminals get a wall of their own, inside that of the session.

The server's memory, variables and token lie outside of it, and so does the spool: a
terminal can neither stop its server nor speak for it, as little as a kernel can
(`jupyter_envguard.kernels.confined`). `nbconvert` and whatever else is started in a
terminal is behind the same wall.

In lockdown the server must be able to start the Pythons of environments; a terminal
must not, or packages from the home would run in them. So it runs the usual programs
and what the site names.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from jupyter_envguard import doors, wall
from jupyter_envguard.hooks import report
from jupyter_envguard.site import Enforcement, Site

TOKENS = ("JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN", "JUPYTER_TOKEN")
"""Variables of the server that open its doors."""

TOOLS = ("conda", "mamba", "micromamba", "pip", "pip3", "pixi", "uv", "python", "python3", "jupyter")
"""Programs that people type in terminals and that do not run there in lockdown."""

ANSWER = """\
() {{  printf "envguard: '%s' is turned off for approved environments in this terminal, \
and nothing was changed; work in a notebook.%s\\n" "{tool}${{1:+ $1}}" {ask} >&2; {tell}return 77; }}"""
"""A function of bash in place of one; it says what a permission error would not."""

TELL = """\
local said="{tool} $*"; said=${{said:0:{most}}}; said=${{said//[!a-zA-Z0-9 ._=<>~,:\\/@+-]/?}}
[ -z "${{{address}:-}}" ] || \
printf '{{"about":"package","effect":"deny","operation":"{tool}:?","rule":"lockdown",\
"place":"","command":"%s"}}' "$said" | command logger -d -u "${address}" --socket-errors=off >/dev/null 2>&1
"""
"""How it tells the session's server, for the log: bash sends no packets, and logger(1) is a program that
does. What JSON would have to escape is a question mark. The server reads the operation from the command."""

SILENT = ("python", "python3", "jupyter")
"""Tools of these that change no packages, so that nobody records them."""

SHELL = "/bin/sh"
"""What starts where nobody names a shell."""


def shell_command(
    site: Site, guard: Enforcement, wanted: Any, environ: Mapping[str, str], *, locked: bool
) -> list[str]:
    """Return what starts a terminal's shell: the one that is `wanted` by configuration, or the user's own.

    `guard` is what holds for the user, `locked` whether the session is in lockdown.
    """
    return [
        *wall.command(sys.executable),
        *(["--required"] if guard.required else []),
        *(_lockdown(site, guard) if locked else []),
        *(f"--write={path}" for path in guard.write),
        *(f"--protect={path}" for path in site.protected()),
        "--",
        "/usr/bin/env",
        *(word for name in TOKENS for word in ("-u", name)),
        *(_answers(site, guard) if locked else _doors(environ)),
        *_shell(wanted, environ),
    ]


def _shell(wanted: Any, environ: Mapping[str, str]) -> list[str]:
    words = shlex.split(wanted) if isinstance(wanted, str) else list(wanted or ())
    words = words or [environ.get("SHELL") or SHELL, "-l"]
    return [shutil.which(words[0]) or words[0], *words[1:]]


def _lockdown(site: Site, guard: Enforcement) -> list[str]:
    strict = ["--strict-memory"] if guard.strict_memory else []
    return [
        "--lockdown",
        *strict,
        f"--hide={site.store_root}",
        *(f"--execute={path}" for path in guard.execute),
    ]


def _doors(environ: Mapping[str, str]) -> list[str]:
    """Return variables with which package tools are asked for at the machine's front doors first."""
    return [f"{name}={value}" for name, value in doors.variables(environ).items()]


def _answers(site: Site, guard: Enforcement) -> list[str]:
    """Return variables from which bash takes functions for the tools that the site does not let run."""
    runs = {path.name for path in guard.execute}
    ask = shlex.quote(f" Ask for a package: {site.request_url}" if site.request_url else "")
    return [
        f"BASH_FUNC_{tool}%%={ANSWER.format(tool=tool, ask=ask, tell=_tell(tool))}"
        for tool in TOOLS
        if tool not in runs
    ]


def _tell(tool: str) -> str:
    """Return what the function for `tool` does so that its answer is recorded."""
    if tool in SILENT:
        return ""
    return TELL.format(tool=tool, address=report.ADDRESS, most=report.MAX_TEXT)


def wall_in(app: Any, site: Site, guard: Enforcement) -> None:
    """Put the wall that `guard` wants before the terminals of the server `app`, and front doors into them.

    Called before the extension of terminals reads what its shell is.
    """
    locked = wall.is_locked()
    settings = dict(app.terminado_settings)
    wanted = settings.get("shell_command")
    if guard.level != "advise" or locked:
        settings["shell_command"] = shell_command(site, guard, wanted, os.environ, locked=locked)
    elif told := _doors(os.environ):
        settings["shell_command"] = ["/usr/bin/env", *told, *_shell(wanted, os.environ)]
    app.terminado_settings = settings
