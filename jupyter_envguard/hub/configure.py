"""Sets up a JupyterHub so that its single-user servers offer approved environments only.

One line at the end of `jupyterhub_config.py` does it:

    from jupyter_envguard.hub import configure

    configure(c, site="/etc/jupyter/envguard/site.yaml")

It switches user configuration off, puts the wall around the session
(`jupyter_envguard.wall`), starts the single-user server isolated (`python -I`) in
it, and hands it the site on the command line, which wins over every
file. Around that it puts what the spawner itself can do (`jupyter_envguard.hub.spawners`).
What the configuration says already is never overwritten in silence: where
it contradicts the guard the hub refuses to start and says why. The same check is
made once more before each spawn, so a line that comes after `configure` cannot
undo it.

The user's groups at the Hub choose the wall when a server is spawned. They are not
passed on: the single-user server asks the Hub for them with its own token
(`jupyter_envguard.kernels.subject`), so they change when the Hub's do and nothing
that a user can write has a say.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyterhub.spawner import SpawnException
from jupyterhub.utils import maybe_future

from jupyter_envguard.errors import EnvGuardError, InvalidInput
from jupyter_envguard.hub.contradictions import (
    check_spawner,
    contradictions,
    given,
    refuse,
    section_for,
    unsafe_class,
    unsafe_spawner,
)
from jupyter_envguard.hub.plan import Plan, plan_for
from jupyter_envguard.hub.sessions import leave_word
from jupyter_envguard.hub.spawners import (
    Surroundings,
    kind_of,
    spawner_class,
    surroundings,
    wanted_for,
)
from jupyter_envguard.hub.spool import prepare_spool
from jupyter_envguard.site import Site, load
from jupyter_envguard.store import Presence, Store

TOKEN_SCOPES = frozenset(
    {"access:servers!server", "read:users:groups!user", "read:users:name!user", "users:activity!user"}
)
"""What a single-user server may ask the Hub: who its user is, in which groups, and to report activity."""


def configure(c: Any, site: str | os.PathLike[str], *, python: str | None = None) -> Site:
    """Set everything on `c`, the configuration object of `jupyterhub_config.py`.

    `site` is the site file, at the same path on the hub and on every node;
    `python` is the interpreter that runs single-user servers: the hub's own, unless
    they run in an image, where it has to be named. The hub does not start (`SystemExit`,
    with the code, the sentence and the hint) when the site cannot be used or
    when something that is configured contradicts the guard.
    """
    try:
        found = load(Path(site).expanduser().absolute())
        spawner = _spawner(c)
        plan, around = _prepared(spawner, found, python)
        refuse([*contradictions(c, plan, spawner), *(around.contradictions(c) if around else ())])
    except EnvGuardError as error:
        raise SystemExit(f"error[{error.code}]: {error.message}\nhint: {error.hint}") from error
    if around:
        around.write(c)
    _apply(c, spawner, plan, around)
    return found


def _spawner(c: Any) -> type:
    """Return the class of the hub's spawner; raise `hub-contradiction` for one that can never be used."""
    refuse(unsafe_spawner(c))
    spawner = spawner_class(c)
    refuse(unsafe_class(spawner))
    return spawner


def _prepared(spawner: type, site: Site, python: str | None) -> tuple[Plan, Surroundings | None]:
    """Return what servers are started with, and what is put around their sessions."""
    kind = kind_of(spawner)
    if kind is None:
        return plan_for(site, python or sys.executable), None
    if kind.elsewhere and python is None:
        raise InvalidInput(
            "hub-contradiction",
            f"{spawner.__name__} runs servers in an image, and nobody said by which Python there.",
            "Name it: configure(c, site=…, python='/opt/conda/bin/python').",
        )
    plan = plan_for(site, python or sys.executable, elsewhere=kind.elsewhere)
    wanted = wanted_for(site, python or sys.executable, plan.command, frozenset(plan.commands.values()))
    return plan, surroundings(spawner, wanted, site.guard)


def _apply(c: Any, spawner: type, plan: Plan, around: Surroundings | None) -> None:
    """Write the plan into `c`; everything set there already has been checked."""
    c.Spawner.disable_user_config = True
    c.Spawner.cmd = list(plan.command)
    args, environment, kept, scopes = (
        section_for(c, spawner, name) for name in ("args", "environment", "env_keep", "server_token_scopes")
    )
    told = list(given(args, "args"))
    args.args = told + [argument for argument in plan.arguments if argument not in told]
    environment.environment = {**plan.environment, **given(environment, "environment")}
    kept.env_keep = list(given(kept, "env_keep"))
    asked = given(scopes, "server_token_scopes")
    if not callable(asked):
        scopes.server_token_scopes = sorted(TOKEN_SCOPES.union(asked))
    earlier = c.Spawner.pre_spawn_hook if "pre_spawn_hook" in c.Spawner else None
    c.Spawner.pre_spawn_hook = _pre_spawn_hook(plan, around, earlier)


def _pre_spawn_hook(
    plan: Plan, around: Surroundings | None, earlier: Callable[[Any], Any] | None
) -> Callable[[Any], Any]:
    """Return the hook that looks once more, after the admin's own hook has run, and puts up the wall that
    the user's groups at the Hub want."""

    async def check_before_spawn(spawner: Any) -> None:
        if earlier is not None:
            await maybe_future(earlier(spawner))
        try:
            refuse(check_spawner(spawner, plan))
            groups = [group.name for group in spawner.user.groups]
            refuse(await around.problems(spawner, groups) if around else ())
            spawner.cmd = list(plan.command_for(groups))
        except InvalidInput as error:
            raise SpawnException(f"{error.message} {error.hint}", reason=error.code) from error
        if plan.spool is not None and os.geteuid() == 0:
            await asyncio.to_thread(prepare_spool, plan.spool, spawner.user.name)
        if plan.store is not None and os.geteuid() == 0:
            await asyncio.to_thread(Presence(Store(plan.store)).present_all)
        leave_word(spawner)

    return check_before_spawn
