from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from demo.bytecode import compiled
from demo.condapkg import EPOCH


def test_byte_code_is_valid_for_the_source_at_the_packaged_time(tmp_path: Path) -> None:
    source = b"answer = 42\n"
    (made,) = compiled("module.py", source)
    (tmp_path / "module.py").write_bytes(source)
    os.utime(tmp_path / "module.py", (EPOCH, EPOCH))
    cached = tmp_path / made.path
    cached.parent.mkdir()
    cached.write_bytes(made.data)
    code = "import sys; sys.path.insert(0, sys.argv[1]); import module; print(module.answer)"
    command = [sys.executable, "-v", "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "42\n"
    assert f"{cached} matches {tmp_path / 'module.py'}" in done.stderr


def test_source_of_another_language_has_no_byte_code() -> None:
    assert list(compiled("module.py", b"print 'two'\n")) == []
    assert list(compiled("module.py", b"\x00")) == []
