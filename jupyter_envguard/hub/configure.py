"""Sets up a JupyterHub so that its single-user servers offer approved environments only.

One line at the end of `jupyterhub_config.py` does it:

    from jupyter_envguard.hub import configure

    configure(c, site="/etc/jupyter/envguard/site.yaml")

It switches user configuration off, puts the wall around the session
(`jupyter_envguard.wall`), starts the single-user server isolated (`python -I`) in
it, and hands it the site on the command line, which wins over every
file. What the configuration says already is never overwritten in silence: where
it contradicts the guard the hub refuses to start and says why. The same check is
made once more before each spawn, so a line that comes after `configure` cannot
undo it.

The user's groups are not passed here. The single-user server asks the Hub for
them with its own token (`jupyter_envguard.kernels.subject`), so they change when
the Hub's do and nothing that a user can write has a say.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyterhub.spawner import SpawnException
from jupyterhub.utils import maybe_future

from jupyter_envguard.errors import EnvGuardError, InvalidInput
from jupyter_envguard.hub.contradictions import check_spawner, contradictions, given, refuse
from jupyter_envguard.hub.plan import Plan, plan_for
from jupyter_envguard.site import Site, load

TOKEN_SCOPES = frozenset(
    {"access:servers!server", "read:users:groups!user", "read:users:name!user", "users:activity!user"}
)
"""What a single-user server may ask the Hub: who its user is, in which groups, and to report activity."""


def configure(c: Any, site: str | os.PathLike[str], *, python: str | None = None) -> Site:
    """Set everything on `c`, the configuration object of `jupyterhub_config.py`.

    `site` is the site file, at the same path on the hub and on every node;
    `python` is the interpreter that runs single-user servers, the hub's own
    unless servers run in another image. The hub does not start (`SystemExit`,
    with the code, the sentence and the hint) when the site cannot be used or
    when something that is configured contradicts the guard.
    """
    try:
        found = load(Path(site).expanduser().absolute())
        plan = plan_for(found, python or sys.executable)
        refuse(contradictions(c, plan))
    except EnvGuardError as error:
        raise SystemExit(f"error[{error.code}]: {error.message}\nhint: {error.hint}") from error
    _apply(c, plan)
    return found


def _apply(c: Any, plan: Plan) -> None:
    """Write the plan into `c`; everything set there already has been checked."""
    spawner = c.Spawner
    spawner.disable_user_config = True
    spawner.cmd = list(plan.command)
    told = list(given(spawner, "args"))
    spawner.args = told + [argument for argument in plan.arguments if argument not in told]
    spawner.environment = {**plan.environment, **given(spawner, "environment")}
    spawner.env_keep = list(given(spawner, "env_keep"))
    scopes = given(spawner, "server_token_scopes")
    if not callable(scopes):
        spawner.server_token_scopes = sorted(TOKEN_SCOPES.union(scopes))
    earlier = spawner.pre_spawn_hook if "pre_spawn_hook" in spawner else None
    spawner.pre_spawn_hook = _pre_spawn_hook(plan, earlier)


def _pre_spawn_hook(plan: Plan, earlier: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """Return the hook that looks once more, after the admin's own hook has run."""

    async def check_before_spawn(spawner: Any) -> None:
        if earlier is not None:
            await maybe_future(earlier(spawner))
        try:
            refuse(check_spawner(spawner, plan))
        except InvalidInput as error:
            raise SpawnException(f"{error.message} {error.hint}", reason=error.code) from error

    return check_before_spawn
