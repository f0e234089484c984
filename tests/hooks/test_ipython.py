"""Real kernels of the smallest real environment, through jupyter_client and our provisioner."""

from __future__ import annotations

import ast
import hashlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import AsyncKernelManager

from jupyter_envguard.hooks import ipython, report, rules
from jupyter_envguard.kernels.kernelspecs import EnvGuardKernelSpecManager
from tests.sites import REQUEST_URL, SiteBuilder, real_images

Outputs = list[dict[str, Any]]


@pytest.fixture
async def kernel(tmp_path: Path) -> AsyncIterator[AsyncKernelManager]:
    images = real_images()
    site = SiteBuilder(tmp_path / "real", store=images["minimal"].path.parent)
    site.offer(images["minimal"], "minimal", "2026.11")
    site.offer(images["datasci"], "nlp", "2026.05")
    specs = EnvGuardKernelSpecManager(site=str(site.path))
    manager = AsyncKernelManager(kernel_name="minimal", kernel_spec_manager=specs)
    await manager.start_kernel(cwd=str(tmp_path))
    yield manager
    await manager.shutdown_kernel(now=True)


async def run(manager: AsyncKernelManager, code: str) -> Outputs:
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=60)
        outputs: Outputs = []
        await client.execute_interactive(
            code,
            timeout=60,
            allow_stdin=False,
            output_hook=lambda message: outputs.append(message["content"]),
        )
        return [output for output in outputs if output.keys() & {"data", "text", "ename"}]
    finally:
        client.stop_channels()


def text_of(outputs: Outputs) -> str:
    return "".join(o.get("text") or o.get("ename") or o["data"]["text/plain"] for o in outputs)


def digest_of(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found.update(f"{path} {status.st_size} {status.st_mtime_ns} {status.st_mode}\n".encode())
    return found.hexdigest()


@pytest.mark.packs
class TestRealKernel:
    async def test_every_way_to_ask_is_answered_with_a_card_and_changes_nothing(
        self, kernel: AsyncKernelManager
    ):
        image = real_images()["minimal"].path
        before = digest_of(image)
        for line, command in (
            ("%pip install x", "pip install"),
            ("!pip install x", "pip install"),
            ("!conda install -y x", "conda install"),
            ("%conda install x", "conda install"),
            ("%mamba install x", "mamba install"),
            ("%micromamba install x", "micromamba install"),
            ("%uv pip install x", "uv pip install"),
            ("import sys\n!{sys.executable} -m pip install x", "pip install"),
            ("if True:\n    name = !cd . && pip install x", "pip install"),
        ):
            outputs = await run(kernel, line)
            assert [o.get("data", {}).keys() for o in outputs] == [{"text/plain", "text/html"}], line
            assert outputs[0]["data"]["text/plain"].splitlines() == [
                f"'{command}' is turned off for the approved environment 'minimal@2026.11'; "
                "nothing was changed.",
                rules.ASK,
                f"Ask for a package: {REQUEST_URL}",
            ]
            assert "restart" not in outputs[0]["data"]["text/html"]
        assert digest_of(image) == before
        assert text_of(await run(kernel, "_exit_code, name")) == "(77, [])"

    async def test_names_the_kernel_that_has_the_package_already(self, kernel: AsyncKernelManager):
        assert "is already in kernel nlp." in text_of(await run(kernel, "%pip install -q 'Pandas>=1'"))

    async def test_what_reads_and_what_is_not_ours_runs(self, kernel: AsyncKernelManager, tmp_path: Path):
        assert text_of(await run(kernel, "!echo pip install x")).strip() == "pip install x"
        assert text_of(await run(kernel, "def f(where):\n    !echo $where\nf('local')")).strip() == "local"
        (tmp_path / "own/bin").mkdir(parents=True)
        (tmp_path / "own/pyvenv.cfg").touch()
        pip = tmp_path / "own/bin/pip"
        pip.write_text("#!/bin/sh\necho own $*\n")
        pip.chmod(0o755)
        assert text_of(await run(kernel, f"!{pip} install x")).strip() == "own install x"
        assert "turned off" not in text_of(await run(kernel, f"!pip install --target={tmp_path}/own x"))

    async def test_cells_do_not_see_where_it_came_from(self, kernel: AsyncKernelManager):
        assert (
            text_of(await run(kernel, "import sys; [p for p in sys.path if 'jupyter_envguard' in p]")) == "[]"
        )
        assert "ModuleNotFoundError" in text_of(await run(kernel, "import jupyter_envguard"))

    async def test_it_can_be_unloaded(self, kernel: AsyncKernelManager):
        outputs = await run(kernel, "%unload_ext envguard_hooks.ipython\n%pip install x\n!pip install x")
        assert all("data" not in output for output in outputs)
        assert "No module named pip" in text_of(outputs)


class Shell:
    """As much of IPython's shell as a magic touches."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.user_ns: dict[str, Any] = {}
        self.cards: list[dict[str, str]] = []
        self.display_pub = self

    def system(self, line: str) -> None:
        self.ran.append(line)

    def publish(self, data: dict[str, str]) -> None:
        self.cards.append(data)


def transformed(source: str) -> str:
    return ast.unparse(ipython.Shellouts().visit(ast.parse(source)))


@pytest.fixture
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that is this interpreter's own, and frozen."""
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta/frozen").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(rules, "ACL_FILE", str(tmp_path / "none"))
    for name in ("CONDA_PREFIX", "VIRTUAL_ENV", "ENVGUARD_RELEASE", "ENVGUARD_REQUEST_URL", "ENVGUARD_SPECS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", os.devnull)
    return tmp_path


class TestLines:
    def test_only_refused_lines_are_turned(self, frozen: Path):
        keeps = ["get_ipython().system('ls')", "x.system('pip install x')", "get_ipython().system(line)"]
        keeps += ["get_ipython().system(1)", "get_ipython().run('pip install x')", "system('pip install x')"]
        assert [transformed(source) for source in keeps] == keeps

    def test_a_value_stays_a_list(self, frozen: Path):
        assert transformed("a = get_ipython().getoutput('pip install x')").endswith("or []")

    def test_without_rules_and_without_a_frozen_environment_nothing_is_refused(self, frozen: Path):
        (frozen / "conda-meta/frozen").unlink()
        assert ipython.refusal("pip install x") is None


class TestMagics:
    def test_what_is_not_refused_is_left_to_the_original_or_the_program(self, frozen: Path):
        shell = Shell()
        said: list[str] = []
        ipython._magic(shell, "pip", said.append)("list")
        ipython._magic(shell, "pixi", None)("list")
        assert (said, shell.ran, shell.cards) == (["list"], ["pixi list"], [])

    def test_a_line_that_is_allowed_after_all_runs(self, frozen: Path):
        shell = Shell()
        ipython._answer(shell, "ls")
        assert shell.ran == ["ls"]

    def test_a_refusal_is_shown_and_leaves_an_exit_code(self, frozen: Path):
        shell = Shell()
        ipython._magic(shell, "pip", None)("install x")
        assert "turned off" in shell.cards[0]["text/plain"]
        assert shell.user_ns == {"_exit_code": 77}


class TestReports:
    @pytest.fixture
    def told(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
        heard: list[tuple[str, ...]] = []
        monkeypatch.setattr(report, "report_change", lambda *words: heard.append(words))
        return heard

    @pytest.fixture
    def recorded(self, frozen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the rules allow everything, and want a record of what pip does."""

        def decide(operation: str, *_: str) -> rules.Ruling:
            effect = "record" if operation.startswith("pip") else "allow"
            return rules.Ruling(True, "all", "", "", effect, "own")

        monkeypatch.setattr(rules, "decide", decide)

    def test_a_refusal_is_told_when_it_is_shown(self, frozen: Path, told: list[Any]):
        ipython._magic(Shell(), "pip", None)("install x")
        transformed("get_ipython().system('pip install x')")
        assert told == [("deny", "pip:install", "frozen", "environment", "pip install x")]

    def test_what_is_allowed_and_recorded_is_told_and_runs(self, recorded: None, told: list[Any]):
        shell = Shell()
        ipython._magic(shell, "pip", None)("install x")
        ipython._magic(shell, "conda", None)("install x")
        assert shell.ran == ["pip install x", "conda install x"]
        assert told == [("record", "pip:install", "all", "own", "pip install x")]

    def test_a_recorded_line_is_told_and_then_what_it_was(self, recorded: None):
        line = "get_ipython().system('pip install x')"
        told = "get_ipython().run_line_magic('envguard_recorded', 'pip install x')"
        assert transformed(f"a = {line}") == f"a = ({told}, {line})[1]"
        assert transformed("get_ipython().system('conda install x')") == (
            "get_ipython().system('conda install x')"
        )
