"""The running kernels of this server over REST: what each was started as, and what is known of it since."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_envguard.errors import NotFound
from jupyter_envguard.kernels.running import Running
from jupyter_envguard.server.base import EnvGuardHandler

PREFIX = "envguard/api"

SHOWN_CHARACTERS = 64
"""Characters of an id that a message repeats."""


class KernelsHandler(EnvGuardHandler):
    """All running kernels."""

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self) -> None:
        """List what runs."""
        ids = list(self.kernel_manager.list_kernel_ids())
        shown = [await asyncio.to_thread(self.shown, kernel_id) for kernel_id in ids]
        self.set_header("Cache-Control", "private, no-store")
        self.finish({"kernels": shown})

    def shown(self, kernel_id: str) -> dict[str, Any]:
        """Return a kernel in the shape of the API; one that the guard did not start is `unmanaged`."""
        self.guarding.require()
        manager: Any = self.kernel_spec_manager
        running: Running = manager.running
        return running.show(kernel_id) or _unmanaged(kernel_id, self._name_of(kernel_id))

    def _name_of(self, kernel_id: str) -> str:
        try:
            return str(self.kernel_manager.get_kernel(kernel_id).kernel_name)
        except (KeyError, web.HTTPError):  # it has ended meanwhile
            return ""


class KernelHandler(KernelsHandler):
    """One running kernel."""

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self, kernel_id: str) -> None:
        """Look at the kernel, and show it."""
        self.guarding.require()
        if kernel_id not in self.kernel_manager:
            shown = re.sub(r"[^\w.-]", "?", kernel_id[:SHOWN_CHARACTERS], flags=re.ASCII)
            raise NotFound("kernel-unknown", f"No kernel {shown} is running.", "List the kernels there are.")
        self.set_header("Cache-Control", "private, no-store")
        self.finish(await asyncio.to_thread(self.shown, kernel_id))


def _unmanaged(kernel_id: str, kernel_name: str) -> dict[str, Any]:
    return {
        "id": kernel_id,
        "kernel_name": kernel_name,
        "environment": "",
        "release": "",
        "digests": None,
        "state": "unmanaged",
        "wall": {
            "level": "",
            "complete": False,
            "gaps": ["The guard did not start this kernel, so nothing is known about it."],
        },
        "drift": {"state": "unknown", "findings": []},
    }


HANDLERS: list[tuple[str, type[EnvGuardHandler], dict[str, Any]]] = [
    (rf"/{PREFIX}/running", KernelsHandler, {}),
    (rf"/{PREFIX}/running/(?P<kernel_id>[^/]+)", KernelHandler, {}),
]
