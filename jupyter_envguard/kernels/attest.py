"""What the machine's kernel says about the process of a kernel, whatever that says about itself.

It knows which program runs, from which root, and which files are mapped as code. It
does not know Python's modules, nor code that is in no file, nor what was unmapped.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from jupyter_envguard.files import read_bounded
from jupyter_envguard.hooks.drift import EXECUTABLE, is_of_the_system
from jupyter_envguard.kernels.drift import Finding
from jupyter_envguard.kernels.reports import cleaned

MAX_MAPS_BYTES = 16 * 1024 * 1024
"""Size of `/proc/<pid>/maps`; a hundred thousand mappings fit in."""

SCRIPT = b"#!"
"""How a program begins in whose place its interpreter runs."""

MACHINE = ("/bin", "/usr/bin")
"""Where interpreters of the machine lie."""

WRITABLE = stat.S_IWGRP | stat.S_IWOTH


def attest(pid: int, image: Path, program: str) -> tuple[Finding, ...]:
    """Return what is not of `image` in the process `pid`, which was started as `program`.

    Raises `OSError` when the process has ended or does not let itself be looked at.
    """
    process, inside = Path(f"/proc/{pid}"), Path(os.path.realpath(image))
    found = []
    runs = Path(os.path.realpath(process / "exe"))
    if not _is_program(process, runs, Path(program), inside):
        found.append(Finding("foreign-program", runs.name, str(runs)))
    if not os.path.samestat((process / "root").stat(), Path("/").stat()):
        found.append(Finding("foreign-program", "root", str((process / "root").readlink())))
    maps = read_bounded(process / "maps", MAX_MAPS_BYTES)
    mapped = sorted({Path(os.fsdecode(line)) for line in EXECUTABLE.findall(maps)})
    found += [
        Finding("foreign-native", path.name, str(path))
        for path in mapped
        if not path.is_relative_to(inside) and not is_of_the_system(str(path))
    ]
    return tuple(Finding(item.kind, cleaned(item.name), cleaned(item.where)) for item in found)


def _is_program(process: Path, runs: Path, program: Path, inside: Path) -> bool:
    """Tell whether the process runs `program`, or for a script an interpreter that is approved as well."""
    if os.path.samestat((process / "exe").stat(), program.stat()):
        return True
    with program.open("rb") as file:
        is_script = file.read(len(SCRIPT)) == SCRIPT
    return is_script and (runs.is_relative_to(inside) or _is_of_the_machine(runs))


def _is_of_the_machine(path: Path) -> bool:
    found = path.stat()
    return str(path.parent) in MACHINE and found.st_uid == 0 and not found.st_mode & WRITABLE
