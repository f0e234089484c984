"""The demo's site: made, filled and approved with the same commands that an admin types."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Offering:
    """One release that the demo imports and approves."""

    name: str
    """Name of the environment."""
    release: str
    """Label of the release."""
    pack: Path
    """The packed archive."""
    display_name: str
    """What people read on the launcher."""
    description: str
    """What it is for."""
    groups: tuple[str, ...]
    """Groups that may use it."""


class CommandFailed(Exception):
    """A command of the demo ended with an error that it has explained itself."""


def envguard(*arguments: str | Path, say: Callable[[str], None] = lambda _: None) -> Any:
    """Run `jupyter envguard` with `arguments` and return what it printed as JSON.

    `say` is told the command as a person would type it. Raises `CommandFailed`
    with the code, the sentence and the hint when the command refuses.
    """
    words = [str(argument) for argument in arguments]
    say("$ jupyter envguard " + shlex.join(words))
    command = [sys.executable, "-m", "jupyter_envguard.cli.main", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise CommandFailed(done.stderr.strip() or f"exit code {done.returncode}") from None
    if done.returncode:
        raise CommandFailed(
            f"error[{answer.get('code')}]: {answer.get('message')}\nhint: {answer.get('hint')}"
        )
    return answer


USABLE = ("in_review", "approved", "deprecated")
"""States from which the demo can go on."""


def make(folder: Path, offerings: Sequence[Offering], say: Callable[[str], None]) -> Path:
    """Make the site in `folder` if it is not there, import and approve what is missing; return site.yaml.

    A site in which one of the `offerings` was revoked or put away is made anew.
    """
    site = folder / "site.yaml"
    present = _states(site) if site.is_file() else {}
    spent = [f"{label} is {present[label]}" for label in map(_label, offerings) if label in present]
    spent = [text for text in spent if not text.endswith(USABLE)]
    if spent:
        say(f"The site of the last demo is thrown away: {', '.join(spent)}")
        remove(folder)
        present = {}
    if not site.is_file():
        envguard("init", folder, "--name", "the EnvGuard demo", say=say)
    for offering in offerings:
        state = present.get(_label(offering))
        if state is None:
            _import(site, offering, say)
        if state in (None, "in_review"):
            reason = "Reviewed for the demo"
            envguard("approve", _label(offering), "--reason", reason, "--site", site, say=say)
    return site


def remove(folder: Path) -> None:
    """Remove `folder` with the sealed images in it, whose folders nobody may write to."""
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder)


def _states(site: Path) -> dict[str, str]:
    """Return the state of each release, by `name@release`."""
    found = envguard("list", "--site", site)
    return {f"{entry['name']}@{entry['release']}": entry["state"] for entry in found["entries"]}


def _import(site: Path, offering: Offering, say: Callable[[str], None]) -> None:
    groups = [word for group in offering.groups for word in ("--group", group)]
    envguard(
        "import",
        offering.pack,
        "--as",
        _label(offering),
        "--display-name",
        offering.display_name,
        "--description",
        offering.description,
        *groups,
        "--site",
        site,
        say=say,
    )


def _label(offering: Offering) -> str:
    return f"{offering.name}@{offering.release}"
