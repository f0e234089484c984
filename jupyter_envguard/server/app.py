"""The server extension: puts the guard in place before the server makes its managers, and proves it after.

    jupyter lab --EnvGuardApp.site=/srv/envguard/site.yaml

is enough on one machine; under a hub `configure` passes the same and more. A server
on which no site is set is left as it is, and says so.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from traitlets import Unicode

from jupyter_envguard import wall
from jupyter_envguard.errors import Denied, EnvGuardError
from jupyter_envguard.kernels.kernelspecs import EnvGuardKernelSpecManager
from jupyter_envguard.server import handlers, kernels, refusals
from jupyter_envguard.server.base import SETTING, Guarding
from jupyter_envguard.server.stream import Stream
from jupyter_envguard.server.terminals import wall_in
from jupyter_envguard.server.traces import leave_no_token
from jupyter_envguard.site import Enforcement, Site, load

MANAGER = f"{EnvGuardKernelSpecManager.__module__}.{EnvGuardKernelSpecManager.__qualname__}"


class EnvGuardApp(ExtensionApp):
    """Guards the kernels of one server."""

    name = "jupyter_envguard"
    load_other_extensions = True

    site = Unicode(
        help="""Path of the site file, such as /srv/envguard/site.yaml; when it is set only approved
        environments are offered and started.""",
    ).tag(config=True)

    def _link_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        """Choose the kernel spec manager; Jupyter calls this before it makes one."""
        super()._link_jupyter_server_extension(serverapp)
        site = self.site or serverapp.config.EnvGuardKernelSpecManager.get("site", "")
        if not site:
            return
        serverapp.config.EnvGuardKernelSpecManager.site = str(Path(site).expanduser().absolute())
        if "kernel_spec_manager_class" not in serverapp.config.ServerApp:
            serverapp.kernel_spec_manager_class = EnvGuardKernelSpecManager

    @property
    def _server(self) -> Any:
        """The server; Jupyter sets it before it calls anything else here."""
        return self.serverapp

    def initialize_settings(self) -> None:
        """Find out whether this server is guarded; Jupyter calls this when its managers are there.

        All extensions have had their say on the configuration by then, and none that comes
        later in the alphabet, as Jupyter's terminals do, has read what terminals run.
        """
        manager = self._server.kernel_spec_manager
        guard = manager.guard if isinstance(manager, EnvGuardKernelSpecManager) else None
        wanted = guard is not None or bool(self._server.config.EnvGuardKernelSpecManager.get("site"))
        problem = next(self._problems(), None) if wanted else None
        self._guarding = Guarding(guard, problem, stream=Stream(guard) if guard else None)
        self.settings[SETTING] = self._guarding
        if wanted:
            self._confine_terminals()
            leave_no_token(self._server, os.environ)
        if problem is not None:
            self._server.log.critical(
                "EnvGuard: no kernel will start. [%s] %s %s", problem.code, problem.message, problem.hint
            )
            self._hold(problem)
        elif isinstance(manager, EnvGuardKernelSpecManager):
            manager.running.open()
        else:
            self._server.log.warning(
                "EnvGuard is installed, but no site is set: kernels of this server are not guarded."
            )

    async def stop_extension(self) -> None:
        """Let listeners go, and listen to hooks no more; Jupyter calls this as the server ends."""
        if self._guarding.stream is not None:
            self._guarding.stream.close()
        manager = self._server.kernel_spec_manager
        if isinstance(manager, EnvGuardKernelSpecManager):
            await asyncio.to_thread(manager.running.close)

    def initialize_handlers(self) -> None:
        """Add the REST API, and where a guard is wanted the verbs that explain its refusals."""
        self.handlers.extend([*handlers.HANDLERS, *kernels.HANDLERS])
        if self._guarding.guard is not None or self._guarding.problem is not None:
            self.handlers.extend(refusals.HANDLERS)

    def _problems(self) -> Iterator[EnvGuardError]:
        """Yield what lets kernels start past the guard."""
        app = self._server
        if app.gateway_config.gateway_enabled:
            yield _not_in_place("a kernel gateway starts the kernels", "Remove the gateway's address.")
        if not isinstance(app.kernel_spec_manager, EnvGuardKernelSpecManager):
            found = type(app.kernel_spec_manager).__name__
            yield _not_in_place(
                f"kernels are listed by {found}", f"Set ServerApp.kernel_spec_manager_class to {MANAGER}."
            )
        if app.kernel_manager.kernel_spec_manager is not app.kernel_spec_manager:
            yield _not_in_place(
                "the kernel manager uses another kernel spec manager", "Remove its configuration."
            )
        if app.allow_external_kernels:
            yield _not_in_place(
                "kernels from elsewhere may be attached", "Remove ServerApp.allow_external_kernels."
            )
        if self._lacks_wall():
            yield _not_in_place(
                "the site requires a wall around it and there is none",
                "Start it by jupyter-envguard-confine; a hub that is set up by configure() does.",
            )

    def _lacks_wall(self) -> bool:
        """Tell whether the user's level requires a wall that does not stand; this process tries it."""
        if not isinstance(self._server.kernel_spec_manager, EnvGuardKernelSpecManager):
            return False
        try:
            site, guard = self._wanted()
        except EnvGuardError:  # nothing is offered then, and the reason is told
            return False
        if guard is None:  # each start is decided by the groups as they are known then
            guard = site.guard.of(())
        stands = wall.stands(str(site.store_root)) and (wall.is_locked() or not guard.locked)
        return guard.required and not stands

    def _confine_terminals(self) -> None:
        """Put the wall around terminals; without a site that can be read none opens."""
        try:
            site, guard = self._wanted()
            wall_in(self._server, site, guard or site.guard.strictest())
        except EnvGuardError as error:  # no kernel is offered either
            self._server.log.critical("EnvGuard: no terminal will open. [%s] %s", error.code, error.message)
            self._server.terminals_enabled = False

    def _wanted(self) -> tuple[Site, Enforcement | None]:
        """Return the site and what holds for the user there; raise when there is none that can be read.

        None stands for a user whose groups nobody could say, though the level hangs on them.
        """
        manager = self._server.kernel_spec_manager
        if not isinstance(manager, EnvGuardKernelSpecManager):
            site = load(Path(self._server.config.EnvGuardKernelSpecManager.site))
            return site, site.guard.of(())
        site = manager.guard.sources.site
        if not site.guard.groups:
            return site, site.guard.of(())
        subject = manager.guard.listing(wait=True).subject
        return site, site.guard.of(subject.groups) if subject else None

    def _hold(self, problem: EnvGuardError) -> None:
        """Let the server start nothing, whoever asks."""

        async def refuse(*_: Any, **__: Any) -> NoReturn:
            raise problem

        self._server.kernel_manager.start_kernel = refuse
        self._server.kernel_manager.restart_kernel = refuse


def _not_in_place(why: str, hint: str) -> Denied:
    return Denied("guard-not-in-place", f"This server cannot be guarded: {why}.", hint)
