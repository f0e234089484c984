"""Makes the folder of a person in the spool before their server starts and anybody else takes its name."""

from __future__ import annotations

import logging
import pwd
from pathlib import Path

from jupyter_envguard.folders import path_name, prepare

log = logging.getLogger(__name__)


def prepare_spool(spool: Path, user: str) -> None:
    """Make the folder of `user` in `spool`, if the machine has an account of that name; for a hub of root.

    Where it cannot be made the session makes one for itself; that is only logged.
    """
    try:
        account = pwd.getpwnam(user)
    except (KeyError, ValueError):  # servers run under other accounts, which are not known here
        return
    try:
        if not prepare(str(spool), user, account.pw_uid, account.pw_gid):
            log.warning(
                "EnvGuard: %s is not the folder of %s; find out whose it is.", spool / path_name(user), user
            )
    except OSError as error:
        log.warning("EnvGuard: no folder for %s in the spool %s: %s", user, spool, error)
