"""The check of `doctor` on the folder of decisions: whether users can read answers and believe them."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from jupyter_envguard.cli.checks import Check, Status
from jupyter_envguard.cli.paths import user_name
from jupyter_envguard.requests.decisions import FOLDER_MODE
from jupyter_envguard.site import Site


def decisions(site: Site) -> Iterator[Check]:
    """Yield what is to be said about the folder in which users read what became of their requests."""
    folder = site.decisions
    try:
        found = folder.stat()
    except FileNotFoundError:
        yield Check("decisions", Status.INFO, f"No request has been decided yet: there is no {folder}.")
        return
    owners = {0, site.path.stat().st_uid}
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid not in owners:
        message = f"Nobody believes the decisions in {folder}: it belongs to {user_name(found.st_uid)}."
        yield Check("decisions", Status.FAIL, message, f"chown {min(owners)} {folder}", "decisions-unsafe")
    elif mode & (stat.S_IWGRP | stat.S_IWOTH):
        message = f"Nobody believes the decisions in {folder}: others than its owner can write there."
        yield Check("decisions", Status.FAIL, message, f"chmod {FOLDER_MODE:o} {folder}", "decisions-unsafe")
    elif not mode & stat.S_IXOTH:
        message = f"Users cannot read what became of their requests in {folder}."
        yield Check("decisions", Status.WARN, message, f"chmod {FOLDER_MODE:o} {folder}")
    else:
        yield Check("decisions", Status.PASS, f"Users read answers in {folder}, and write none.")
