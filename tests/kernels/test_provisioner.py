"""Kernels really started through jupyter_client; `tests/server` does the same through a server."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from demo.environments import build, default_cache
from jupyter_envguard.errors import Conflict, Denied, EnvGuardError
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.guard import Guard, Permit
from jupyter_envguard.kernels.kernelspecs import PROVISIONER
from jupyter_envguard.kernels.provisioner import EnvGuardProvisioner
from jupyter_envguard.store import Presence
from jupyter_envguard.store.leases import is_leased
from jupyter_envguard.store.tiers import TIERS, best
from tests.forms import as_solid
from tests.kernels.managed import Make, run
from tests.sites import SiteBuilder, real_images
from tests.stores import as_bare, root_only


@pytest.fixture
def bare(real: SiteBuilder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Image]:
    """Take the tree from an image, and give it back afterwards."""
    if best() is None:
        pytest.skip("nothing can be mounted here")
    presence, image = Presence(real.store), as_bare(real.store, real_images()["calc"])
    yield image
    presence.unmount(image, forget=True)
    monkeypatch.setattr("jupyter_envguard.store.presence.best", lambda: None)
    assert presence.present(image) == "tree"


async def end(manager: AsyncKernelManager, image: Image) -> None:
    """End the kernel, and wait until nobody holds a lease on `image` any more."""
    await manager.shutdown_kernel(now=True)
    async with asyncio.timeout(30):
        while is_leased(image.meta):
            await asyncio.sleep(0.01)


@pytest.mark.packs
class TestRealKernels:
    async def test_starts_what_the_guard_says_whatever_the_spec_became(
        self, real: SiteBuilder, manager_for: Make, tmp_path: Path
    ):
        manager = manager_for(real, "minimal")
        spec = manager.kernel_spec
        spec.argv, spec.env = ["/bin/touch", str(tmp_path / "mark")], {"EVIL": "1", "PYTHONPATH": "/evil"}
        evil = {"EVIL": "1", "LD_PRELOAD": "/evil.so", "JPY_SESSION_NAME": "a/b.ipynb"}
        await manager.start_kernel(env=evil, executable="/bin/false", cwd=str(tmp_path))
        assert await run(manager, "import os; os.getcwd()") == f"'{tmp_path}'"
        assert await run(manager, "os.environ['JPY_SESSION_NAME']") == "'a/b.ipynb'"
        assert await run(manager, "{'EVIL', 'LD_PRELOAD', 'PYTHONPATH'} & set(os.environ)") == "set()"
        assert not (tmp_path / "mark").exists()

    async def test_keeps_the_variables_that_the_site_names(
        self, real: SiteBuilder, manager_for: Make, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("DATABASE_URL", "postgres://")
        manager = manager_for(real, "minimal")
        manager.kernel_spec_manager.keep_environment = ["DATABASE_URL"]
        await manager.start_kernel()
        assert await run(manager, "import os; os.environ['DATABASE_URL']") == "'postgres://'"

    async def test_encrypts_where_the_kernel_can(self, real: SiteBuilder, manager_for: Make):
        manager = manager_for(real, "minimal")
        await manager.start_kernel()
        assert manager.curve_publickey
        assert await run(manager, "1 + 1") == "2"

    async def test_does_not_encrypt_where_the_kernel_cannot(self, real: SiteBuilder, manager_for: Make):
        manager = manager_for(real, "calc")
        await manager.start_kernel()
        assert not manager.curve_publickey
        assert await run(manager, "6 * 7") == "42"

    async def test_tells_where_a_kernel_comes_from(self, real: SiteBuilder, manager_for: Make):
        manager = manager_for(real, "calc")
        await manager.start_kernel()
        found = await manager.provisioner.get_provisioner_info()
        await manager.shutdown_kernel(now=True)
        assert found["envguard"]["environment"] == "calc"
        assert "envguard" not in await manager.provisioner.get_provisioner_info()

    @pytest.mark.parametrize("tier", TIERS)
    async def test_runs_from_every_form_of_its_image(self, real: SiteBuilder, manager_for: Make, tier: str):
        if why := TIERS[tier].obstacle():
            pytest.skip(why)
        presence, image = Presence(real.store), real_images()["calc"]
        presence.mount(image, tier)
        try:
            manager = manager_for(real, "calc")
            await manager.start_kernel()
            assert await run(manager, "6 * 7") == "42"
            with pytest.raises(Conflict):
                presence.unmount(image)
            await end(manager, image)
        finally:
            presence.unmount(image, forget=True)

    @root_only
    async def test_runs_from_an_image_without_a_tree(self, real: SiteBuilder, manager_for: Make, bare: Image):
        assert Presence(real.store).tier_of(bare.path.name) == "objects"
        manager = manager_for(real, "calc")
        await manager.start_kernel()
        assert await run(manager, "6 * 7") == "42"
        await end(manager, bare)

    @root_only
    async def test_runs_from_one_file(self, real: SiteBuilder, manager_for: Make):
        if TIERS["erofs"].obstacle():
            pytest.skip("no EROFS can be made or mounted here")
        presence, image = Presence(real.store), as_solid(real.store, real_images()["calc"])
        try:
            assert presence.tier_of(image.path.name) == "form"
            manager = manager_for(real, "calc")
            await manager.start_kernel()
            assert await run(manager, "6 * 7") == "42"
            with pytest.raises(Conflict):
                presence.unmount(image)
            await end(manager, image)
        finally:
            presence.unmount(image)
            real.store.remove(image.pack)
            assert real.image(build("calc", default_cache())) == image

    @root_only
    async def test_what_is_unmounted_between_the_check_and_the_lease_is_mounted_again(
        self, real: SiteBuilder, manager_for: Make, bare: Image, monkeypatch: pytest.MonkeyPatch
    ):
        permit = Guard.permit

        def unmounted(guard: Guard, *words: str) -> Permit:
            given = permit(guard, *words)
            assert Presence(real.store).unmount(bare)
            return given

        monkeypatch.setattr(Guard, "permit", unmounted)
        manager = manager_for(real, "calc")
        await manager.start_kernel()
        assert await run(manager, "6 * 7") == "42"
        await end(manager, bare)

    async def test_keeps_its_image_until_it_has_ended(self, real: SiteBuilder, manager_for: Make):
        manager = manager_for(real, "calc")
        await manager.start_kernel()
        await run(manager, "1")
        image = manager.provisioner._permit.image
        with pytest.raises(Conflict) as caught:
            real.store.remove(image.pack)
        assert caught.value.code == "image-in-use"
        os.kill(manager.provisioner.pid, signal.SIGKILL)
        async with asyncio.timeout(30):
            while is_leased(image.meta):
                await asyncio.sleep(0.01)
        await manager.shutdown_kernel(now=True)

    async def test_records_a_wanted_end_as_a_stop(self, real: SiteBuilder, manager_for: Make):
        for now in (True, False):
            manager = manager_for(real, "calc")
            await manager.start_kernel()
            await run(manager, "1")
            await manager.shutdown_kernel(now=now)
        assert [r.event.type for r in real.events()] == ["kernel.start", "kernel.stop"] * 2

    async def test_records_an_end_by_itself_as_a_crash(self, real: SiteBuilder, manager_for: Make):
        manager = manager_for(real, "calc")
        await manager.start_kernel()
        os.kill(manager.provisioner.pid, signal.SIGKILL)
        async with asyncio.timeout(30):
            while await manager.is_alive():
                await asyncio.sleep(0.01)
        assert [(r.event.type, r.event.reason) for r in real.events()] == [
            ("kernel.start", ""),
            ("kernel.crash", "kernel-crashed"),
        ]
        await manager.shutdown_kernel(now=True)
        assert len(real.events()) == 2

    async def test_an_end_that_cannot_be_recorded_ends_all_the_same(
        self, real: SiteBuilder, manager_for: Make, caplog: pytest.LogCaptureFixture
    ):
        manager = manager_for(real, "calc")
        await manager.start_kernel()
        shutil.rmtree(real.spool)
        await manager.shutdown_kernel(now=True)
        assert "is not recorded" in caplog.text

    async def test_decides_anew_at_each_restart(self, real: SiteBuilder, manager_for: Make):
        manager = manager_for(real, "calc")
        await manager.start_kernel()
        await manager.restart_kernel(now=True)
        assert await run(manager, "1 + 1") == "2"
        real.revoke("calc", "2026.11")
        with pytest.raises(Denied) as caught:
            await manager.restart_kernel(now=True)
        assert caught.value.code == "revoked"
        assert not await manager.is_alive()


@contextmanager
def changed_program(image: Image) -> Iterator[None]:
    program = image.python.resolve()
    before, times = program.read_bytes(), program.stat()
    try:
        program.chmod(0o755)
        program.write_bytes(b"#!/bin/sh\necho evil\n")
        yield
    finally:
        program.write_bytes(before)
        program.chmod(0o555)
        os.utime(program, ns=(times.st_atime_ns, times.st_mtime_ns))


class TestRefusals:
    @pytest.fixture
    async def manager(
        self, site: SiteBuilder, images: tuple[Image, Image], manager_for: Make
    ) -> AsyncKernelManager:
        site.offer(images[0], "datasci", "1")
        return manager_for(site, "datasci")

    async def test_a_program_that_does_not_run(self, site: SiteBuilder, manager: AsyncKernelManager):
        with pytest.raises(EnvGuardError) as caught:  # bin/python is no program that this machine runs
            await manager.start_kernel()
        assert caught.value.code == "io-error"
        assert "bin/python cannot be started: Exec format error" in caught.value.message
        assert [r.event.outcome for r in site.events()] == ["allowed", "error"]
        assert not await manager.is_alive()

    async def test_a_wall_that_cannot_be_put_up_starts_nothing(
        self, site: SiteBuilder, manager: AsyncKernelManager, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("jupyter_envguard.wall.devices", lambda: ["/no/such/device"])
        with pytest.raises(EnvGuardError) as caught:
            await manager.start_kernel()
        assert caught.value.code == "confine-unavailable"
        assert "(/no/such/device)" in caught.value.message

    async def test_without_a_permit_nothing_starts(self, manager: AsyncKernelManager):
        provisioner = EnvGuardProvisioner(kernel_id="k", kernel_spec=manager.kernel_spec, parent=manager)
        provisioner._prepared = {"cmd": ["/bin/true"], "env": {}}
        with pytest.raises(Denied) as caught:
            await provisioner.launch_kernel(["/bin/true"])
        assert caught.value.code == "guard-not-in-place"

    async def test_a_program_that_was_changed_does_not_start(
        self, site: SiteBuilder, images: tuple[Image, Image], manager: AsyncKernelManager
    ):
        with pytest.raises(EnvGuardError) as caught, changed_program(images[0]):
            manager.kernel_spec_manager.guard.sources.store.verify = lambda image, mode: ()
            await manager.start_kernel()
        assert caught.value.code == "image-drifted"
        assert [r.event.reason for r in site.events()] == ["", "image-drifted"]

    async def test_a_name_is_decided_anew_by_the_provisioner(
        self, site: SiteBuilder, manager: AsyncKernelManager, tmp_path: Path
    ):
        assert manager.kernel_spec
        site.revoke("datasci", "1")
        with pytest.raises(Denied) as caught:
            await manager.start_kernel()
        assert caught.value.code == "revoked"
        assert not list(tmp_path.glob("runtime/kernel-*.json"))

    @pytest.mark.parametrize("parent", ["stock", "none"])
    async def test_a_spec_from_anybody_else_starts_nothing(self, tmp_path: Path, parent: str):
        spec = KernelSpec(
            argv=["/bin/touch", str(tmp_path / "mark")],
            language="python",
            metadata={"kernel_provisioner": {"provisioner_name": PROVISIONER}},
        )
        manager = AsyncKernelManager(kernel_name="evil", kernel_spec_manager=KernelSpecManager())
        owner: Any = manager if parent == "stock" else None
        provisioner = EnvGuardProvisioner(kernel_id="k", kernel_spec=spec, parent=owner)
        with pytest.raises(Denied) as caught:
            await provisioner.pre_launch()
        assert caught.value.code == "guard-not-in-place"
        assert not (tmp_path / "mark").exists()
