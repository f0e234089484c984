"""The first cell on a machine: what comes after unpacking or fetching until a cell has its answer.

By hand it is a kernel.json and a stock kernel. Ours decides, compares the image with the
approved manifest, records the start on the disk, and then starts the same program.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from benchmarks.first_cell import first_cell, spec_of
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.kernelspecs import EnvGuardKernelSpecManager
from tests.sites import SiteBuilder


class Cells:
    """A site in `folder` that offers `image`, which is in the store at `root`."""

    def __init__(self, folder: Path, root: Path, image: Image) -> None:
        self._folder = folder
        site = SiteBuilder(folder / "site", root)
        site.offer(image, "ours", "1")
        self._site = str(site.path)

    def ours(self) -> float:
        """Return the seconds until our kernel has answered, by a server that has just started."""
        return self._first("ours", lambda: EnvGuardKernelSpecManager(site=self._site))

    def by_hand(self, tree: Path) -> float:
        """Return the seconds until a stock kernel of the unpacked `tree` has answered."""
        kernels = self._folder / f"kernels{time.monotonic_ns()}"
        spec_of(tree / "bin/python", kernels / "stock")
        return self._first("stock", lambda: KernelSpecManager(kernel_dirs=[str(kernels)]))

    def _first(self, name: str, make: Callable[[], KernelSpecManager]) -> float:
        # its end is no part of what `first_cell` counts
        return asyncio.run(
            first_cell(lambda: AsyncKernelManager(kernel_name=name, kernel_spec_manager=make()))
        ).wall
