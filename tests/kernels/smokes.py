"""Kernels that answer by a script, for trials of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jupyter_envguard.image import Image
from jupyter_envguard.kernels.smoke import SmokeTest
from jupyter_envguard.policy import Finding
from tests.policy.inventories import honest

ROOT = os.geteuid() == 0

as_root = pytest.mark.skipif(not ROOT, reason="only root can become nobody")


class Scripted:
    """An image whose kernel is a shell script."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "image"
        (self.path / "bin").mkdir(parents=True)
        spec = {"argv": ["kernel", "{connection_file}"], "language": "shell", "display_name": "Shell"}
        kernels = self.path / "share/jupyter/kernels/shell"
        kernels.mkdir(parents=True)
        (kernels / "kernel.json").write_text(json.dumps(spec))
        digest = f"sha256:{'0' * 64}"
        self.image = Image(self.path, digest, digest, digest, folder)

    def run(self, script: str, seconds: float = 20.0, shell: str = "/bin/sh") -> tuple[Finding, ...]:
        program = self.path / "bin/kernel"
        program.write_text(f"#!{shell}\n{script}\n")
        program.chmod(0o755)
        return SmokeTest(language="shell", start_seconds=seconds)(self.image, honest())
