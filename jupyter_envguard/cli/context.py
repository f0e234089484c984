"""Where a verb works: the screen and the site; and who runs it."""

from __future__ import annotations

import os
import pwd
from argparse import ArgumentTypeError
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_envguard.cli.terminal import Screen
from jupyter_envguard.errors import NotFound

if TYPE_CHECKING:
    from jupyter_envguard.audit import Actor
    from jupyter_envguard.catalog import Catalog
    from jupyter_envguard.site import Site

PLACES = (Path("site.yaml"), Path("/etc/jupyter/envguard/site.yaml"))
"""Where the site file is looked for. Never in a variable: users own those."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every verb is given."""

    named: str | None
    """The site file that `--site` names."""
    screen: Screen
    """Where progress and warnings go."""

    def site(self) -> Site:
        """Return the site; raise `site-missing` when none is named and none is in its place."""
        from jupyter_envguard.site import load

        if self.named is not None:
            return load(Path(self.named))
        found = next((place for place in PLACES if place.exists()), None)
        if found is None:
            raise NotFound(
                "site-missing",
                f"There is no site file: looked for {' and '.join(map(str, PLACES))}.",
                "Name one with --site PATH, or make one with jupyter envguard init DIR.",
            )
        return load(found.absolute())

    def catalog(self, site: Site) -> Catalog:
        """Return the catalog of `site`, verified from its root of trust as a node does."""
        from jupyter_envguard.catalog import Client

        return Client(site.catalog, site.trust).load()


def actor() -> Actor:
    """Return who runs the command: the account of the process, which no variable can change."""
    from jupyter_envguard.audit import Actor

    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Actor(name, uid, "os-user")


def moment(text: str) -> datetime:
    """Return the time that a person wrote; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        # argparse would name this function instead.
        raise ArgumentTypeError(f"{text!r} is no time such as 2027-08-01 or 2027-08-01T12:00") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
