"""What real kernels in lockdown tell their server."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_envguard.hooks import report as hook
from jupyter_envguard.kernels.kernelspecs import EnvGuardKernelSpecManager
from jupyter_envguard.kernels.running import Running
from tests.kernels.started import LINE, TELLING, Kernel, Make, made_wheel
from tests.sites import SiteBuilder, short_folder


@pytest.mark.packs
class TestDeniedImports:
    @pytest.fixture
    async def locked(
        self, real: SiteBuilder, kernel_of: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Kernel:
        real.path.write_text(real.path.read_text().replace("level: enforce", "level: lockdown"))
        (tmp_path / "home").mkdir()
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        made = kernel_of("minimal")
        await made.manager.start_kernel(cwd=str(tmp_path / "home"))
        return made

    async def test_what_is_kept_out_of_a_kernel_is_shown_and_recorded_and_is_no_drift(
        self, locked: Kernel, tmp_path: Path
    ) -> None:
        with zipfile.ZipFile(made_wheel(tmp_path)) as wheel:
            wheel.extractall(tmp_path / "home")
        await locked.shows("clean")
        told = "try:\n    import foreign\nexcept ImportError:\n    pass\nelse:\n    raise SystemError\n"
        await locked.run(told)
        await locked.run(told)
        await locked.until(lambda: bool(locked.told[-1]["drift"]["findings"]))
        where = str(tmp_path / "home/foreign")
        assert await locked.shows("clean") == [("denied-import", "foreign", where)]
        (record,) = locked.events("import.denied")
        event = record.event
        assert (event.outcome, event.reason, event.kernel_id) == ("denied", "import-denied", locked.id)
        assert event.release == "minimal@2026.11"
        assert event.detail["why"] == "it is an installed package"
        assert event.detail["witness"] == "self-reported"

    async def test_what_a_kernel_says_twice_is_recorded_once(self, kernel: Kernel) -> None:
        await kernel.shows("clean")
        said = [{"about": "import", "name": name, "where": "/x", "why": "so"} for name in ("a", "a", "b")]
        await kernel.run(f"{LINE}for one in {said}:\n    line.send(json.dumps(one).encode())")
        await kernel.until(lambda: len(kernel.told[-1]["drift"]["findings"]) == 2)
        assert [record.event.detail["name"] for record in kernel.events("import.denied")] == ["a", "b"]

    async def test_one_that_says_so_over_and_over_is_counted(self, locked: Kernel) -> None:
        await locked.shows("clean")
        code = "import importlib, pathlib\n"
        code += "for n in range(60):\n"
        code += "    path = pathlib.Path(f'site-packages/x{n}.py'); path.parent.mkdir(exist_ok=True)\n"
        code += "    path.touch()\n"
        code += "import sys; sys.path.insert(0, 'site-packages')\n"
        code += "for n in range(60):\n"
        code += "    try:\n        importlib.import_module(f'x{n}')\n    except ImportError:\n        pass\n"
        await locked.run(code)
        await locked.until(lambda: len(locked.events("import.denied")) == 20)
        await locked.manager.shutdown_kernel(now=True)
        await asyncio.to_thread(locked.running.close)
        records = locked.events("import.denied")
        assert (len(records), records[-1].event.reason) == (21, "import-denied")


class TestSession:
    @pytest.fixture
    def running(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
        with short_folder() as folder:  # addresses of sockets have room for 107 bytes
            monkeypatch.setenv("TMPDIR", str(folder))
            yield from self._running(tmp_path, monkeypatch)

    def _running(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
        monkeypatch.delenv(hook.ADDRESS, raising=False)
        self.site = SiteBuilder(tmp_path / "site")
        made = EnvGuardKernelSpecManager(site=str(self.site.path)).running
        yield made
        made.close()

    def kinds(self) -> list[str]:
        return [record.event.type for record in self.site.events()]

    def test_what_a_hook_says_is_recorded_and_what_repeats_is_counted(self, running: Running) -> None:
        running.open()
        for _ in range(30):
            subprocess.run([sys.executable, "-c", TELLING], check=True)
        hook.report_change("record", "pip:install", "all", "own", "pip install x")
        for _ in wait_for(lambda: "package.recorded" in self.kinds()):
            hook.report(about="nonsense")
        running.close()
        found = [record.event for record in self.site.events() if record.event.type == "package.denied"]
        assert len(found) == 21
        assert (found[0].detail["command"], found[0].reason) == ("conda install x", "operation-denied")
        assert (found[-1].detail["more"], found[-1].outcome) == (10, "denied")
        (recorded,) = [
            record.event for record in self.site.events() if record.event.type == "package.recorded"
        ]
        assert (recorded.outcome, recorded.detail["rule"]) == ("allowed", "all")

    def test_an_import_that_no_kernel_tells_of_is_one_of_the_session(self, running: Running) -> None:
        running.open()
        hook.report(about="import", name="x", where="/x", why="it is machine code")
        for _ in wait_for(lambda: "import.denied" in self.kinds()):
            pass
        (event,) = [record.event for record in self.site.events() if record.event.type == "import.denied"]
        assert (event.kernel_id, event.detail["name"]) == ("", "x")

    def test_the_address_is_the_users_alone_and_goes_with_the_server(self, running: Running) -> None:
        running.open()
        path = Path(os.environ[hook.ADDRESS])
        assert path.is_socket()
        assert path.parent.stat().st_mode & 0o077 == 0
        running.close()
        assert not path.exists()
        assert hook.ADDRESS not in os.environ
        running.close()

    def test_where_there_can_be_no_socket_the_server_starts_without(
        self,
        running: Running,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setenv("TMPDIR", str(tmp_path / ("x" * 120)))
        (tmp_path / ("x" * 120)).mkdir()
        running.open()
        assert "What terminals refuse will not be recorded" in caplog.text
        assert hook.ADDRESS not in os.environ

    def test_that_nobody_listens_any_more_is_logged(
        self, running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("jupyter_envguard.kernels.lines.MOST_NONSENSE", 3)
        running.open()
        for _ in wait_for(lambda: "will not be recorded any more" in caplog.text):
            hook.report(about="nonsense")

    def test_what_cannot_be_recorded_is_logged(
        self, running: Running, caplog: pytest.LogCaptureFixture
    ) -> None:
        running.open()
        shutil.rmtree(self.site.spool)
        hook.report_change("deny", "pip:install", "all", "own", "pip install x")
        for _ in wait_for(lambda: "package.denied is not recorded" in caplog.text):
            pass


def wait_for(holds: Callable[[], bool]) -> Iterator[None]:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        yield
        time.sleep(0.01)
