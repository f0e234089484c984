"""A Python that hides itself, and what it then can start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_envguard import hiding, syscalls
from jupyter_envguard.hooks import alone
from tests.children import in_child
from tests.sites import short_folder

SYSTEM = Path("/usr/bin/python3").resolve()
pytestmark = pytest.mark.skipif(not SYSTEM.exists(), reason="the machine has no Python of its own")

SPAWN = "import multiprocessing as m; m.get_context('spawn').Process(target=print).start()"


def said(act: str) -> str:
    """Return what a Python says that has hidden the system's, and does this then."""

    def start(_: int) -> str:
        syscalls.checked(syscalls.libc.prctl, 38, 1, 0, 0, 0)
        hiding.leave([str(SYSTEM)])
        number = os.environ[hiding.LATER]
        code = f"import runpy, os, sys\nrunpy.run_path({alone.__file__!r})['install']({number!r})\n"
        words = [str(SYSTEM), "-I", "-c", code + act]
        done = subprocess.run(words, capture_output=True, text=True, pass_fds=[int(number)])
        return done.stdout + done.stderr

    return str(in_child(start))


def test_nothing_of_it_is_left_to_what_runs() -> None:
    assert said("print(os.environ.get('ENVGUARD_HIDING'))") == "None\n"


@pytest.mark.parametrize(
    "act",
    [
        "import subprocess; subprocess.run([sys.executable, '-c', ''])",
        "import subprocess; subprocess.run([b'/usr/bin/python3'])",
        "import subprocess; subprocess.run(['python3'], env={'PATH': '/usr/bin'})",
        SPAWN,
    ],
)
def test_whoever_starts_a_second_one_is_told_so_in_a_sentence(act: str) -> None:
    assert said(act).splitlines()[-1] == f"PermissionError: {alone.SENTENCE}"


@pytest.mark.parametrize("program", ["sys.executable", "'/proc/self/exe'"])
def test_the_system_refuses_it_to_whoever_does_not_ask_python(program: str) -> None:
    assert "PermissionError" in said(f"os.execv({program}, ['python', '-I'])")
    assert "ermission denied" in said(f"os.system('exec ' + {program}.replace('self', str(os.getpid())))")


def test_other_programs_start_and_processes_fork() -> None:
    assert said("import subprocess; subprocess.run(['true'], check=True); print('ran')") == "ran\n"
    fork = "import multiprocessing as m; p = m.get_context('fork').Process(target=print, args=('ran',))\n"
    assert said(fork + "p.start(); p.join()") == "ran\n"


def test_a_number_that_is_none_of_rules_starts_nothing() -> None:
    with pytest.raises(OSError, match="cannot be hidden"):
        alone.install("0")


def test_nothing_is_hidden_where_nothing_was() -> None:
    assert not alone.is_hidden(sys.executable)
    assert not alone.is_hidden(b"/bin/true")
    assert not alone.is_hidden("/nowhere/python3")


SCRIPTS = {
    "plain": f"#!{SYSTEM} -I\npass\n",
    "by-env": "#!/usr/bin/env python3\npass\n",
    "long": f"#!/bin/sh\n'''exec' \"{SYSTEM}\" \"$0\" \"$@\"\n' '''\npass\n",
    "shell": "#!/bin/sh\necho python3\n",
    "bytes": "\x00python3",
}
"""Programs by name; the third as installers write it where the path is long."""


def test_programs_are_known_that_need_a_python_that_is_hidden(tmp_path: Path) -> None:
    for name, text in SCRIPTS.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    code = (
        f"os.environ['PATH'] = {str(tmp_path)!r} + ':/usr/bin:/bin'\n"
        f"leads = runpy.run_path({alone.__file__!r})['leads_to_hidden']\n"
        f"print(*filter(leads, [*{list(SCRIPTS)}, 'python3', 'true', 'no-such-program']))"
    )
    assert said(code) == "plain by-env long python3\n"


def test_a_program_that_nobody_may_read_is_taken_for_another() -> None:
    with short_folder() as folder:
        folder.chmod(0o755)
        (folder / "secret").write_text(SCRIPTS["plain"])
        (folder / "secret").chmod(0o111)
        shutil.copy(alone.__file__, folder / "alone.py")
        code = (
            f"import os, runpy; leads = runpy.run_path({str(folder / 'alone.py')!r})['leads_to_hidden']\n"
            f"print(os.access({str(folder / 'secret')!r}, os.X_OK), leads({str(folder / 'secret')!r}))"
        )
        user = 65534 if os.geteuid() == 0 else None
        done = subprocess.run(
            [SYSTEM, "-I", "-c", code], user=user, capture_output=True, text=True, check=False
        )
    assert (done.stdout, done.stderr) == ("True False\n", "")
