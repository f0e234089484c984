"""A site, and images that look like Python environments without being any."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import AsyncKernelManager

from jupyter_envguard.image import Image
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.kernels.kernelspecs import EnvGuardKernelSpecManager
from jupyter_envguard.kernels.subject import Subjects
from tests.kernels import managed
from tests.kernels.guards import Clock, Told
from tests.kernels.smokes import Scripted
from tests.kernels.started import Kernel, Make
from tests.packs import SITE_PACKAGES, PackBuilder
from tests.sites import SiteBuilder, real_images, short_folder


@pytest.fixture(scope="session")
def images() -> Iterator[tuple[Image, Image]]:
    """Two images in a store that tests share."""
    with short_folder() as folder:
        site = SiteBuilder(folder / "site", folder / "s")
        found = []
        for release in ("1", "2"):
            pack = PackBuilder.honest()
            pack.file(f"{SITE_PACKAGES}/ipykernel_launcher.py", b"")
            pack.file("share/note.txt", release.encode())
            found.append(site.image(pack.write(folder, name=release)))
        yield found[0], found[1]


@pytest.fixture
def site(images: tuple[Image, Image], tmp_path: Path) -> SiteBuilder:
    return SiteBuilder(tmp_path / "site", store=images[0].path.parent)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with short_folder() as folder:
        folder.chmod(0o755)
        yield Scripted(folder)


@pytest.fixture
def real(tmp_path: Path) -> SiteBuilder:
    """A site with the smallest real Python environment, and a kernel that is not Python."""
    images = real_images()
    site = SiteBuilder(tmp_path / "real", store=images["minimal"].path.parent)
    site.offer(images["minimal"], "minimal", "2026.11")
    site.offer(images["calc"], "calc", "2026.11", language="calc")
    return site


@pytest.fixture
async def manager_for(tmp_path: Path) -> AsyncIterator[managed.Make]:
    """Make kernel managers, and clear up after them."""
    made: list[AsyncKernelManager] = []
    runtime = tmp_path / "runtime"
    runtime.mkdir()

    def make(site: SiteBuilder, name: str) -> AsyncKernelManager:
        specs = EnvGuardKernelSpecManager(site=str(site.path))
        file = str(runtime / f"kernel-{len(made)}.json")
        made.append(AsyncKernelManager(kernel_name=name, kernel_spec_manager=specs, connection_file=file))
        return made[-1]

    yield make
    for manager in made:
        if manager.provisioner is not None and manager.provisioner.has_process:
            await manager.shutdown_kernel(now=True)
        await manager.cleanup_resources()


@pytest.fixture
async def kernel_of(real: SiteBuilder, tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Kernel] = []

    def make(name: str) -> Kernel:
        folder = tmp_path / f"runtime{len(made)}"
        folder.mkdir()
        made.append(Kernel(real, name, folder))
        return made[-1]

    yield make
    for kernel in made:
        if kernel.manager.provisioner is not None and kernel.manager.provisioner.has_process:
            await kernel.manager.shutdown_kernel(now=True)
        await kernel.manager.cleanup_resources()
        await asyncio.to_thread(kernel.running.close)


@pytest.fixture
async def kernel(kernel_of: Make) -> Kernel:
    made = kernel_of("minimal")
    await made.manager.start_kernel()
    return made


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(site: SiteBuilder, told: Told, clock: Clock) -> Guard:
    return Guard(site.path, Subjects(told, max_age=0), clock=clock)
