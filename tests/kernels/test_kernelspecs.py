from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from traitlets import TraitError
from traitlets.config import Config

from jupyter_envguard.catalog import State, Statement
from jupyter_envguard.errors import Denied
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.kernels.kernelspecs import (
    NO_KERNEL,
    PROVISIONER,
    EnvGuardKernelSpecManager,
    KernelRefused,
)
from jupyter_envguard.kernels.provisioner import EnvGuardProvisioner
from tests.sites import SiteBuilder


def manager_for(site: SiteBuilder, **traits: Any) -> EnvGuardKernelSpecManager:
    return EnvGuardKernelSpecManager(site=str(site.path), **traits)


@pytest.fixture
def manager(site: SiteBuilder) -> EnvGuardKernelSpecManager:
    return manager_for(site)


class TestListing:
    def test_an_empty_catalog_lists_nothing(self, manager: EnvGuardKernelSpecManager):
        assert manager.find_kernel_specs() == manager.get_all_specs() == {}

    def test_searches_no_folder(self, site: SiteBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        folder = tmp_path / "data/kernels/evil"
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({"argv": ["x"], "display_name": "x", "language": "x"}))
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "data"))
        monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
        assert "evil" in KernelSpecManager().find_kernel_specs()
        manager = manager_for(site)
        assert manager.kernel_dirs == []
        assert manager.find_kernel_specs() == {}

    def test_the_two_listings_agree(
        self, manager: EnvGuardKernelSpecManager, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "1")
        site.offer(images[1], "datasci", "2")
        assert (
            manager.find_kernel_specs().keys() == manager.get_all_specs().keys() == {"datasci", "datasci--1"}
        )

    def test_models_are_what_the_server_shows_as_they_are(
        self, manager: EnvGuardKernelSpecManager, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "1")
        model = manager.get_all_specs()["datasci"]
        assert {"name", "spec", "resources", "resource_dir"} == model.keys()
        assert Path(model["resource_dir"], "logo-svg.svg").is_file()
        assert model["resources"] == {"logo-svg": "/kernelspecs/datasci/logo-svg.svg"}

    def test_a_caller_cannot_spoil_the_next_ones_listing(
        self, manager: EnvGuardKernelSpecManager, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "1")
        manager.get_all_specs().clear()
        assert manager.get_all_specs()

    def test_who_asks_at_the_same_time_reads_no_release_twice(
        self, site: SiteBuilder, images: tuple[Image, Image], monkeypatch: pytest.MonkeyPatch
    ):
        one = site.offer(images[0], "datasci", "1")
        site.publish(*(replace(one, name=f"env{number}") for number in range(40)))
        read, facts = list[str](), Guard.facts
        monkeypatch.setattr(
            Guard, "facts", lambda self, entry: (read.append(entry.id), facts(self, entry))[1]
        )
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            manager = manager_for(site)  # its own thread is one of those who ask
            with ThreadPoolExecutor(4) as pool:
                listings = [pool.submit(manager.get_all_specs) for _ in range(4)]
        finally:
            sys.setswitchinterval(before)
        assert {len(listing.result()) for listing in listings} == {40}
        assert len(read) == len(set(read)) == 40

    def test_a_problem_is_logged_once(self, tmp_path: Path, caplog: pytest.LogCaptureFixture):
        manager = EnvGuardKernelSpecManager(site=str(tmp_path / "none.yaml"))
        manager.log.propagate = True
        for _ in range(3):
            assert manager.get_all_specs() == {}
        assert caplog.text.count("No kernel is offered") == 1


class TestSpec:
    @pytest.fixture(autouse=True)
    def _offer(self, site: SiteBuilder, images: tuple[Image, Image]) -> None:
        site.offer(images[0], "datasci", "1", display_name="Data Science")

    def test_tells_what_would_start(self, manager: EnvGuardKernelSpecManager, images: tuple[Image, Image]):
        spec = manager.get_kernel_spec("DATASCI")
        assert spec.argv[:3] == [f"{images[0].path}/bin/python", "-I", "-c"]
        assert (spec.name, spec.display_name, spec.language) == ("datasci", "Data Science", "python")
        assert spec.metadata["kernel_provisioner"] == {"provisioner_name": PROVISIONER}

    def test_an_older_release_carries_its_label(
        self, manager: EnvGuardKernelSpecManager, site: SiteBuilder, images: tuple[Image, Image]
    ):
        newer = Statement("boss", "2026-11-02T08:00:00Z", "good")
        site.offer(images[1], "datasci", "2", approval=newer, changed=newer, display_name="Data Science")
        assert manager.get_kernel_spec("datasci--1").display_name == "Data Science (1)"
        assert manager.get_kernel_spec("datasci").display_name == "Data Science"

    def test_the_state_is_a_word_for_people(self, manager: EnvGuardKernelSpecManager, site: SiteBuilder):
        site.change("datasci", "1", state=State.DEPRECATED, successor="datasci@2")
        metadata = manager.get_kernel_spec("datasci").metadata
        assert metadata["State"] == "Deprecated"
        assert (metadata["envguard"]["state"], metadata["envguard"]["successor"]) == (
            "deprecated",
            "datasci@2",
        )

    @pytest.mark.parametrize("name", ["python3", "PYTHON3", "", "..", "a/b"])
    def test_another_kernel_does_not_exist(self, manager: EnvGuardKernelSpecManager, name: str):
        with pytest.raises(NoSuchKernel) as caught:
            manager.get_kernel_spec(name)
        assert isinstance(caught.value, KernelRefused)
        assert caught.value.error.code == "kernel-not-approved"
        assert "Approved for you: datasci" in str(caught.value)

    def test_an_allow_list_of_jupyters_cannot_add_one(self, site: SiteBuilder):
        with pytest.raises(NoSuchKernel):
            manager_for(site, allowed_kernelspecs={"python3"}).get_kernel_spec("python3")

    def test_jupyters_way_to_ensure_a_python_kernel_adds_none(self, site: SiteBuilder):
        assert list(manager_for(site, ensure_native_kernel=True).find_kernel_specs()) == ["datasci"]


def test_kernels_cannot_be_installed_or_removed(manager: EnvGuardKernelSpecManager, tmp_path: Path):
    for change in (
        lambda: manager.install_kernel_spec(str(tmp_path), "evil", user=True),
        lambda: manager.install_native_kernel_spec(user=True),
        lambda: manager.remove_kernel_spec("datasci"),
    ):
        with pytest.raises(Denied) as caught:
            change()
        assert caught.value.code == "kernelspecs-managed"


class Server:
    """Stands for the server: what the kernel spec manager tells it."""

    class kernel_manager:  # noqa: N801
        default_kernel_name = "python3"


def test_the_server_learns_an_approved_default(site: SiteBuilder, images: tuple[Image, Image]):
    manager = manager_for(site)
    manager.set_trait("parent", None)
    object.__setattr__(manager, "_trait_values", {**manager._trait_values, "parent": Server})
    manager.get_all_specs()
    assert Server.kernel_manager.default_kernel_name == NO_KERNEL
    site.offer(images[0], "datasci", "1")
    manager.get_all_specs()
    assert Server.kernel_manager.default_kernel_name == "datasci"


class TestConfiguration:
    @pytest.mark.parametrize("names", [["PYTHONPATH"], ["LD_PRELOAD"], ["A B"]])
    def test_variables_that_load_code_cannot_be_kept(self, site: SiteBuilder, names: list[str]):
        with pytest.raises(TraitError, match="cannot be passed on"):
            manager_for(site, keep_environment=names)

    def test_others_can(self, site: SiteBuilder):
        config = Config({"EnvGuardKernelSpecManager": {"keep_environment": ["DATABASE_URL"]}})
        assert manager_for(site, config=config).keep_environment == ["DATABASE_URL"]

    @pytest.mark.parametrize("traits", [{"groups_max_age": 0}, {"groups_grace": -1}, {"verify": "never"}])
    def test_values_that_would_weaken_the_guard_are_refused(self, site: SiteBuilder, traits: dict[str, Any]):
        with pytest.raises(TraitError):
            manager_for(site, **traits)

    def test_the_provisioners_name_means_ours(self, manager: EnvGuardKernelSpecManager):
        assert KernelProvisionerFactory.instance().provisioners[PROVISIONER].load() is EnvGuardProvisioner


def test_importing_costs_no_cryptography():
    code = (
        "import sys, jupyter_envguard.kernels.kernelspecs, jupyter_envguard.server.app; "
        "print([name for name in ('tuf', 'securesystemslib', 'rich', 'jupyterhub') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
