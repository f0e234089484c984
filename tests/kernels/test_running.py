"""Real kernels that drift in each way, and some that lie, flood or fall silent."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import AsyncKernelManager

from jupyter_envguard.audit import Record
from jupyter_envguard.hooks import report as hook
from jupyter_envguard.kernels.kernelspecs import EnvGuardKernelSpecManager
from jupyter_envguard.kernels.running import Running
from tests.sites import SiteBuilder, real_images, short_folder


@pytest.fixture
def real(tmp_path: Path) -> SiteBuilder:
    images = real_images()
    site = SiteBuilder(tmp_path / "real", store=images["minimal"].path.parent)
    site.offer(images["minimal"], "minimal", "2026.11")
    site.offer(images["calc"], "calc", "2026.11", language="calc")
    return site


class Kernel:
    """One kernel, and what is told about it."""

    def __init__(self, site: SiteBuilder, name: str, folder: Path) -> None:
        self.site = site
        specs = EnvGuardKernelSpecManager(site=str(site.path))
        self.running: Running = specs.running
        self.told: list[dict[str, Any]] = []
        specs.guard.notices.subscribe(self.told.append)  # type: ignore[arg-type]
        file = str(folder / "kernel.json")
        self.manager = AsyncKernelManager(kernel_name=name, kernel_spec_manager=specs, connection_file=file)

    @property
    def id(self) -> str:
        return str(self.manager.provisioner.kernel_id)

    async def run(self, code: str) -> None:
        client = self.manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=60)
            reply = await client.execute_interactive(
                code, timeout=60, allow_stdin=False, output_hook=lambda _: None
            )
            assert reply["content"]["status"] == "ok", reply["content"]
        finally:
            client.stop_channels()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():
                await asyncio.sleep(0.01)

    async def shows(self, state: str) -> list[tuple[str, str, str]]:
        """Wait until the server says so; return the findings."""
        await self.until(lambda: bool(self.told) and self.told[-1]["drift"]["state"] == state)
        return [(f["kind"], f["name"], f["where"]) for f in self.told[-1]["drift"]["findings"]]

    def events(self, kind: str) -> list[Record]:
        return [record for record in self.site.events() if record.event.type == kind]


Make = Callable[[str], Kernel]


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


@pytest.mark.packs
class TestDrift:
    async def test_a_kernel_is_clean_once_it_was_looked_at_and_helpers_keep_it_so(
        self, kernel: Kernel, tmp_path: Path
    ) -> None:
        assert kernel.told[0]["drift"] == {"state": "unknown", "findings": []}
        assert await kernel.shows("clean") == []
        (tmp_path / "helper.py").write_text("value = 7")
        await kernel.run(
            f"import os, sys; os.chdir({str(tmp_path)!r}); import helper; assert helper.value == 7"
        )
        shown = await asyncio.to_thread(kernel.running.show, kernel.id)
        assert shown is not None
        assert shown["drift"] == {"state": "clean", "findings": []}

    async def test_a_package_that_pip_put_elsewhere(self, kernel: Kernel, tmp_path: Path) -> None:
        target = tmp_path / "target"
        wheel = made_wheel(tmp_path)
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-index",
            "--no-deps",
            "--target",
            str(target),
        ]
        subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
        await kernel.run(f"import sys; sys.path.insert(0, {str(target)!r}); import foreign.part")
        assert await kernel.shows("drifted") == [("foreign-package", "foreign 1.0", str(target))]
        (record,) = kernel.events("kernel.drifted")
        event = record.event
        assert (event.outcome, event.release, event.kernel_id) == ("allowed", "minimal@2026.11", kernel.id)
        assert event.detail["witness"] == "self-reported"
        assert event.detail["finding"] == "foreign-package"
        assert event.detail["message"].startswith(f"foreign 1.0 is imported from {target}")

    async def test_a_module_that_hides_an_approved_one(self, kernel: Kernel, tmp_path: Path) -> None:
        (tmp_path / "colorsys.py").touch()
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import colorsys"
        await kernel.run(code)
        assert await kernel.shows("drifted") == [("shadowed-name", "colorsys", str(tmp_path))]

    async def test_native_code_is_seen_by_both_witnesses(self, kernel: Kernel, tmp_path: Path) -> None:
        library = tmp_path / "libevil.so"
        shutil.copyfile(next((real_images()["minimal"].path / "lib").rglob("_codecs_hk.*.so")), library)
        await kernel.run(f"import ctypes; kept = ctypes.CDLL({str(library)!r})")
        assert await kernel.shows("drifted") == [("foreign-native", "libevil.so", str(library))]
        await kernel.until(lambda: len(kernel.events("kernel.drifted")) == 2)
        assert {record.event.detail["witness"] for record in kernel.events("kernel.drifted")} == {
            "self-reported",
            "kernel-attested",
        }

    async def test_native_code_is_seen_by_the_machine_though_the_kernel_hides_it(
        self, kernel: Kernel, tmp_path: Path
    ) -> None:
        await kernel.shows("clean")
        library = tmp_path / "libevil.so"
        shutil.copyfile(next((real_images()["minimal"].path / "lib").rglob("_codecs_hk.*.so")), library)
        await kernel.run(f"{UNLOADED}import ctypes; kept = ctypes.CDLL({str(library)!r})")
        assert kernel.told[-1]["drift"]["state"] == "clean"
        shown = await asyncio.to_thread(kernel.running.show, kernel.id)
        assert shown is not None
        assert [found["name"] for found in shown["drift"]["findings"]] == ["libevil.so"]
        (record,) = kernel.events("kernel.drifted")
        assert record.event.detail["witness"] == "kernel-attested"
        assert kernel.told[-1] == shown

    async def test_a_program_in_the_kernels_place(self, kernel: Kernel) -> None:
        await kernel.shows("clean")
        client = kernel.manager.client()
        # A heartbeat that is stopped before it began never ends, and opens sockets until there are none.
        client.start_channels(hb=False)
        client.execute("import os; os.execv('/bin/sleep', ['python', '600'])")
        await kernel.until(
            lambda: Path(f"/proc/{kernel.manager.provisioner.pid}/exe").readlink().name != PYTHON
        )
        client.stop_channels()
        shown = await asyncio.to_thread(kernel.running.show, kernel.id)
        assert shown is not None
        kinds = {found["kind"] for found in shown["drift"]["findings"]}
        assert kinds >= {"foreign-program"}

    async def test_a_kernel_that_is_not_python_is_attested_only(self, kernel_of: Make) -> None:
        kernel = kernel_of("calc")
        await kernel.manager.start_kernel()
        assert kernel.told[-1]["drift"]["state"] == "unknown"
        shown = await asyncio.to_thread(kernel.running.show, kernel.id)
        assert shown is not None
        assert shown["drift"] == {"state": "clean", "findings": []}


PYTHON = "python3.11"
UNLOADED = "get_ipython().events.callbacks['post_run_cell'].clear()\n"


LINE = """
import gc, socket, json
(line,) = [s for s in gc.get_objects() if isinstance(s, socket.socket) and s.type == socket.SOCK_SEQPACKET]
line.setblocking(True)
"""


@pytest.mark.packs
class TestHostileKernels:
    async def test_one_that_floods_is_slowed_down_and_its_events_are_counted(self, kernel: Kernel) -> None:
        await kernel.shows("clean")
        flood = """
line.settimeout(5)
for n in range(300):
    found = {"about": "drift", "kind": "foreign-package", "name": str(n), "where": "/x"}
    line.send(json.dumps(found).encode())
"""
        running = asyncio.ensure_future(kernel.run(LINE + flood))
        await kernel.until(lambda: len(kernel.events("kernel.drifted")) == 20)
        running.cancel()
        await kernel.manager.shutdown_kernel(now=True)
        await asyncio.to_thread(kernel.running.close)
        records = kernel.events("kernel.drifted")
        assert len(records) == 21
        assert records[-1].event.detail["more"] > 0
        assert len(kernel.told[-1]["drift"]["findings"]) <= 200

    async def test_one_that_sends_nonsense_is_not_listened_to_and_not_called_clean(
        self, kernel: Kernel
    ) -> None:
        await kernel.shows("clean")
        await kernel.run(
            LINE + "import contextlib\nwith contextlib.suppress(OSError):\n"
            "    for n in range(200):\n        line.send(bytes([n % 256]) * (n * 97 % 9000 + 1))"
        )
        await kernel.shows("unknown")
        assert kernel.events("kernel.drifted") == []

    async def test_one_that_hangs_up_is_not_called_clean(self, kernel: Kernel) -> None:
        await kernel.shows("clean")
        await kernel.run(LINE + "line.close()")
        assert await kernel.shows("unknown") == []

    async def test_no_program_that_it_starts_has_its_line(self, kernel: Kernel) -> None:
        await kernel.shows("clean")
        code = "import os, subprocess; assert 'ENVGUARD_LINE' not in os.environ\n"
        code += "assert b'socket' not in subprocess.run(['ls', '-l', '/proc/self/fd'], close_fds=False,"
        code += " stdin=subprocess.DEVNULL, capture_output=True).stdout"
        await kernel.run(code)

    async def test_one_that_started_anew_is_looked_at_anew(self, kernel: Kernel) -> None:
        await kernel.shows("clean")
        await kernel.run(LINE + "line.close()")
        await kernel.shows("unknown")
        await kernel.manager.restart_kernel(now=True)
        assert await kernel.shows("clean") == []

    async def test_one_that_ended_is_forgotten(self, kernel: Kernel) -> None:
        key = kernel.id
        await kernel.manager.shutdown_kernel(now=True)
        assert kernel.running.show(key) is None


@pytest.mark.packs
class TestRefusals:
    async def test_one_in_a_cell_is_recorded_with_its_kernel(self, kernel: Kernel) -> None:
        await kernel.run("%pip install --index-url https://ada:secret@example.org/simple xgboost")
        await kernel.until(lambda: bool(kernel.events("package.denied")))
        (record,) = kernel.events("package.denied")
        event = record.event
        assert (event.outcome, event.reason, event.kernel_id) == ("denied", "operation-denied", kernel.id)
        assert event.release == "minimal@2026.11"
        assert event.detail["operation"] == "pip:install"
        assert event.detail["command"] == "pip install --index-url https://…@example.org/simple xgboost"
        assert event.detail["witness"] == "self-reported"

    async def test_one_of_a_program_that_a_cell_starts_is_recorded_for_the_session(
        self, kernel: Kernel
    ) -> None:
        kernel.running.open()
        await kernel.manager.restart_kernel(now=True)  # a kernel learns the address when it starts
        code = f"import importlib.util, subprocess, sys\ncode = {TELLING!r}\n"
        await kernel.run(code + "subprocess.run([sys.executable, '-I', '-c', code], check=True)")
        await kernel.until(lambda: bool(kernel.events("package.denied")))
        assert kernel.events("package.denied")[0].event.kernel_id == ""


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


TELLING = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("report", {hook.__file__!r})
report = importlib.util.module_from_spec(spec)
spec.loader.exec_module(report)
report.report_change("deny", "conda:install", "frozen", "environment", "conda install x")
"""


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


def made_wheel(folder: Path) -> Path:
    """Make a wheel of one package."""
    path = folder / "foreign-1.0-py3-none-any.whl"
    info = "foreign-1.0.dist-info"
    files = {
        "foreign/__init__.py": "",
        "foreign/part.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return path
