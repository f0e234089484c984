"""Running the command in this process and in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.cli.main import main

MODULE = [sys.executable, "-m", "jupyter_envguard.cli.main"]


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def refusal(self) -> tuple[int, str]:
        """Exit code and error code, from JSON or from the line on stderr."""
        if self.out.startswith("{"):
            return self.code, self.json["code"]
        return self.code, self.err.split("error[", 1)[1].split("]", 1)[0]


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process."""

    def command(*words: object) -> Ran:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Ran(int(code), *capsys.readouterr())

    return command


@pytest.fixture
def spawn(root: Path) -> Run:
    """Run the command in a process of its own."""

    def command(*words: object, **options: Any) -> Ran:
        variables = {**os.environ, "PYTHONPATH": str(root), **options.pop("env", {})}
        done = subprocess.run(
            [*MODULE, *map(str, words)], capture_output=True, text=True, env=variables, timeout=120, **options
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return command


@pytest.fixture
def site(tmp_path: Path, run: Run) -> Path:
    """A new site, as `init` makes it; the path of its site.yaml."""
    made = run("init", tmp_path / "lab", "--json")
    assert made.code == 0, made.err
    return Path(made.json["site"])
