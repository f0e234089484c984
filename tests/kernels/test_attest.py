"""Real processes of programs of the machine; real kernels are looked at in `test_running.py`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jupyter_envguard.kernels.attest import attest

SLEEP = Path("/bin/sleep").resolve()


@contextmanager
def process(*words: object) -> Iterator[int]:
    with subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE) as made:
        try:
            yield made.pid
        finally:
            made.kill()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An environment with one program."""
    (tmp_path / "image/bin").mkdir(parents=True)
    shutil.copy(SLEEP, tmp_path / "image/bin/sleep")
    return tmp_path / "image"


def test_the_program_of_the_image_and_libraries_of_the_machine_are_at_home(image: Path) -> None:
    with process(image / "bin/sleep", 600) as pid:
        assert attest(pid, image, str(image / "bin/sleep")) == ()


def test_another_program_is_foreign(image: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copy(SLEEP, other)
    with process(other, 600) as pid:
        assert [(f.kind, f.name, f.where) for f in attest(pid, image, str(image / "bin/sleep"))] == [
            ("foreign-program", "other", str(other)),
            ("foreign-native", "other", str(other)),
        ]


def test_a_script_may_be_run_by_an_interpreter_of_the_machine(image: Path) -> None:
    script = image / "bin/kernel"
    script.write_text(f"#!{SLEEP} 600\n")
    script.chmod(0o755)
    with process("/bin/sleep", 600) as pid:
        kinds = [found.kind for found in attest(pid, image, str(script))]
        assert "foreign-program" not in kinds


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the root")
def test_another_root_is_foreign(image: Path, tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        os.chroot(tmp_path)
        os.kill(os.getpid(), 19)
        os._exit(0)
    try:
        os.waitpid(child, os.WUNTRACED)
        found = attest(child, image, f"/proc/{os.getpid()}/exe")
        assert ("foreign-program", "root", str(tmp_path)) in [(f.kind, f.name, f.where) for f in found]
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_one_that_has_ended_cannot_be_looked_at(image: Path) -> None:
    with process(SLEEP, 600) as pid:
        pass
    with pytest.raises(OSError, match=str(pid)):
        attest(pid, image, str(SLEEP))
