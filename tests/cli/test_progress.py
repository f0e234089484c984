from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from jupyter_envguard.cli.progress import progress
from jupyter_envguard.cli.terminal import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_one_line_says_what_is_done() -> None:
    err = io.StringIO()
    with progress(Screen(io.StringIO(), err, json=False), "Reading\x1b[2J a.tar") as told:
        told(1, 2)
    assert err.getvalue() == "Reading\\x1b[2J a.tar …\n"


def test_json_without_a_terminal_is_silent() -> None:
    err = io.StringIO()
    with progress(Screen(io.StringIO(), err, json=True), "Reading") as told:
        told(1, 2)
    assert err.getvalue() == ""


def test_a_terminal_gets_a_bar_and_no_markup() -> None:
    err = Terminal()
    with progress(Screen(io.StringIO(), err, json=False), "Reading [bold]x[/bold]") as told:
        told(500_000, 1_000_000)
        told(1_000_000, 0)
    assert "[bold]x[/bold]" in err.getvalue()


def test_rich_is_not_imported_without_a_terminal(root: Path) -> None:
    code = (
        "import sys\n"
        "from jupyter_envguard.cli.main import main\n"
        "main(['rules'])\n"
        "print('rich' in sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.stderr.strip() == "False"
