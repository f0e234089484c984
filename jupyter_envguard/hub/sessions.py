"""Leaves word on this machine who has a session, so that hooks know the hub's groups and roles.

Only a hub that runs as root on the machine where sessions run can do so, as one with
`LocalProcessSpawner` or `SystemdSpawner` does. Elsewhere hooks know the account and no
group: denials for groups hold for everybody there, and permissions for nobody.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from typing import Any

from jupyter_envguard import courtesy
from jupyter_envguard.errors import EnvGuardError


def leave_word(spawner: Any) -> bool:
    """Write who is about to use the account that has the name of the hub's user; return whether it was.

    An account that is not there and a file that cannot be written are no reason not to
    start: this is courtesy.
    """
    user = spawner.user
    if os.geteuid() != 0:
        return False
    try:
        uid = pwd.getpwnam(user.name).pw_uid
        courtesy.write_session(uid, user.name, set(groups_of(user)), set(roles_of(user)))
    except KeyError:
        return False
    except EnvGuardError as error:
        spawner.log.warning("Hooks will not know the groups of %s: %s", user.name, error.message)
        return False
    return True


def groups_of(user: Any) -> Iterator[str]:
    """Yield the names of the hub's groups that `user` is in."""
    yield from (group.name for group in user.groups)


def roles_of(user: Any) -> Iterator[str]:
    """Yield the names of the roles that `user` has, also by a group."""
    for holder in (user, *user.groups):
        yield from (role.name for role in holder.roles)
