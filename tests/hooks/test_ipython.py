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
from tests.hooks.machines import Machine
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
            ("WHERE = sys.prefix\n!conda install x --prefix {WHERE}", "conda install"),
            ("def f(where):\n    !conda install x --prefix $where\nf(sys.prefix)", "conda install"),
            ("!$(which pip) install x || true", "pip install"),
            ("!/usr/bin/env A=1 pip install x", "pip install"),
            ("%sx pip install x", "pip install"),
            ("%%bash\necho a\npip install x", "pip install"),
            ("%%sh\nif true; then\n  conda install x\nfi", "conda install"),
            ("%%script bash -e\npip install x", "pip install"),
        ):
            outputs = await run(kernel, line)
            assert [o.get("data", {}).keys() for o in outputs] == [{"text/plain", "text/html"}], line
            assert outputs[0]["data"]["text/plain"].splitlines() == [
                f"'{command}' is turned off for the approved environment 'minimal@2026.11'; "
                "nothing was changed.",
                *([ipython.NOT_RUN] if line.startswith("%%") else []),
                f"Ask for a package: {REQUEST_URL}",
            ]
            assert "restart" not in outputs[0]["data"]["text/html"]
        assert digest_of(image) == before
        assert text_of(await run(kernel, "_exit_code, name")) == "(77, [])"
        assert text_of(await run(kernel, "!!pip install x")).startswith("'pip install' is turned off")

    async def test_names_the_kernel_that_has_the_package_already(self, kernel: AsyncKernelManager):
        assert "is already in kernel nlp." in text_of(await run(kernel, "%pip install -q 'Pandas>=1'"))

    async def test_what_reads_and_what_is_not_ours_runs(self, kernel: AsyncKernelManager, tmp_path: Path):
        assert text_of(await run(kernel, "!echo pip install x")).strip() == "pip install x"
        assert text_of(await run(kernel, "%%bash\necho pip install x")).strip() == "pip install x"
        asked = "count = iter('ab')\n!echo {next(count)}\n!echo {next(count)} {{x}} $$HOME"
        home = os.environ["HOME"]
        assert text_of(await run(kernel, asked)).split() == ["a", "b", "{x}", home]
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

    async def test_what_reads_is_never_refused(self, kernel: AsyncKernelManager):
        for line in ("!pip install --help", "!pip download x", "%pip list", "!pip show x", "!command -v pip"):
            outputs = await run(kernel, line)
            assert not any("data" in output for output in outputs), line

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
        self.ast_transformers: list[object] = [ipython.Shellouts()]

    def var_expand(self, line: str) -> str:
        return line.replace("{x}", "x")

    def system(self, line: str) -> None:
        self.ran.append(self.var_expand(line))

    def getoutput(self, line: str) -> list[str]:
        return [self.var_expand(line)]

    def publish(self, data: dict[str, str]) -> None:
        self.cards.append(data)


def transformed(source: str) -> str:
    return ast.unparse(ipython.Shellouts().visit(ast.parse(source)))


@pytest.fixture
def frozen(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A prefix that is this Python's own, and frozen; on a machine without rules."""
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta/frozen").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", os.devnull)
    return tmp_path


class TestLines:
    def test_only_lines_for_the_shell_are_turned(self) -> None:
        keeps = ["x.system('pip install x')", "get_ipython().system(line)", "get_ipython().system(1)"]
        keeps += ["get_ipython().run('pip install x')", "system('pip install x')"]
        keeps += ["get_ipython().system('x', 1)", "get_ipython().system('x', depth=1)", "f().system('x')"]
        assert [transformed(source) for source in keeps] == keeps
        assert transformed("a = get_ipython().getoutput('ls {x}')") == (
            "a = __import__('sys').modules['jupyter_envguard.hooks.ipython'].shellout("
            "get_ipython(), 'getoutput', 'ls {x}', get_ipython().var_expand('ls {x}'))"
        )

    def test_what_is_turned_compiles_and_has_a_place(self) -> None:
        tree = ipython.Shellouts().visit(ast.parse("def f():\n    return get_ipython().system('ls')"))
        assert compile(tree, "x", "exec")
        assert {node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr)} == {2}

    def test_variables_are_filled_in_once(self, frozen: Path) -> None:
        shell = Shell()
        ipython.shellout(shell, "system", "echo {x}", "echo {x}{x}")
        assert ipython.shellout(shell, "getoutput", "echo {x}", "echo $x") == ["echo $x"]
        ipython.shellout(shell, "system", "ls", "ls")
        assert shell.ran == ["echo {x}{x}", "ls"]
        assert shell.var_expand("{x}") == "x"

    def test_a_refused_value_is_an_empty_list(self, frozen: Path) -> None:
        shell = Shell()
        assert ipython.shellout(shell, "getoutput", "pip install {x}", "pip install x") == []
        assert (shell.ran, len(shell.cards)) == ([], 1)

    def test_once_unloaded_nothing_is_refused(self, frozen: Path) -> None:
        shell = Shell()
        shell.ast_transformers.clear()
        ipython.shellout(shell, "system", "pip install x", "pip install x")
        assert shell.ran == ["pip install x"]

    def test_without_rules_and_without_a_frozen_environment_nothing_is_refused(self, frozen: Path) -> None:
        assert not next(ipython.rulings("pip install x"))[1].allowed
        (frozen / "conda-meta/frozen").unlink()
        assert next(ipython.rulings("pip install x"))[1].allowed
        assert list(ipython.rulings("ls")) == []


class TestMagics:
    def test_what_is_not_refused_is_left_to_the_original_or_the_program(self, frozen: Path) -> None:
        shell = Shell()
        said: list[str] = []
        ipython._tool(shell, "pip", said.append)("list")
        ipython._tool(shell, "pixi", None)("list")
        assert (said, shell.ran, shell.cards) == (["list"], ["pixi list"], [])

    def test_a_refusal_is_shown_and_leaves_an_exit_code(self, frozen: Path) -> None:
        shell = Shell()
        ipython._tool(shell, "pip", None)("install x")
        assert "turned off" in shell.cards[0]["text/plain"]
        assert shell.user_ns == {"_exit_code": 77}

    @pytest.mark.parametrize(
        ("name", "line", "cell", "runs"),
        [
            ("bash", "", "cd x\npip install y", False),
            ("bash", "", "pip list", True),
            ("sx", "pip install y", None, False),
            ("sx", "pip list", None, True),
            ("script", "--bg /bin/bash -e", "pip install y", False),
            ("script", "perl", "pip install y", True),
            ("script", "", "pip install y", True),
        ],
    )
    def test_cells_of_a_shell_are_read(
        self, frozen: Path, name: str, line: str, cell: str | None, runs: bool
    ) -> None:
        shell = Shell()
        ran: list[tuple[str, ...]] = []
        magic = ipython._script(shell, name, lambda *words: ran.append(words))
        magic(line) if cell is None else magic(line, cell)
        assert bool(ran) is runs
        assert len(shell.cards) == (not runs)
        if cell and not runs:
            assert ipython.NOT_RUN in shell.cards[0]["text/plain"]

    def test_a_magic_keeps_what_ipython_knows_of_the_one_it_replaces(self) -> None:
        def original(line: str) -> None:
            """Say so."""

        original.needs_local_scope = True  # type: ignore[attr-defined]
        magic = ipython._tool(Shell(), "pip", original)
        assert (magic.__doc__, magic.needs_local_scope) == ("Say so.", True)  # type: ignore[attr-defined]


class TestReports:
    @pytest.fixture
    def told(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
        heard: list[tuple[str, ...]] = []
        monkeypatch.setattr(report, "report_change", lambda *words: heard.append(words))
        return heard

    @pytest.fixture
    def recorded(self, frozen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the rules allow everything, and want a record of what pip does."""

        def decide(operation: str, *_: object) -> rules.Ruling:
            return rules.Ruling("record" if operation.startswith("pip") else "allow", "all", "", "own")

        monkeypatch.setattr(rules, "decide", decide)

    def test_a_refusal_is_told_when_it_is_shown(self, frozen: Path, told: list[Any]) -> None:
        ipython._tool(Shell(), "pip", None)("install x")
        transformed("get_ipython().system('pip install x')")
        assert told == [("deny", "pip:install", "frozen", "environment", "pip install x")]

    def test_what_is_allowed_and_recorded_is_told_and_runs(self, recorded: None, told: list[Any]) -> None:
        shell = Shell()
        ipython._tool(shell, "pip", None)("install x")
        ipython._tool(shell, "conda", None)("install x")
        ipython.shellout(shell, "system", "pip install {x}", "pip install x")
        assert shell.ran == ["pip install x", "conda install x", "pip install x"]
        assert told == [("record", "pip:install", "all", "own", "pip install x")] * 2

    def test_what_is_run_knows_what_was_told_until_it_ends(self, recorded: None, told: list[Any]) -> None:
        shell = Shell()
        shell.system = lambda line: shell.ran.append(os.environ.get(report.TOLD, ""))  # type: ignore[method-assign]
        ipython.shellout(shell, "system", "pip install x", "pip install x")
        ipython.shellout(shell, "system", "conda install x", "conda install x")
        assert shell.ran == ['[["pip:install", "pip install x"]]', ""]
        assert report.TOLD not in os.environ
