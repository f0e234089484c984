"""Whether a server is guarded: chosen before its managers are made, proven after."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.kernelspecs import EnvGuardKernelSpecManager
from jupyter_envguard.kernels.subject import system_subject
from jupyter_envguard.server.app import MANAGER, EnvGuardApp
from tests.server.conftest import Fetch
from tests.sites import SiteBuilder


class ForeignManager(KernelSpecManager):
    """Anybody's kernel spec manager."""


class StrayKernelManager(AsyncMappingKernelManager):
    """A kernel manager that lists its kernels by itself."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernel_spec_manager = KernelSpecManager()


def refusals(fetch: Fetch) -> set[tuple[int, str]]:
    """What every way to start a kernel, and to ask the guard, is answered."""
    session = {"name": "n", "path": "n.ipynb", "type": "notebook", "kernel": {"name": "echo"}}
    replies = (
        fetch("api/kernels", "POST", {"name": "echo"}),
        fetch("api/kernels", "POST", ""),
        fetch("api/sessions", "POST", session),
        fetch("envguard/api/environments"),
        fetch("envguard/api/me"),
    )
    return {(reply.status, reply.json["code"]) for reply in replies}


class TestWithTheAppsOption:
    def test_our_manager_lists_the_kernels(self, jp_serverapp: Any, site: SiteBuilder):
        manager = jp_serverapp.kernel_spec_manager
        assert isinstance(manager, EnvGuardKernelSpecManager)
        assert manager.site == str(site.path)
        assert jp_serverapp.kernel_manager.kernel_spec_manager is manager


class TestWithTheManagersOptions:
    @pytest.fixture
    def server_options(self, site: SiteBuilder) -> dict[str, Any]:
        return {
            "ServerApp": {"kernel_spec_manager_class": MANAGER},
            "EnvGuardKernelSpecManager": {"site": str(site.path)},
        }

    def test_the_server_is_guarded_as_under_a_hub(
        self, fetch: Fetch, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "1")
        assert list(fetch("api/kernelspecs").json["kernelspecs"]) == ["datasci"]
        assert fetch("envguard/api/environments").status == 200


class TestWithTheManagerButNoSite:
    @pytest.fixture
    def server_options(self) -> dict[str, Any]:
        return {"ServerApp": {"kernel_spec_manager_class": MANAGER}}

    def test_nothing_starts(self, fetch: Fetch):
        assert fetch("api/kernelspecs").json["kernelspecs"] == {}
        assert refusals(fetch) == {(403, "not-configured"), (503, "not-configured")}


class TestWithoutASite:
    @pytest.fixture
    def server_options(self) -> dict[str, Any]:
        return {}

    def test_the_server_is_as_it_would_be_without_us(self, jp_serverapp: Any, fetch: Fetch):
        assert type(jp_serverapp.kernel_spec_manager) is KernelSpecManager
        assert "echo" in fetch("api/kernelspecs").json["kernelspecs"]

    def test_says_that_no_site_is_set(self, fetch: Fetch):
        reply = fetch("envguard/api/environments")
        assert (reply.status, reply.json["code"]) == (503, "not-configured")


class TestWithASiteThatIsNotThere:
    @pytest.fixture
    def server_options(self, tmp_path: Path) -> dict[str, Any]:
        return {"EnvGuardApp": {"site": str(tmp_path / "none.yaml")}}

    def test_the_server_starts_and_offers_nothing(self, fetch: Fetch):
        assert fetch("api/kernelspecs").json["kernelspecs"] == {}
        assert refusals(fetch) == {(403, "file-not-found"), (503, "file-not-found")}


class TestWithAForeignManager:
    @pytest.fixture
    def server_options(self, site: SiteBuilder) -> dict[str, Any]:
        return {
            "ServerApp": {"kernel_spec_manager_class": ForeignManager},
            "EnvGuardApp": {"site": str(site.path)},
        }

    def test_nothing_starts_and_the_reason_is_told(self, fetch: Fetch, jp_serverapp: Any):
        assert type(jp_serverapp.kernel_spec_manager) is ForeignManager
        assert refusals(fetch) == {(403, "guard-not-in-place")}
        assert "listed by ForeignManager" in fetch("envguard/api/me").json["message"]

    def test_nothing_restarts_either(self, jp_serverapp: Any, wait: Any):
        with pytest.raises(EnvGuardError, match="cannot be guarded"):
            wait(jp_serverapp.kernel_manager.restart_kernel("x"))


class TestWithAStrayKernelManager:
    @pytest.fixture
    def server_options(self, site: SiteBuilder) -> dict[str, Any]:
        return {
            "ServerApp": {"kernel_manager_class": StrayKernelManager},
            "EnvGuardApp": {"site": str(site.path)},
        }

    def test_nothing_starts(self, fetch: Fetch):
        assert refusals(fetch) == {(403, "guard-not-in-place")}


class TestWithAGateway:
    @pytest.fixture
    def server_options(self, site: SiteBuilder) -> Iterator[dict[str, Any]]:
        GatewayClient.clear_instance()
        yield {
            "GatewayClient": {"url": "http://127.0.0.1:1"},
            "ServerApp": {"kernel_spec_manager_class": MANAGER},
            "EnvGuardKernelSpecManager": {"site": str(site.path)},
        }
        GatewayClient.clear_instance()

    @pytest.fixture
    def jp_serverapp(self, started_serverapp: Any) -> Iterator[Any]:
        yield started_serverapp
        started_serverapp.session_manager.close()

    def test_nothing_starts(self, fetch: Fetch):
        assert refusals(fetch) == {(403, "guard-not-in-place")}


class TestWithExternalKernels:
    @pytest.fixture
    def server_options(self, site: SiteBuilder) -> dict[str, Any]:
        return {"ServerApp": {"allow_external_kernels": True}, "EnvGuardApp": {"site": str(site.path)}}

    def test_nothing_starts(self, fetch: Fetch):
        assert refusals(fetch) == {(403, "guard-not-in-place")}


def test_jupyter_finds_the_extension():
    import jupyter_envguard

    (point,) = jupyter_envguard._jupyter_server_extension_points()
    assert point["app"] is EnvGuardApp
    assert EnvGuardApp.name == "jupyter_envguard"


class TestWithAWallThatIsRequired:
    @pytest.fixture(params=[False, True])
    def stands(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
        monkeypatch.setattr("jupyter_envguard.wall.stands", lambda place: request.param)
        return bool(request.param)

    @pytest.fixture
    def server_options(self, site: SiteBuilder, stands: bool) -> dict[str, Any]:
        text = site.path.read_text().replace("mode: best-effort", "mode: required")
        site.path.write_text(text)
        return {"EnvGuardApp": {"site": str(site.path)}}

    def test_a_server_without_it_starts_nothing(self, fetch: Fetch, stands: bool):
        if stands:
            assert fetch("envguard/api/environments").status == 200
        else:
            assert refusals(fetch) == {(403, "guard-not-in-place")}
            assert "requires a wall" in fetch("envguard/api/me").json["message"]


class TestWithALevelForAGroup:
    @pytest.fixture
    def server_options(self, site: SiteBuilder, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        monkeypatch.setattr("jupyter_envguard.wall.stands", lambda place: True)
        group = min(system_subject().groups)
        groups = f"groups: {{{group}: {{level: lockdown, mode: required}}}}"
        site.path.write_text(site.path.read_text().replace("groups: {}", groups))
        return {"EnvGuardApp": {"site": str(site.path)}}

    def test_a_server_of_a_member_that_is_not_in_lockdown_starts_nothing(self, fetch: Fetch):
        assert refusals(fetch) == {(403, "guard-not-in-place")}
