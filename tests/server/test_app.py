"""Whether a server is guarded: chosen before its managers are made, proven after."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_server.serverapp import ServerApp

from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.kernelspecs import EnvGuardKernelSpecManager
from jupyter_envguard.kernels.subject import system_subject
from jupyter_envguard.server.app import MANAGER, STATUS, EnvGuardApp
from tests.server.conftest import Fetch
from tests.server.managers import StrayKernelManager
from tests.sites import SiteBuilder


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


@dataclass
class Programs:
    """Real servers, each in a process of its own, with a site."""

    site: SiteBuilder
    home: Path
    tests: Path

    def start(self, command: Sequence[str], *options: str, **variables: str) -> subprocess.Popen[str]:
        """Start the program `command`; what it says goes to its standard error."""
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.tests),
            **HUB,
            **variables,
        }
        words = [sys.executable, "-m", *command, f"--EnvGuardApp.site={self.site.path}", *FIXED, *options]
        return subprocess.Popen(
            words,
            env=environment,
            cwd=self.home,
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def end(self, command: Sequence[str], *options: str, **variables: str) -> tuple[int, str]:
        """Return with which status the program ends by itself, and what it said."""
        process = self.start(command, *options, **variables)
        try:
            return process.wait(SECONDS), process.communicate()[1]
        finally:
            process.kill()


SECONDS = 120
FIXED = (
    "--allow-root",
    "--no-browser",
    "--ServerApp.port=0",
    "--ServerApp.jpserver_extensions={'jupyter_envguard': True}",
)
HUB = {
    "JUPYTERHUB_API_TOKEN": "t",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:1/hub/api",
    "JUPYTERHUB_BASE_URL": "/",
    "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ada",
    "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/",
    "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:0",
    "JUPYTERHUB_USER": "ada",
}
SERVER = ("jupyter_server",)
SERVERS = (SERVER, ("jupyterlab",), ("jupyterhub.singleuser",))
ADDRESS = "http://127.0.0.1:1"
BYPASSES = {
    "a kernel gateway": [f"--GatewayClient.url={ADDRESS}"],
    "kernels are listed by ForeignManager": [
        "--ServerApp.kernel_spec_manager_class=tests.server.managers.ForeignManager"
    ],
    "another kernel spec manager": [
        "--ServerApp.kernel_manager_class=tests.server.managers.StrayKernelManager"
    ],
    "kernels are started by DirectManager": [
        "--AsyncMappingKernelManager.kernel_manager_class=tests.server.managers.DirectManager"
    ],
    "kernels are started by GatewayKernelManager": [
        "--ServerApp.kernel_manager_class=jupyter_server.gateway.managers.GatewayMappingKernelManager"
    ],
    "kernels from elsewhere": ["--ServerApp.allow_external_kernels=True"],
}


class TestAServerPastWhoseGuardKernelsWouldStart:
    @pytest.fixture
    def programs(self, site: SiteBuilder, tmp_path: Path, root: Path) -> Programs:
        return Programs(site, tmp_path, root)

    def refusal(self, ended: tuple[int, str]) -> str:
        """Return the one line that says why a server has ended."""
        status, said = ended
        assert (status, "Traceback" in said) == (STATUS, False), said
        (line,) = [line for line in said.splitlines() if "EnvGuard:" in line]
        return line

    @pytest.mark.parametrize("command", SERVERS, ids=" ".join)
    def test_ends_with_a_gateway_in_a_variable(self, programs: Programs, command: Sequence[str]):
        line = self.refusal(programs.end(command, JUPYTER_GATEWAY_URL=ADDRESS))
        assert "[guard-not-in-place]" in line
        assert line.endswith("a kernel gateway starts the kernels. Remove the gateway's address.")

    @pytest.mark.parametrize("why", BYPASSES)
    def test_ends_with_any_other_way_around_the_guard(self, programs: Programs, why: str):
        line = self.refusal(programs.end(SERVER, *BYPASSES[why]))
        assert "[guard-not-in-place]" in line
        assert why in line

    def test_does_not_end_without_one(self, programs: Programs):
        with programs.start(SERVER) as process:
            try:
                assert process.stderr is not None
                assert any("is running at:" in line for line in process.stderr)
                assert process.poll() is None
            finally:
                process.kill()


class TestAHostThatKeepsSuchAServer:
    @pytest.fixture
    def server_options(self, site: SiteBuilder) -> dict[str, Any]:
        return {
            "ServerApp": {"kernel_manager_class": StrayKernelManager},
            "EnvGuardApp": {"site": str(site.path)},
        }

    @pytest.fixture
    def kept(self, jp_configurable_serverapp: Any) -> Iterator[Any]:
        with pytest.raises(SystemExit) as caught:
            jp_configurable_serverapp()
        assert caught.value.code == STATUS
        kept = ServerApp.instance()
        yield kept
        kept.session_manager.close()
        ServerApp.clear_instance()

    @pytest.mark.parametrize("act", ["start_kernel", "restart_kernel"])
    def test_starts_nothing_by_it(self, kept: Any, wait: Any, act: str):
        with pytest.raises(EnvGuardError, match="cannot be guarded"):
            wait(getattr(kept.kernel_manager, act)("x"))

    def test_can_end_it(self, kept: Any, wait: Any):
        wait(kept.cleanup_extensions())


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
