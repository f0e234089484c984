"""Refusals of a server whose kernels are real."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import Fetch
from tests.servers import session
from tests.sites import SiteBuilder

HARMFUL = {"EVIL", "PYTHONPATH", "PYTHONSTARTUP", "LD_LIBRARY_PATH", "SECRET_TOKEN", "JUPYTERHUB_API_TOKEN"}

CHILD = (
    "import subprocess; print(subprocess.check_output("
    "['python', '-c', 'import sys, site; print(sys.prefix, site.ENABLE_USER_SITE)'], text=True))"
)


@pytest.mark.packs
class TestRealKernels:
    @pytest.fixture
    def server_options(self, real: SiteBuilder) -> dict[str, Any]:
        return {"EnvGuardApp": {"site": str(real.path)}}

    def test_an_approved_kernel_runs(self, fetch: Fetch, run: Callable[[str, str], str], real: SiteBuilder):
        reply = fetch("api/kernels", "POST", {"name": "DataSci"})
        assert reply.status == 201
        kernel = reply.json["id"]
        assert reply.json["name"] == "datasci"
        assert run(kernel, "1 + 1") == "2"
        assert run(kernel, "import numpy; numpy.__file__").strip("'").startswith(str(real.store.root))
        assert fetch(f"api/kernels/{kernel}", "DELETE").status == 204
        assert [r.event.type for r in real.events()] == ["kernel.start", "kernel.stop"]

    def test_a_kernel_that_is_not_python_runs(self, fetch: Fetch, run: Callable[[str, str], str]):
        kernel = fetch("api/kernels", "POST", {"name": "calc"}).json["id"]
        assert run(kernel, "2 * 21") == "42"

    def test_nothing_that_the_user_planted_has_a_say(
        self,
        fetch: Fetch,
        run: Callable[[str, str], str],
        planted: Path,
        jp_home_dir: Path,
        jp_root_dir: Path,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ):
        evil = f"open({str(planted)!r}, 'w')"
        user_site = jp_home_dir / ".local/lib/python3.11/site-packages"
        for folder in (user_site, tmp_path / "evil", jp_root_dir):
            folder.mkdir(parents=True, exist_ok=True)
            for name in (
                "usercustomize",
                "sitecustomize",
                "ipykernel_launcher",
                "ipykernel",
                "numpy",
                "runpy",
            ):
                (folder / f"{name}.py").write_text(evil)
        (user_site / "evil.pth").write_text(f"import sys; {evil}")
        (jp_root_dir / "helper.py").write_text("answer = 42")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "evil"))
        monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "evil/numpy.py"))
        monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path / "evil"))
        monkeypatch.setenv("SECRET_TOKEN", "secret")
        monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "local-provisioner")
        kernel = fetch(
            "api/kernels",
            "POST",
            {"name": "datasci", "env": {"EVIL": "1"}, "argv": ["/usr/bin/touch", str(planted)], "path": ""},
        ).json["id"]
        assert (
            run(kernel, "import numpy; numpy.add(1, 1)").endswith("2)")
            or run(kernel, "int(numpy.add(1, 1))") == "2"
        )
        assert run(kernel, "import helper; helper.answer") == "42"
        assert run(kernel, "import sys; (sys.flags.isolated, sys.flags.no_user_site)") == "(1, 1)"
        assert run(kernel, f"import os; sorted({HARMFUL} & set(os.environ))") == "[]"
        assert run(kernel, CHILD).endswith(" False")
        assert not planted.exists()

    def test_a_foreign_entry_point_of_our_name_does_not_count(
        self, fetch: Fetch, run: Callable[[str, str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        from jupyter_client.provisioning.factory import KernelProvisionerFactory

        info = tmp_path / "lib/evil-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            "[jupyter_client.kernel_provisioners]\nenvguard-provisioner = evil:Provisioner\n"
        )
        monkeypatch.syspath_prepend(tmp_path / "lib")
        found = KernelProvisionerFactory._get_all_provisioners()
        assert (
            EntryPoint("envguard-provisioner", "evil:Provisioner", KernelProvisionerFactory.GROUP_NAME)
            in found
        )
        assert fetch("api/kernels", "POST", {"name": "minimal"}).status == 201
        assert "evil" not in sys.modules

    def test_a_session_starts_changes_kernels_and_keeps_what_it_has_when_refused(
        self, fetch: Fetch, run: Callable[[str, str], str], real: SiteBuilder
    ):
        made = fetch("api/sessions", "POST", session({"name": "minimal"}))
        assert (made.status, made.json["kernel"]["name"]) == (201, "minimal")
        address = f"api/sessions/{made.json['id']}"
        refused = fetch(address, "PATCH", {"kernel": {"name": "python3"}})
        assert (refused.status, refused.json["code"]) == (403, "kernel-not-approved")
        assert fetch(address).json["kernel"]["id"] == made.json["kernel"]["id"]
        changed = fetch(address, "PATCH", {"kernel": {"name": "calc"}})
        assert (changed.status, changed.json["kernel"]["name"]) == (200, "calc")
        assert run(changed.json["kernel"]["id"], "3 * 3") == "9"
        assert [kernel["name"] for kernel in fetch("api/kernels").json] == ["calc"]
        renamed = fetch(address, "PATCH", {"path": "other.ipynb"})
        assert renamed.json["path"] == "other.ipynb"

    def test_a_session_that_is_there_is_shown_even_when_its_kernel_is_revoked(
        self, fetch: Fetch, real: SiteBuilder
    ):
        made = fetch("api/sessions", "POST", session({"name": "calc"}))
        real.revoke("calc", "2026.11")
        again = fetch("api/sessions", "POST", session({"name": "calc"}))
        assert (again.status, again.json["id"]) == (201, made.json["id"])

    def test_a_restart_is_refused_after_a_revocation_and_stops_nothing(
        self, fetch: Fetch, run: Callable[[str, str], str], real: SiteBuilder
    ):
        kernel = fetch("api/kernels", "POST", {"name": "minimal"}).json["id"]
        run(kernel, "x = 41")
        real.revoke("minimal", "2026.11")
        reply = fetch(f"api/kernels/{kernel}/restart", "POST", "")
        assert (reply.status, reply.json["code"]) == (403, "revoked")
        assert run(kernel, "x + 1") == "42"

    def test_a_restart_starts_afresh(self, fetch: Fetch, run: Callable[[str, str], str], real: SiteBuilder):
        kernel = fetch("api/kernels", "POST", {"name": "minimal"}).json["id"]
        run(kernel, "x = 41")
        assert fetch(f"api/kernels/{kernel}/restart", "POST", "").status == 200
        assert run(kernel, "x") == "NameError"
        assert [r.event.type for r in real.events()] == ["kernel.start", "kernel.stop", "kernel.start"]

    def test_the_default_kernel_is_an_approved_one(self, fetch: Fetch, run: Callable[[str, str], str]):
        reply = fetch("api/kernels", "POST", "")
        assert (reply.status, reply.json["name"]) == (201, "datasci")

    def test_a_kernel_is_interrupted(self, fetch: Fetch, run: Callable[[str, str], str]):
        kernel = fetch("api/kernels", "POST", {"name": "minimal"}).json["id"]
        assert run(kernel, "1") == "1"
        assert fetch(f"api/kernels/{kernel}/interrupt", "POST", "").status == 204
