"""nb_conda_kernels and a real conda, in a folder of their own: what offers conda environments today.

Neither is on PyPI as one would need it here, so both are unpacked from the archives of their
releases; what conda needs comes from PyPI. All of it lies below the cache, and nothing of it is
installed beside the product. Archives that lie in the folder `ENVGUARD_PEERS` are not downloaded.

Where that cannot be had, a program takes the place of conda that prints what `conda info --json`
says and does nothing else. That is to the advantage of the peer, which waits for it.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from pathlib import Path
from types import ModuleType
from typing import Any

from demo import shelf

RELEASES = {"conda": ("conda/conda", "26.7.1"), "nb_conda_kernels": ("anaconda/nb_conda_kernels", "2.5.2")}
"""Where each peer's releases are, and which one is taken."""
NEEDED = (
    *("archspec", "backports.zstd", "boltons", "certifi", "charset-normalizer"),
    *("conda-package-handling", "conda-package-streaming", "distro", "frozendict", "idna", "msgpack"),
    *("packaging", "platformdirs", "pluggy", "requests", "ruamel.yaml", "tqdm", "truststore", "urllib3"),
    "zstandard",
)
"""What conda needs from PyPI to say which environments there are; its solvers are left out."""
DOWNLOAD_SECONDS = 120

_STAND_IN = """\
#!/bin/sh
exec cat {answer}
"""
_CONDA = """\
#!/bin/sh
PYTHONPATH={folder}:{folder}/libraries exec {folder}/python/bin/python -m conda "$@"
"""


class CondaKernels:
    """A machine with `count` conda environments below `folder`, and nb_conda_kernels to offer them."""

    def __init__(self, peer: Path, folder: Path, count: int, logo: Path) -> None:
        self._peer, self._folder = peer, folder
        self._environments = folder / "envs"
        for number in range(count):
            _environment(self._environments / f"env{number}", logo)
        self.conda = self._program()

    @property
    def about(self) -> str:
        """What asks which environments there are."""
        if self._real:
            return f"nb_conda_kernels {RELEASES['nb_conda_kernels'][1]} asks conda {RELEASES['conda'][1]}"
        return "nb_conda_kernels asks a program that prints what conda would say: no conda could be had"

    @property
    def variables(self) -> dict[str, str]:
        """What a process that uses it has in its environment."""
        return {
            "CONDA_EXE": str(self.conda),
            "CONDA_ENVS_PATH": str(self._environments),
            "HOME": str(self._folder),
            "PYTHONPATH": str(self._peer),
        }

    def manager(self) -> Any:
        """Make its kernelspec manager in this process, as a server does when it starts."""
        os.environ.update({name: value for name, value in self.variables.items() if name != "PYTHONPATH"})
        module = self._module()
        module.CONDA_EXE = str(self.conda)  # type: ignore[attr-defined]
        return module.CondaKernelSpecManager(conda_only=True)  # type: ignore[attr-defined]

    @property
    def _real(self) -> bool:
        return (self._peer / "conda").is_dir()

    def _module(self) -> ModuleType:
        if str(self._peer) not in sys.path:
            sys.path.append(str(self._peer))
        return importlib.import_module("nb_conda_kernels.manager")

    def _program(self) -> Path:
        program, answer = self._folder / "conda", self._folder / "info.json"
        said = {
            "envs": sorted(map(str, self._environments.iterdir())),
            "envs_dirs": [str(self._environments)],
        }
        answer.write_text(json.dumps(said | {"conda_prefix": str(self._folder / "base")}))
        text = _CONDA.format(folder=self._peer) if self._real else _STAND_IN.format(answer=answer)
        program.write_text(text)
        program.chmod(0o755)
        return program


def expire(manager: Any) -> None:
    """Let what `manager` remembers be older than its minute, as if one had waited."""
    manager._conda_info_cache_expiry = manager._conda_kernels_cache_expiry = 0


def settle(manager: Any) -> None:
    """Wait until `manager` is no longer asking conda."""
    if thread := manager._conda_info_cache_thread:
        thread.join()


def peer(cache: Path) -> Path | None:
    """Return the folder with both peers, made if needed; None, and a line that says so, when that fails."""
    key = shelf.key([sys.version, str(RELEASES), *NEEDED])
    try:
        return shelf.once(cache.absolute() / f"conda-kernels-{key}", _make)
    except (OSError, subprocess.SubprocessError, tarfile.TarError) as error:
        print(f"nb_conda_kernels cannot be had: {error}")
        return None


def _make(made: Path) -> None:
    made.mkdir()
    _unpack("nb_conda_kernels", made)
    try:
        _unpack("conda", made)
        libraries = made / "libraries"
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", libraries]
        subprocess.run([*install, *NEEDED], check=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", made / "python"], check=True)
    except (OSError, subprocess.SubprocessError, tarfile.TarError) as error:
        print(f"conda cannot be had: {error}")
        shutil.rmtree(made / "conda", ignore_errors=True)


def _unpack(name: str, made: Path) -> None:
    """Unpack the package `name` of its release into the folder `made`."""
    repository, version = RELEASES[name]
    archive = Path(os.environ.get("ENVGUARD_PEERS", made), f"{name}-{version}.tar.gz")
    if not archive.is_file():
        address = f"https://github.com/{repository}/archive/refs/tags/{version}.tar.gz"
        with urllib.request.urlopen(address, timeout=DOWNLOAD_SECONDS) as answer, archive.open("wb") as file:
            shutil.copyfileobj(answer, file)
    start = f"{name}-{version}/"
    with tarfile.open(archive) as tar:
        members = [m for m in tar if m.name.startswith(f"{start}{name}/") or m.name == f"{start}LICENSE"]
        for member in members:
            member.name = member.name.removeprefix(start).replace("LICENSE", f"LICENSE.{name}")
        tar.extractall(made, members, filter="data")


def _environment(prefix: Path, logo: Path) -> None:
    """Make what conda and nb_conda_kernels look at in an environment that has ipykernel."""
    kernel = prefix / "share/jupyter/kernels/python3"
    kernel.mkdir(parents=True)
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta/history").touch()
    argv = [str(prefix / "bin/python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3 (ipykernel)", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec | {"metadata": {"debugger": True}}))
    shutil.copy(logo, kernel)
