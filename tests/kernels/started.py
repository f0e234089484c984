"""A started kernel: what is told about it, and what it tells its server itself."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from jupyter_envguard.audit import Record
from jupyter_envguard.hooks import report as hook
from jupyter_envguard.kernels.kernelspecs import EnvGuardKernelSpecManager
from jupyter_envguard.kernels.running import Running
from tests.sites import SiteBuilder


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

LINE = """
import gc, socket, json
(line,) = [s for s in gc.get_objects() if isinstance(s, socket.socket) and s.type == socket.SOCK_SEQPACKET]
line.setblocking(True)
"""

TELLING = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("report", {hook.__file__!r})
report = importlib.util.module_from_spec(spec)
spec.loader.exec_module(report)
report.report_change("deny", "conda:install", "frozen", "environment", "conda install x")
"""


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
