"""Makes a conda channel on this machine: the running CPython, wheels from PyPI, and a kernel of our own."""

from __future__ import annotations

import asyncio
import json
import platform
from collections.abc import Callable, Iterator
from pathlib import Path

from rattler.index import index_fs

from demo import calc_kernel, cpython, wheels
from demo.condapkg import PLACEHOLDER, File, Package, write


def build(
    wheelhouse: Path, channel: Path, progress: Callable[[str], None], unread: str | None = None
) -> None:
    """Fill and index the directory `channel` from the wheels in `wheelhouse`.

    `unread` is the licence of packages whose licence nobody has read; without it there may be none.
    """
    for subdir in ("noarch", cpython.SUBDIR):
        (channel / subdir).mkdir(parents=True)
    made = cpython.build(channel)
    progress(f"packaged CPython {platform.python_version()} and {len(made) - 2} native libraries")
    made += wheels.convert_all(wheelhouse.glob("*.whl"), channel, unread)
    made.append(_write_calc(channel))
    asyncio.run(index_fs(channel))
    size = sum(package.stat().st_size for package in made)
    progress(f"indexed a channel of {len(made)} packages, {size / 1e6:.0f} MB")


def _write_calc(channel: Path) -> Path:
    package = Package(
        name="calc-kernel",
        version=calc_kernel.VERSION,
        build="pyh0_0",
        license="BSD-3-Clause",
        subdir="noarch",
        noarch="python",
        depends=("python >=3.11", "pyzmq"),
        summary="A Jupyter kernel that calculates",
    )
    return write(channel, package, _calc_files())


def _calc_files() -> Iterator[File]:
    """Yield the kernel, started through a shell script that knows the prefix, as R's kernel is."""
    yield File("site-packages/calc_kernel.py", Path(calc_kernel.__file__).read_bytes())
    script = f'#!/bin/sh\nexec "{PLACEHOLDER}/bin/python" -I -m calc_kernel "$@"\n'
    yield File("bin/calc-kernel", script.encode(), 0o755, prefix="text")
    spec = {
        "argv": [f"{PLACEHOLDER}/bin/calc-kernel", "{connection_file}"],
        "display_name": "Calc",
        "language": "calc",
        "interrupt_mode": "signal",
    }
    yield File("share/jupyter/kernels/calc/kernel.json", json.dumps(spec, indent=1).encode(), prefix="text")
