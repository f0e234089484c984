"""What attempts on a hub plant is written with these words; the user's own process reads this text first."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

HOME, OWN = Path(os.environ["HOME"]), Path(os.environ["OWN"])
APPROVED = os.environ["APPROVED"]
"""Name of a kernel that may start."""
DATA = HOME / ".local/share/jupyter/kernels"
IPYTHON = HOME / ".ipython/kernels"
USER_SITE = HOME / f".local/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
MARK = f"open({str(OWN / 'said')!r}, 'a').write('REACHED\\n')\n"
"""Code that says that it has run."""
PROVISIONER = f"""
from jupyter_client.provisioning import LocalProvisioner

class Evil(LocalProvisioner):
    async def pre_launch(self, **kwargs):
        {MARK}
        return await super().pre_launch(**kwargs)
"""


def write(path: Path, text: str) -> None:
    """Write a file and the folders around it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def spec(folder: Path, name: str, **more: object) -> None:
    """Write a kernelspec whose program says that it has run, and then is a kernel."""
    kernel = f"exec {sys.executable} -m ipykernel_launcher -f $0"
    argv = ["/bin/sh", "-c", f"echo REACHED >> {OWN}/said; {kernel}", "{connection_file}"]
    found = {"argv": argv, "display_name": "x", "language": "python", **more}
    write(folder / name / "kernel.json", json.dumps(found))


def notebook(path: Path, kernel: str) -> None:
    """Write a notebook that names a kernel."""
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": "a",
        "metadata": {},
        "outputs": [],
        "source": "1",
    }
    about = {"kernelspec": {"name": kernel, "display_name": "x", "language": "python"}}
    write(path, json.dumps({"cells": [cell], "metadata": about, "nbformat": 4, "nbformat_minor": 5}))
