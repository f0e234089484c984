"""Sessions of a throw-away user, with and without the wall, in which attempts are made.

A fork of the test's own process stands in for the single-user server, because the user
need not be able to read this interpreter. It is confined by the wall's own `main`, with the
options that `hub.configure` gives it, and starts kernels as the provisioner does.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from traitlets.config import Config

from jupyter_envguard import confine, landlock, wall
from jupyter_envguard.hub import configure
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.activation import kernel_environment
from jupyter_envguard.kernels.confined import confined
from jupyter_envguard.site import Site
from tests.attacks.attempt import REACHED, Attempt, Outcome

SECONDS = 20
SET_DUMPABLE = 4
TOKEN = "the-token-of-the-server"
STARTED = """\
import sys, runpy, json, subprocess, IPython, jupyter_client
sys.path.append('')
import ipykernel_launcher
from IPython.core.application import BaseIPythonApplication
BaseIPythonApplication().initialize([])
subprocess.run(['/bin/bash', '-c', 'python -c 1'])
print('started')
"""
"""What a kernel does when it starts: imports as in `launch.PYTHON_START`, configuration, and a shell."""


@dataclass(frozen=True)
class Ground:
    """Where attempts are made."""

    site: Site
    image: Image
    home: Path
    tools: Path
    uid: int
    gid: int
    name: str

    @property
    def python(self) -> str:
        """The environment's Python, as kernels are started by it."""
        return str(self.image.path / "bin/python")

    @property
    def library(self) -> Path:
        return next((self.image.path / "lib").glob("python3.*"))

    def names(self, walled: bool) -> dict[str, str]:
        """What the code of every attempt may name; without the wall conda has no plugin either."""
        conda = self.tools / ("conda-enforce" if walled else "conda-open")
        held = self.library / "site-packages/packaging/__init__.py"
        return {
            "IMAGE": str(self.image.path),
            "PYTHON": self.python,
            "CONDA": f"env PYTHONPATH={conda} {self.python} -m tests.conda_double",
            "CONDA_PATH": str(conda),
            "LIB": str(self.library),
            "SITE": str(self.library / "site-packages"),
            "HELD": str(held),
            "PIP": str(self.tools / "pip"),
            "WHEEL": str(self.tools / "foreign-1.0-py3-none-any.whl"),
        }

    def state(self) -> frozenset[tuple[str, int, int, int]]:
        """Everything about every path of the image that changes when anything about it does.

        Nobody but the system sets the time of the last change (ctime).
        """
        found, folders = set(), [str(self.image.path)]
        top = os.lstat(folders[0])
        found.add((".", top.st_ino, top.st_mode, top.st_ctime_ns))
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    there = entry.stat(follow_symlinks=False)
                    found.add((entry.path, there.st_ino, there.st_mode, there.st_ctime_ns))
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        return frozenset(found)


class Session:
    """One session of the user: `open` has no wall, `enforce` has that of the hub."""

    def __init__(self, ground: Ground, walled: bool) -> None:
        self.ground, self.walled = ground, walled
        asking, asked = os.pipe()
        answering, answered = os.pipe()
        self.options = options_of_hub(ground.site)
        self.child = os.fork()
        if self.child == 0:
            os.dup2(asking, 0)
            os.dup2(answered, 1)
            _serve_and_exit(ground, walled, self.options)
        os.close(asking)
        os.close(answered)
        self.jobs: IO[str] = os.fdopen(asked, "w")
        self.answers: IO[str] = os.fdopen(answering)
        self.answers.readline()
        self.state = ground.state()

    def make(self, attempt: Attempt) -> Outcome:
        """Make one attempt and look what came of it."""
        own = self.ground.home / f"{attempt.id}-{'enforce' if self.walled else 'open'}"
        own.mkdir(mode=0o700)
        os.chown(own, self.ground.uid, self.ground.gid)
        names = {**self.ground.names(self.walled), "OWN": str(own), "SERVER": str(self.child)}
        job = {"names": names, "code": attempt.code, "where": attempt.where}
        job["variables"] = {name: value.format(**names) for name, value in attempt.variables.items()}
        self.jobs.write(json.dumps(job) + "\n")
        self.jobs.flush()
        assert self.answers.readline() == "done\n", f"{attempt.id} ended its session"
        said = (own / "said").read_text(errors="replace") if (own / "said").is_file() else ""
        before, self.state = self.state, self.ground.state()
        changed = self.state != before
        empty(self.ground.home)
        reached = changed if attempt.goal == "changed" else REACHED in said.splitlines()
        return Outcome(reached, changed, said)

    def close(self) -> None:
        """End the session."""
        self.jobs.close()
        os.waitpid(self.child, 0)
        self.answers.close()


@contextlib.contextmanager
def session(ground: Ground, walled: bool) -> Iterator[Session]:
    """Start a session and end it."""
    found = Session(ground, walled)
    try:
        yield found
    finally:
        found.close()


def empty(folder: Path) -> None:
    """Remove what an attempt has left in a home, so that the next one finds none of it."""
    for path in folder.iterdir():
        path.unlink() if path.is_symlink() or not path.is_dir() else shutil.rmtree(path)


def options_of_hub(site: Site) -> list[str]:
    """Return what a hub that is configured for `site` tells the wall."""
    c = Config()
    configure(c, site.path)
    command = list(c.Spawner.cmd)
    return command[len(wall.command(sys.executable)) : command.index("--")]


def _serve_and_exit(ground: Ground, walled: bool, options: list[str]) -> NoReturn:
    try:
        _become_user(ground)
        if walled:
            landlock.become = lambda *_: 0  # the fork goes on where the wall would start the server
            assert wall.main([*options, "--", "server"]) == 0
            assert wall.stands(str(ground.image.path))
            landlock.__file__ = str(ground.tools / "jupyter_envguard/landlock.py")
            sys.executable = ground.python  # this one may lie where the user cannot read
        _serve(ground, walled)
    except BaseException:  # noqa: BLE001 - the border of the process
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


def _become_user(ground: Ground) -> None:
    os.setsid()
    os.closerange(3, 1024)
    sys.stdin, sys.stderr = open(0, closefd=False), open(2, "w", closefd=False)  # noqa: SIM115 - pytest has its own
    os.environ.clear()
    os.environ |= {
        "HOME": str(ground.home),
        "USER": ground.name,
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "JUPYTERHUB_API_TOKEN": TOKEN,
    }
    os.chdir(ground.home)
    os.setgroups([])
    os.setresgid(ground.gid, ground.gid, ground.gid)
    os.setresuid(ground.uid, ground.uid, ground.uid)
    ctypes.CDLL(None).prctl(SET_DUMPABLE, 1)  # as a server is that was started by its user


def _serve(ground: Ground, walled: bool) -> None:
    hooks = str(ground.tools / "jupyter_envguard/hooks/__init__.py") if walled else ""
    words = [str(ground.tools / "cells.py"), hooks]
    kernel = _start_kernel(ground, walled, words, {}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"\0envguard-attack-{os.getpid()}")
    listening.listen()
    os.write(1, b"ready\n")
    for line in sys.stdin:
        job = json.loads(line)
        if job["where"] == "kernel":
            kernel.stdin.write(line.encode())
            kernel.stdin.flush()
            kernel.stdout.readline()
        else:
            _shell(job)
        if job["where"] == "start":
            _fresh_kernel(ground, walled, job)
        os.write(1, b"done\n")
    kernel.stdin.close()
    kernel.wait()


def _start_kernel(
    ground: Ground, walled: bool, words: list[str], variables: dict[str, str], **how: Any
) -> subprocess.Popen[bytes]:
    """Start the image's Python: plainly, or as `provisioner.EnvGuardProvisioner` does."""
    environment = {**os.environ, **variables}
    if not walled:
        return subprocess.Popen([ground.python, *words], env=environment, **how)
    command = [ground.python, "-I", *words]
    with ExitStack() as stack:
        start = stack.enter_context(
            confined(ground.site, ground.site.guard, ground.image, command, str(ground.home))
        )
        kept = kernel_environment(ground.image.path, environment) | start.environment
        process = subprocess.Popen(list(start.command), env=kept, pass_fds=start.descriptors, **how)
        problem = start.refusal()
    assert not problem, problem
    return process


def _shell(job: dict[str, Any]) -> None:
    own = job["names"]["OWN"]
    with open(os.path.join(own, "said"), "ab") as said:
        how = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": said, "cwd": own}
        environment = {**os.environ, **job["names"]}
        _wait(
            subprocess.Popen(["/bin/sh", "-c", job["code"]], env=environment, start_new_session=True, **how)
        )


def _fresh_kernel(ground: Ground, walled: bool, job: dict[str, Any]) -> None:
    own = job["names"]["OWN"]
    with open(os.path.join(own, "said"), "ab") as said:
        how = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": said, "cwd": own}
        words = ["-c", STARTED]
        _wait(_start_kernel(ground, walled, words, job["variables"], start_new_session=True, **how))


def _wait(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def is_supported() -> bool:
    """Tell whether attempts can be made here at all."""
    return os.geteuid() == 0 and confine.available().scope
