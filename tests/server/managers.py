"""Managers of kernels that know nothing of the guard."""

from __future__ import annotations

from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager, ServerKernelManager


class ForeignManager(KernelSpecManager):
    """Anybody's kernel spec manager."""


class StrayKernelManager(AsyncMappingKernelManager):
    """A kernel manager that lists its kernels by itself."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernel_spec_manager = KernelSpecManager()


class DirectManager(ServerKernelManager):
    """A kernel manager that starts a kernel without a provisioner."""

    async def _async_launch_kernel(self, kernel_cmd: list[str], **_: Any) -> None:
        raise NotImplementedError
