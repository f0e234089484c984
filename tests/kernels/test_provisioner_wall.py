"""What kernels can reach through the wall around them, and what lockdown keeps them from starting."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.hooks.alone import SENTENCE
from jupyter_envguard.kernels.subject import system_subject
from tests.kernels.managed import Make, run
from tests.sites import SiteBuilder, real_images

ATTACK = """
import os, ctypes, json
def attempt(act):
    try:
        return act() or "reached"
    except OSError as error:
        return type(error).__name__
server, image, spool = {server!r}, {image!r}, {spool!r}
libc = ctypes.CDLL(None, use_errno=True)
print(json.dumps({{
    "signal the server": attempt(lambda: os.kill(server, 0)),
    "environment of the server": attempt(lambda: open(f"/proc/{{server}}/environ", "rb").read() and None),
    "memory of the server": attempt(lambda: open(f"/proc/{{server}}/mem", "r+b") and None),
    "descriptors of the server": attempt(lambda: os.readlink(f"/proc/{{server}}/fd/0") and None),
    "trace the server": "reached" if libc.ptrace(16, server, 0, 0) == 0 else "PermissionError",
    "write to the image": attempt(lambda: open(f"{{image}}/evil.py", "w") and None),
    "change the image": attempt(lambda: open(os.path.realpath(f"{{image}}/bin/python"), "r+b") and None),
    "write to the spool": attempt(lambda: open(f"{{spool}}/evil", "w") and None),
    "descriptors": sorted(map(int, os.listdir("/proc/self/fd")))[:3],
}}))
"""


LOCKED = """
import ctypes, json, os, shutil, subprocess, sys
os.makedirs("t/site-packages")
for name in ("mine.py", "t/site-packages/foreign.py"):
    open(name, "w").close()
shutil.copy("/bin/echo", "program")
sys.path.insert(0, "t/site-packages")
def attempt(act):
    try:
        act()
    except (OSError, ImportError) as error:
        return type(error).__name__
    return "reached"
print(json.dumps({
    "a helper": attempt(lambda: __import__("mine")),
    "numbers of the environment": attempt(lambda: __import__("decimal")),
    "a tool": attempt(lambda: subprocess.run(["ls"], stdout=subprocess.DEVNULL)),
    "a package": attempt(lambda: __import__("foreign")),
    "a program": attempt(lambda: subprocess.run(["./program"])),
    "a program in memory": attempt(lambda: os.memfd_create("x")),
    "a system interpreter": attempt(lambda: subprocess.run(["/usr/bin/perl", "-e", "1"])),
    "a library": attempt(lambda: ctypes.CDLL("./program")),
}))
"""

POOL = """
import multiprocessing
try:
    multiprocessing.get_context("spawn").Pool(1)
except OSError as error:
    print(error)
"""

SPAWNED = """
import multiprocessing, operator, subprocess, sys
with multiprocessing.get_context("spawn").Pool(1) as pool:
    print(pool.apply(operator.add, (1, 2)))
!python -c "print('a second one')"
"""

ALONE = """
import json, multiprocessing, os, subprocess, sys
def attempt(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "reached"
def other(*words):
    return attempt(lambda: subprocess.run([*words, "-I", "-S", "-c", ""], check=True))
with multiprocessing.get_context("fork").Pool(1) as pool:
    forked = pool.apply(str, ("ran",))
os.symlink(sys.executable, "linked")
print(json.dumps({
    "a child": other(sys.executable),
    "a link": other("./linked"),
    "itself": other("/proc/self/exe"),
    "in its place": attempt(lambda: os.execv(sys.executable, ["python", "-I"])),
    "a copy": attempt(lambda: open(sys.executable, "rb")),
    "a pool": attempt(lambda: multiprocessing.get_context("spawn").Process(target=print).start()),
    "forked": forked,
    "joblib": os.environ["JOBLIB_MULTIPROCESSING"],
}))
"""


@pytest.mark.packs
class TestTheWallOfAKernel:
    async def test_keeps_server_image_and_log_out_of_reach(self, real: SiteBuilder, manager_for: Make):
        manager = manager_for(real, "minimal")
        await manager.start_kernel()
        image = manager.provisioner._permit.image.path
        code = ATTACK.format(server=os.getpid(), image=str(image), spool=str(real.spool))
        found = json.loads(await run(manager, code))
        assert found.pop("descriptors") == [0, 1, 2]
        assert set(found.values()) == {"PermissionError"}, found

    @pytest.fixture
    def locked(
        self, real: SiteBuilder, manager_for: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[..., Any]:
        def locked(old: str = "", new: str = "", name: str = "minimal") -> Any:
            group = min(system_subject().groups)
            levels = f"groups: {{{group}: {{level: lockdown}}}}"
            text = real.path.read_text().replace("groups: {}", levels)
            real.path.write_text(text.replace(old, new))
            (tmp_path / "home").mkdir()
            monkeypatch.setenv("HOME", str(tmp_path / "home"))
            monkeypatch.setenv("TMPDIR", str(tmp_path))
            return manager_for(real, name)

        return locked

    async def test_in_lockdown_starts_no_other_python(self, locked: Callable[..., Any], tmp_path: Path):
        manager = locked()
        await manager.start_kernel(cwd=str(tmp_path / "home"))
        found = json.loads(await run(manager, ALONE))
        assert found.pop("forked") == "ran"
        assert found.pop("joblib") == "0"
        assert set(found.values()) == {"PermissionError"}, found

    async def test_in_lockdown_whoever_tries_is_told_so(self, locked: Callable[..., Any], tmp_path: Path):
        manager = locked()
        await manager.start_kernel(cwd=str(tmp_path / "home"))
        for code in (
            "!python x.py",
            "!A=1 exec python3 x.py",
            "found = !env python x.py",
            "!jupyter --version",
            "%%bash\ncd . && python x.py || true",
            "import sys\n!{sys.executable} x.py",
            POOL,
        ):
            assert SENTENCE in await run(manager, code), code
        assert await run(manager, "%pip list") == SENTENCE  # and no advice to restart the kernel
        assert await run(manager, "_exit_code") == "77"
        assert await run(manager, "!echo python") == "python"

    async def test_in_lockdown_pip_says_so_once(self, locked: Callable[..., Any], real: SiteBuilder):
        real.offer(real_images()["datasci"], "datasci", "2026.05")
        manager = locked(name="datasci")
        await manager.start_kernel()
        assert await run(manager, "%pip list") == SENTENCE

    async def test_in_lockdown_a_site_may_allow_other_pythons(
        self, locked: Callable[..., Any], tmp_path: Path
    ):
        manager = locked("strict_python: true", "strict_python: false")
        await manager.start_kernel(cwd=str(tmp_path / "home"))
        assert (await run(manager, SPAWNED)).split("\n") == ["3", "a second one"]

    async def test_in_lockdown_runs_and_loads_nothing_from_outside(
        self, locked: Callable[..., Any], tmp_path: Path
    ):
        manager = locked()
        await manager.start_kernel(cwd=str(tmp_path / "home"))
        assert json.loads(await run(manager, LOCKED)) == {
            "a helper": "reached",
            "numbers of the environment": "reached",
            "a tool": "reached",
            "a package": "ImportError",
            "a program": "PermissionError",
            "a program in memory": "PermissionError",
            "a system interpreter": "PermissionError",
            "a library": "ImportError",
        }

    async def test_lets_it_be_interrupted_and_restarted(self, real: SiteBuilder, manager_for: Make):
        manager = manager_for(real, "minimal")
        await manager.start_kernel()
        heard = asyncio.Event()
        running = asyncio.ensure_future(run(manager, "print('on')\nimport time\ntime.sleep(600)", heard))
        async with asyncio.timeout(60):
            await heard.wait()
        # Once, while the cell runs: a second signal may meet the kernel while it tells of the first.
        await manager.interrupt_kernel()
        assert "KeyboardInterrupt" in await running
        await manager.restart_kernel(now=True)
        assert await run(manager, "1 + 1") == "2"

    async def test_gives_it_a_private_temporary_folder(self, real: SiteBuilder, manager_for: Make):
        manager = manager_for(real, "minimal")
        await manager.start_kernel()
        code = "import tempfile\nwith tempfile.NamedTemporaryFile() as file: print(file.name)"
        assert f"/envguard-{os.geteuid()}/" in await run(manager, code)
