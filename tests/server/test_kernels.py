"""What a real server says about its kernels."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.hooks.report import ADDRESS
from tests.server.conftest import Fetch
from tests.sites import SiteBuilder

ALL, ONE = "/envguard/api/running", "/envguard/api/running/{kernel_id}"


class TestWithoutKernels:
    def test_there_are_none(self, fetch: Fetch, conforms: Any) -> None:
        assert conforms(fetch("envguard/api/running"), ALL) == {"kernels": []}

    def test_one_that_is_not_there_is_not_found(self, fetch: Fetch, conforms: Any) -> None:
        reply = fetch('envguard/api/running/a"b')
        assert reply.status == 404
        assert conforms(reply, ONE)["message"] == "No kernel a?b is running."

    def test_one_that_the_guard_did_not_start_is_unmanaged(
        self, fetch: Fetch, conforms: Any, jp_serverapp: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(jp_serverapp.kernel_manager, "list_kernel_ids", lambda: ["gone"])
            (kernel,) = conforms(fetch("envguard/api/running"), ALL)["kernels"]
        assert (kernel["id"], kernel["state"], kernel["drift"]["state"]) == ("gone", "unmanaged", "unknown")

    def test_while_a_server_runs_hooks_can_report_to_it(self, jp_serverapp: Any) -> None:
        assert Path(os.environ[ADDRESS]).is_socket()


@pytest.mark.packs
class TestRealKernels:
    @pytest.fixture
    def server_options(self, real: SiteBuilder) -> dict[str, Any]:
        return {"EnvGuardApp": {"site": str(real.path)}, "ServerApp": {}}

    def test_one_is_shown_as_it_was_started_and_as_it_became(
        self,
        fetch: Fetch,
        conforms: Any,
        real: SiteBuilder,
        run: Callable[[str, str], str],
        tmp_path: Path,
    ) -> None:
        started = fetch("api/kernels", method="POST", body={"name": "minimal"}).json["id"]
        run(started, "1")
        kernel = conforms(fetch(f"envguard/api/running/{started}"), ONE)
        entry = real.catalog.require("minimal", "2026.11")
        assert kernel["digests"] == {"pack": entry.pack, "spec": entry.spec, "manifest": entry.manifest}
        assert (kernel["environment"], kernel["release"], kernel["state"]) == (
            "minimal",
            "2026.11",
            "approved",
        )
        assert kernel["wall"]["level"] == "enforce"
        assert kernel["drift"] == {"state": "clean", "findings": []}
        (tmp_path / "colorsys.py").touch()
        run(started, f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import colorsys")
        drift = kernel["drift"]
        while drift["state"] == "clean":
            drift = conforms(fetch(f"envguard/api/running/{started}"), ONE)["drift"]
        assert drift["findings"] == [
            {
                "kind": "shadowed-name",
                "name": "colorsys",
                "where": str(tmp_path),
                "message": f"The module colorsys comes from {tmp_path} and hides the environment's own.",
            }
        ]
        real.revoke("minimal", "2026.11")
        (listed,) = conforms(fetch("envguard/api/running"), ALL)["kernels"]
        assert (listed["id"], listed["state"]) == (started, "revoked")
