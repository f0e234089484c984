"""Sessions of a throw-away user, one for each level and one without anything, in which attempts are made.

A fork of the test's own process stands in for the single-user server, because the user
need not be able to read this interpreter. It is confined by the wall's own `main`, with the
options that the hub gives it, and starts kernels as the provisioner does and terminals as
the server does.
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
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, NoReturn

from jupyter_envguard import confine, landlock, wall
from jupyter_envguard.hooks import report
from jupyter_envguard.hub.wall import in_front
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.activation import kernel_environment
from jupyter_envguard.kernels.confined import confined
from jupyter_envguard.kernels.launch import CHILDREN, GUARDED, IMPORTS, for_children
from jupyter_envguard.kernels.reports import Change, parse
from jupyter_envguard.server.terminals import shell_command
from jupyter_envguard.site import Site
from tests.attacks.attempt import REACHED, Attempt, Outcome
from tests.sites import SiteBuilder

SECONDS = 120
"""After which an attempt is over, however slow the machine is."""
SET_DUMPABLE = 4
LEVELS = ("none", "advise", "enforce", "lockdown", "strict")
STRICT = {"strict_memory": True}
"""What a site says besides for `strict`, which is `lockdown` with all that it can have."""
LOCKED = ("lockdown", "strict")
TOKEN = "the-token-of-the-server"
CELLS = "import runpy, sys; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"
"""How the stand-in for a kernel is started; its file comes next."""
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
    builder: SiteBuilder
    image: Image
    home: Path
    tools: Path
    elsewhere: Path
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

    def at(self, level: str, **guard: Any) -> Site:
        """The site as it is for a person whose level is `level`; for `none` that does not matter."""
        wanted = self.site.guard
        if level == "strict":
            wanted = replace(wanted, level="lockdown", **STRICT, **guard)
        elif level != "none":
            wanted = replace(wanted, level=level, **guard)
        return replace(self.site, guard=wanted)

    def names(self, level: str) -> dict[str, str]:
        """What the code of every attempt may name; without a level conda has no plugin either."""
        conda = self.tools / ("conda-open" if level == "none" else "conda-hooked")
        double = f"env PYTHONPATH={conda} {self.python} -m tests.conda_double"
        held = self.library / "site-packages/packaging/__init__.py"
        return {
            "IMAGE": str(self.image.path),
            "PYTHON": self.python,
            "CONDA": "conda" if level in LOCKED else double,  # no Python runs in terminals there
            "CONDA_PATH": str(conda),
            "LIB": str(self.library),
            "SITE": str(self.library / "site-packages"),
            "HELD": str(held),
            "ELSEWHERE": str(self.elsewhere),
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
    """One session of the user at a level; at `none` nothing of ours is in it."""

    def __init__(self, ground: Ground, level: str, **guard: Any) -> None:
        self.ground, self.level = ground, level
        asking, asked = os.pipe()
        answering, answered = os.pipe()
        site = ground.at(level, **guard)
        self.options = options_of_hub(site)
        self.child = os.fork()
        if self.child == 0:
            os.dup2(asking, 0)
            os.dup2(answered, 1)
            _serve_and_exit(replace(ground, site=site), level, self.options)
        os.close(asking)
        os.close(answered)
        self.jobs: IO[str] = os.fdopen(asked, "w")
        self.answers: IO[str] = os.fdopen(answering)
        self.answers.readline()
        self.state = ground.state()

    def make(self, attempt: Attempt) -> Outcome:
        """Make one attempt and look what came of it."""
        own = self.ground.home / f"{attempt.id}-{self.level}"
        own.mkdir(mode=0o700)
        os.chown(own, self.ground.uid, self.ground.gid)
        names = {**self.ground.names(self.level), "OWN": str(own), "SERVER": str(self.child)}
        job = {"names": names, "code": attempt.code, "where": attempt.where}
        job["variables"] = {name: value.format(**names) for name, value in attempt.variables.items()}
        self.jobs.write(json.dumps(job) + "\n")
        self.jobs.flush()
        answer = self.answers.readline()
        assert answer, f"{attempt.id} ended its session"
        said = (own / "said").read_text(errors="replace") if (own / "said").is_file() else ""
        before, self.state = self.state, self.ground.state()
        changed = self.state != before
        empty(self.ground.home)
        reached = changed if attempt.goal == "changed" else REACHED in said.splitlines()
        return Outcome(reached, changed, said, tuple(json.loads(answer)))

    def close(self) -> None:
        """End the session."""
        self.jobs.close()
        os.waitpid(self.child, 0)
        self.answers.close()


@contextlib.contextmanager
def session(ground: Ground, level: str, **guard: Any) -> Iterator[Session]:
    """Start a session at a level, with what else the site says of its `guard`, and end it."""
    found = Session(ground, level, **guard)
    try:
        yield found
    finally:
        found.close()


def empty(folder: Path) -> None:
    """Remove what an attempt has left in a home, so that the next one finds none of it."""
    for path in folder.iterdir():
        path.unlink() if path.is_symlink() or not path.is_dir() else shutil.rmtree(path)


def options_of_hub(site: Site) -> list[str]:
    """Return what a hub tells the wall of somebody at `site`; nothing where there is none."""
    return list(in_front(site, site.guard, sys.executable)[len(wall.command(sys.executable)) : -1])


def _serve_and_exit(ground: Ground, level: str, options: list[str]) -> NoReturn:
    try:
        _become_user(ground)
        if options and level != "none":
            landlock.become = lambda *_: 0  # the fork goes on where the wall would start the server
            assert wall.main([*options, "--", "server"]) == 0
            assert wall.stands(str(ground.image.path))
            assert wall.is_locked() is (level in LOCKED)
        landlock.__file__ = str(ground.tools / "jupyter_envguard/landlock.py")
        wall.__file__ = str(ground.tools / "jupyter_envguard/wall.py")
        sys.executable = ground.python  # this one may lie where the user cannot read
        _serve(ground, level)
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


class Ears:
    """Hears what hooks say in a session, as its server does: one packet, one message."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "reports"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        """Return what was said since the last time: kinds of drift, and operations that were refused."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                content = self.socket.recv(report.MAX_BYTES)
                heard = parse(content)
                if isinstance(heard, Change):
                    found.append(heard.operation)
                    continue
                message = json.loads(content)
                kept_out = "denied-import" if message["about"] == "import" else ""
                found.append(str(message.get("kind") or kept_out))
        return sorted(set(filter(None, found)))


def _serve(ground: Ground, level: str) -> None:
    ears = Ears(Path(tempfile.mkdtemp(prefix="egears", dir=os.environ.get("TMPDIR") or "/tmp")))
    if level != "none":
        os.environ[report.ADDRESS] = str(ears.path)
    hooks = "" if level == "none" else str(ground.tools / "jupyter_envguard/hooks/__init__.py")
    words = ["-c", CELLS, str(ground.tools / "cells.py"), hooks]
    kernel = _start_kernel(ground, level, words, {}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"\0envguard-attack-{os.getpid()}")
    listening.listen()
    assert kernel.stdout.readline() == b"ready\n"
    ears.heard()
    os.write(1, b"ready\n")
    for line in sys.stdin:
        job = json.loads(line)
        if job["where"] == "kernel":
            kernel.stdin.write(line.encode())
            kernel.stdin.flush()
            kernel.stdout.readline()
        else:
            _shell(ground, level, job)
        if job["where"] == "start":
            _fresh_kernel(ground, level, job)
        os.write(1, json.dumps(ears.heard()).encode() + b"\n")
    kernel.stdin.close()
    kernel.wait()


def _start_kernel(
    ground: Ground, level: str, words: list[str], variables: dict[str, str], **how: Any
) -> subprocess.Popen[bytes]:
    """Start the image's Python: plainly, or as `provisioner.EnvGuardProvisioner` does."""
    environment = {**os.environ, **variables}
    if level == "none":
        return subprocess.Popen([ground.python, *words], env=environment, **how)
    if level in LOCKED:
        first = GUARDED.replace(str(IMPORTS), str(ground.tools / "jupyter_envguard/hooks/imports.py"))
        words = [words[0], first + words[1], *words[2:]]
    command = [ground.python, "-I", *words]
    with ExitStack() as stack:
        guard = ground.site.guard
        starting = confined(ground.site, guard, ground.image, command, str(ground.home), guarded=True)
        start = stack.enter_context(starting)
        kept = kernel_environment(ground.image.path, environment) | start.environment
        kept[report.ADDRESS] = os.environ[report.ADDRESS]
        if level in LOCKED:
            kept |= for_children(alone=guard.strict_python)
            kept["PYTHONPATH"] = str(ground.tools / "jupyter_envguard/hooks" / CHILDREN.name)
        process = subprocess.Popen(list(start.command), env=kept, pass_fds=start.descriptors, **how)
        problem = start.refusal()
    assert not problem, problem
    return process


def _shell(ground: Ground, level: str, job: dict[str, Any]) -> None:
    own = job["names"]["OWN"]
    words = ["/bin/bash", "-c", job["code"]]
    if level in ("enforce", *LOCKED):
        locked = level in LOCKED
        words = shell_command(ground.site, ground.site.guard, words, os.environ, locked=locked)
    with open(os.path.join(own, "said"), "ab") as said:
        how = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": said, "cwd": own}
        environment = {**os.environ, **job["names"]}
        _wait(subprocess.Popen(words, env=environment, start_new_session=True, **how))


def _fresh_kernel(ground: Ground, level: str, job: dict[str, Any]) -> None:
    own = job["names"]["OWN"]
    with open(os.path.join(own, "said"), "ab") as said:
        how = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": said, "cwd": own}
        words = ["-c", STARTED]
        _wait(_start_kernel(ground, level, words, job["variables"], start_new_session=True, **how))


def _wait(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def is_supported() -> bool:
    """Tell whether attempts can be made here at all."""
    return os.geteuid() == 0 and confine.available().scope
