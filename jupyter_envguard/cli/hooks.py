"""`hooks`: the files outside this package that make conda, pip, uv and their like refuse politely here.

Each is a file of its own in a folder that its tool reads whole, or where nobody else
has one: files of others are never edited. Ours begin with `MARK`, after what makes a program of
them, and only such a file is replaced or removed.
"""

from __future__ import annotations

import os
import stat
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from jupyter_envguard import courtesy, doors
from jupyter_envguard.cli.acl import compile_rules
from jupyter_envguard.cli.context import Context
from jupyter_envguard.cli.terminal import columns
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.errors import Conflict, NotFound
from jupyter_envguard.files import explained, read_bounded, write_atomically
from jupyter_envguard.hooks import trusted
from jupyter_envguard.hooks.trusted import ENVIRONMENTS
from jupyter_envguard.site import Site

MARK = "# Written by jupyter_envguard; `jupyter envguard hooks uninstall` removes it.\n"
"""First line of every file of ours."""

SHELL = "#!/bin/sh\n"
"""Comes before `MARK` in a program."""

PLACE = str(doors.FOLDER).lstrip("/")
"""The folder of front doors, below the root of the machine."""

FILE_BYTES = 64 * 1024
"""Size of a file that is compared with ours."""

CONDA = """\
# A key that is `#!final` cannot be changed by variables, options or files of users.
no_plugins: false #!final
protect_frozen_envs: true #!final
safety_checks: enabled #!final
"""

PIP = """\
# Where pip may not write, it would fall back to ~/.local and hide packages of other environments.
# `pip install --user` still works for who asks for it.
[install]
user = false
"""

UV = """\
# uv honours EXTERNALLY-MANAGED by itself; this says so where people look. It can be overruled.
[pip]
break-system-packages = false
"""


class State(StrEnum):
    """How a place on the machine compares with the file that belongs there."""

    INSTALLED = "installed"
    OUTDATED = "outdated"
    MISSING = "missing"
    FOREIGN = "foreign"
    DISBELIEVED = "not believed"


@dataclass(frozen=True, slots=True)
class HookFile:
    """One file for one tool."""

    tool: str
    """Which program reads it."""
    place: str
    """Its path below the root of the machine."""
    text: str
    """What it says after `MARK`."""
    mode: int = 0o644
    """Who may do what with it; what may be run is a program for the shell."""

    @property
    def head(self) -> bytes:
        """How every file of ours in this place begins."""
        return (SHELL + MARK if self.mode & 0o111 else MARK).encode()

    def content(self) -> bytes:
        """Return the bytes that belong there."""
        return self.head + self.text.encode()

    def state(self, root: Path) -> State:
        """Return what is there; whatever does not begin as ours do is somebody else's."""
        path = root / self.place
        with explained(f"read {path}"):
            if not os.path.lexists(path):
                return State.MISSING
            if path.is_symlink() or not path.is_file():
                return State.FOREIGN
            found = read_bounded(path, FILE_BYTES)
            mode = path.stat().st_mode
        if found == self.content() and stat.S_IMODE(mode) == self.mode:
            return State.INSTALLED
        return State.OUTDATED if found.startswith(self.head) else State.FOREIGN


FILES = (
    HookFile("conda", "etc/conda/condarc.d/50-envguard.yml", CONDA),
    HookFile("pip", "etc/xdg/pip/pip.conf", PIP),
    HookFile("uv", "etc/uv/uv.toml", UV),
    *(HookFile(f"{name} (door)", f"{PLACE}/{name}", doors.script(name), 0o755) for name in doors.NAMES),
    HookFile("shells", "etc/profile.d/envguard.sh", doors.PROFILE),
)
"""All of them."""


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `hooks`."""
    parser.add_argument(
        "action", choices=("install", "status", "uninstall"), help="what to do with the files"
    )
    parser.add_argument(
        "--root",
        metavar="DIR",
        default="/",
        help="the machine's root folder, for images that are being built (default: /)",
    )


def hooks(arguments: Namespace, context: Context) -> Answer:
    """Install the files and the site's rules, show how they are, or remove them.

    Without a site there are no rules to install, and hooks refuse changes of frozen
    environments only.
    """
    root = Path(arguments.root).absolute()
    rules = _below(root, courtesy.RULES_PLACE)
    site = None if arguments.action == "uninstall" else _site(context)
    if arguments.action == "install":
        _install(root)
        if site is None:
            context.screen.warn("There is no site file, so hooks refuse changes of frozen environments only.")
        else:
            compile_rules(context, rules)
    elif arguments.action == "uninstall":
        _uninstall(root)
    rows = [
        *((file.tool, str(root / file.place), str(file.state(root))) for file in FILES),
        _rules(rules, site),
    ]
    found = [{"hook": name, "path": path, "state": state} for name, path, state in rows]
    return Answer({"root": str(root), "hooks": found}, _told(rows))


def _site(context: Context) -> Site | None:
    """Return the site, None when none was named and there is none in its place."""
    try:
        return context.site()
    except NotFound:
        if context.named is not None:
            raise
        return None


def _below(root: Path, place: Path) -> Path:
    return root / str(place).lstrip("/")


def _install(root: Path) -> None:
    """Write the files; raise `hook-foreign`, and write none, where one belongs to somebody else."""
    foreign = [str(root / file.place) for file in FILES if file.state(root) is State.FOREIGN]
    if foreign:
        raise Conflict(
            "hook-foreign",
            f"{', '.join(foreign)} was not written by jupyter_envguard, so no hook was installed.",
            "Move it away, install, and put its keys into the file that is written then.",
        )
    for file in FILES:
        path = root / file.place
        if file.state(root) is not State.INSTALLED:
            with explained(f"write {path}"):
                path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
                write_atomically(path, file.content(), file.mode)


def _uninstall(root: Path) -> None:
    """Remove the files that are ours; folders stay, and so do files of others."""
    ours = [file for file in FILES if file.state(root) in (State.INSTALLED, State.OUTDATED)]
    rules = _below(root, courtesy.RULES_PLACE)
    compiled = (rules, rules.with_name(ENVIRONMENTS)) if trusted.rules(str(rules)) else ()
    for path in (*(root / file.place for file in ours), *compiled):
        with explained(f"remove {path}"):
            path.unlink(missing_ok=True)


def _rules(path: Path, site: Site | None) -> tuple[str, str, str]:
    """Return how the compiled rules look to a hook, and whether they are those of `site`."""
    if not os.path.lexists(path):
        return "rules", str(path), State.MISSING
    if trusted.rules(str(path)) is None:
        return "rules", str(path), State.DISBELIEVED
    with explained(f"read {path}"):
        same = site is None or read_bounded(path, trusted.RULES_BYTES) == courtesy.rules_file(site)
    return "rules", str(path), State.INSTALLED if same else State.OUTDATED


def _told(rows: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    yield from columns(rows, ("HOOK", "PATH", "STATE"))


VERBS: Mapping[str, Verb] = MappingProxyType({"hooks": Verb(arguments, hooks)})
