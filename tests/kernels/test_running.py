"""Real kernels that drift in each way, and some that lie, flood or fall silent."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels.started import LINE, TELLING, Kernel, Make, made_wheel
from tests.sites import real_images


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
