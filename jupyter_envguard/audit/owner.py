"""Who owns a session's log, compared with whom its records name.

Anybody may make folders in the spool and write what they like into them. What they
cannot do is give a file to somebody else: so a record that names one person and lies
in a file of another is *disputed*.
"""

from __future__ import annotations

import functools
import pwd
from pathlib import Path

from jupyter_envguard.audit.event import Actor, Trust
from jupyter_envguard.folders import is_of, path_name


def trust_in(actor: Actor, path: Path) -> Trust:
    """Return how far a record in the session's log `path` is to be believed that names `actor`.

    It is disputed when the number of the account is not the owner's, when the folder is
    not that person's by its name or its owner, and when this machine has an account of
    that name which does not own the file. A name without an account here, as users of
    containers have, can be compared with the folder only.
    """
    try:
        owner = path.lstat().st_uid
        folder = path.parent.lstat().st_uid
    except OSError:
        return "disputed"
    account = uid_of(actor.name)
    holds = folder == owner and actor.uid in (None, owner) and account in (None, owner)
    named = not actor.name or is_of(path.parent.name, path_name(actor.name))
    return "self-reported" if holds and named else "disputed"


@functools.cache
def uid_of(name: str) -> int | None:
    """Return the number of the account `name` on this machine, or None when there is none."""
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        return None
