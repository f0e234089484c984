"""Starts the kernel of an approved environment, after deciding once more.

jupyter_client calls `pre_launch` before every start and restart, whoever asked for
it. What is started comes from the guard by the kernel's name alone: the command
and environment in the kernelspec, and whatever a caller passes beside the working
folder, do not matter.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from jupyter_envguard.errors import Denied, EnvGuardError, Unavailable
from jupyter_envguard.files import explained
from jupyter_envguard.hooks.report import LINE
from jupyter_envguard.kernels.activation import kernel_environment
from jupyter_envguard.kernels.confined import Start, confined
from jupyter_envguard.kernels.guard import Permit
from jupyter_envguard.kernels.kernelspecs import EnvGuardKernelSpecManager
from jupyter_envguard.kernels.launch import for_children
from jupyter_envguard.kernels.running import Process
from jupyter_envguard.kernels.told import told
from jupyter_envguard.landlock import CANNOT_CONFINE
from jupyter_envguard.store import leased

PASSED_ON = frozenset({"cwd", "independent", "stderr", "stdin", "stdout"})
"""What a caller may say about the process to be made."""

log = logging.getLogger(__name__)


class EnvGuardProvisioner(LocalProvisioner):
    """One kernel's process, from the guard's permit to its recorded end."""

    _permit: Permit | None = None
    """What was allowed, from the decision until the end of the process was recorded."""

    _prepared: Mapping[str, Any] = MappingProxyType({})
    """What `pre_launch` decided to start."""

    _is_ending = False
    """Whether somebody asked the process to end."""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Return how to make the process; called by jupyter_client before each start and restart.

        Raises the guard's refusal, of which there is a record already.
        """
        manager = self._guarding()
        kernel: Any = self.parent
        session = str(kwargs.get("env", {}).get("JPY_SESSION_NAME", ""))
        permit = await asyncio.to_thread(manager.guard.permit, kernel.kernel_name, str(self.kernel_id))
        prepared = await super().pre_launch(**{**kwargs, **self._encryption()})
        prepared = {name: value for name, value in prepared.items() if name in PASSED_ON}
        enforcement = manager.guard.enforcement(permit.subject)
        locked, own_packages = enforcement.locked, enforcement.own_packages
        prepared["cmd"] = permit.launch.command(
            os.path.realpath(kernel.connection_file), locked=locked, own_packages=own_packages
        )
        prepared["env"] = kernel_environment(
            permit.image.path,
            os.environ,
            kept=manager.keep_environment,
            own=permit.launch.env,
            session=session,
            doors=not locked,  # their programs are on no list of programs
        ) | told(manager.guard, permit)
        alone = enforcement.strict_python
        prepared["env"] |= for_children(own_packages=own_packages, alone=alone) if locked else {}
        self._permit = permit
        self._prepared = prepared
        return dict(prepared)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Make the process that `pre_launch` prepared, not what it has become on the way here.

        Its image is kept where it is from here on, and is what was checked; its program is
        held open, and a wall is put around it. Raises as `Guard.confirm` and `confined` do.
        """
        del cmd, kwargs
        self._is_ending = False
        try:
            permit = self._permitted()
            with (
                explained(f"start {permit.launch.argv[0]}"),
                leased(permit.image),
                self._line(permit) as (ours, theirs),
            ):
                await asyncio.to_thread(self._guarding().guard.confirm, permit)
                with self._confined(permit, *theirs) as start:
                    how = {**self._prepared, "cmd": list(start.command), "pass_fds": start.descriptors}
                    how["env"] = self._prepared["env"] | start.environment
                    how["env"] |= zip([LINE], map(str, theirs), strict=False)
                    info = await super().launch_kernel(**how)
                    await self._started(start)
                self._take_note(permit, start, ours)
                return info
        except EnvGuardError as error:
            await self._finish("kernel.start", error)
            raise

    async def poll(self) -> int | None:
        """Return the exit code, or None while the kernel runs; the first code seen is recorded."""
        code = await super().poll()
        if code is not None and (code == 0 or self._is_ending):
            await self._finish("kernel.stop", None, exit=code)
        elif code is not None:
            await self._finish("kernel.crash", _crashed(self.kernel_id, code), exit=code)
        return code

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Note that the end is wanted; called by jupyter_client when it asks the kernel to stop."""
        self._is_ending = True
        await super().shutdown_requested(restart)

    async def kill(self, restart: bool = False) -> None:
        """Kill the process, and note that this was wanted."""
        self._is_ending = True
        await super().kill(restart)

    async def get_provisioner_info(self) -> dict[str, Any]:
        """Return what identifies the process and the release it came from."""
        found = await super().get_provisioner_info()
        if self._permit is not None:
            entry = self._permit.offer.entry
            found["envguard"] = {
                "environment": entry.name,
                "release": entry.release,
                "manifest": entry.manifest,
            }
        return found

    @contextmanager
    def _line(self, permit: Permit) -> Iterator[tuple[socket.socket | None, tuple[int, ...]]]:
        """Yield our end of a socket, closed if the start fails, and the kernel's, if it has use for it."""
        if not permit.launch.reports:
            yield None, ()
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                yield ours, (theirs.fileno(),)
            except BaseException:
                ours.close()
                raise

    def _take_note(self, permit: Permit, start: Start, line: socket.socket | None) -> None:
        """Let the server know what runs now."""
        process: Any = self.process
        manager = self._guarding()
        made = Process(
            permit=permit,
            pid=process.pid,
            program=self._prepared["cmd"][0],
            reports=line is not None,
            level=manager.guard.enforcement(permit.subject).level,
            gaps=start.gaps,
        )
        manager.running.started(made, line)

    def _permitted(self) -> Permit:
        if self._permit is None:
            raise Denied(
                "guard-not-in-place",
                "A kernel cannot start before the guard has permitted it.",
                "Start it through Jupyter's kernel manager.",
            )
        return self._permit

    def _confined(self, permit: Permit, *passed: int) -> AbstractContextManager[Start]:
        guard = self._guarding().guard
        kernel: Any = self.parent
        runtime = str(Path(kernel.connection_file).resolve().parent)
        enforcement = guard.enforcement(permit.subject)
        command = self._prepared["cmd"]
        image, guarded = permit.image, permit.launch.reports
        return confined(guard.sources.site, enforcement, image, command, runtime, passed, guarded=guarded)

    async def _started(self, start: Start) -> None:
        """Wait until the program runs behind its wall; raise why it does not."""
        why = await asyncio.to_thread(start.refusal)
        if not why:
            return
        process: Any = self.process
        code = "confine-unavailable" if process.wait() == CANNOT_CONFINE else "io-error"
        self.process = None
        raise Unavailable(code, f"The kernel was not started: {why}.", "Look at the end of the server's log.")

    def _guarding(self) -> EnvGuardKernelSpecManager:
        manager = getattr(self.parent, "kernel_spec_manager", None)
        if isinstance(manager, EnvGuardKernelSpecManager):
            return manager
        raise Denied(
            "guard-not-in-place",
            "This server's kernels are not listed by EnvGuard, so none of its kernels can be started.",
            "Set ServerApp.kernel_spec_manager_class to EnvGuardKernelSpecManager.",
        )

    def _encryption(self) -> dict[str, str]:
        """Ask for encrypted channels where jupyter_client knows how and the kernel can."""
        policy = getattr(self.parent, "transport_encryption", None)
        return {"transport_encryption": "auto"} if policy == "disabled" else {}

    async def _finish(self, kind: str, error: EnvGuardError | None, **about: int) -> None:
        """Record how the permitted start ended, once; a failure to do so is only logged."""
        permit, self._permit = self._permit, None
        if permit is None:
            return
        self._guarding().running.ended(str(self.kernel_id))
        try:
            await asyncio.to_thread(self._guarding().guard.record, permit, kind, error, **about)
        except EnvGuardError as failure:
            log.error("%s of kernel %s is not recorded: %s", kind, self.kernel_id, failure.message)


def _crashed(kernel_id: str, code: int) -> Unavailable:
    return Unavailable(
        "kernel-crashed",
        f"Kernel {kernel_id} ended by itself with exit code {code}.",
        "Look at the end of the server's log.",
    )
