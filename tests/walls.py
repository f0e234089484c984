"""What tests of the wall need: a user's place to run commands in, and what this machine lets a user do."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from jupyter_envguard import landlock, mounts, programs, syscalls, wall
from tests.children import in_child
from tests.sites import short_folder

USER = 65534 if os.geteuid() == 0 else os.geteuid()
GROUP = 65534 if os.geteuid() == 0 else os.getegid()
SYSTEM_PYTHON = shutil.which("python3", path="/usr/bin:/bin")
needs_python = pytest.mark.skipif(SYSTEM_PYTHON is None, reason="the machine has no Python of its own")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def become_user() -> None:
    """Give up root's rights for good, where there are any."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(GROUP, GROUP, GROUP)
        os.setresuid(USER, USER, USER)
    syscalls.libc.prctl(4, 1, 0, 0, 0)  # as a process is that was started by its user: its /proc is its own


def become(said: int, complained: int, folder: Path) -> None:
    """Become the user, in a folder, with what is said going elsewhere."""
    os.dup2(said, 1)
    os.dup2(complained, 2)
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - the wall closes all others
    os.chdir(folder)
    become_user()


def exit_with(act: Callable[[list[str]], int], words: list[str]) -> NoReturn:
    """End this process as `act` says, come what may."""
    code = 1
    try:
        code = act(words)
        sys.stderr.flush()
    finally:
        os._exit(code)


@dataclass(frozen=True)
class Place:
    """A user, with a home and a store that the user owns, which is the worst case."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def store(self) -> Path:
        return self.root / "store"

    def run(self, *words: str, options: tuple[str, ...] = (), walled: bool = True, **variables: str) -> Done:
        """Run a command as the user, behind the wall or without it.

        The user need not reach this interpreter, so a fork of it becomes the command.
        """
        own = {"HOME": str(self.home), "TMPDIR": str(self.root / "tmp"), "STORE": str(self.store)}
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
            child = os.fork()
            if child == 0:
                os.environ.clear()
                os.environ |= {"PATH": "/usr/bin:/bin", **own, **variables}
                become(said.fileno(), complained.fileno(), self.home)
                walls = wall.main if walled else lambda words: landlock.become(words[2:])
                exit_with(walls, [f"--protect={self.store}", *options, "--", *words])
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            said.seek(0)
            complained.seek(0)
            return Done(code, said.read().decode(), complained.read().decode())

    def shell(self, script: str, walled: bool = True) -> Done:
        return self.run("/bin/sh", "-c", script, walled=walled)

    def python(self, script: str, walled: bool = True) -> Done:
        assert SYSTEM_PYTHON
        return self.run(SYSTEM_PYTHON, "-I", "-c", script, walled=walled)

    def state(self) -> dict[str, tuple[str, int]]:
        """Names, contents and inodes of everything in the store."""
        return {
            str(path.relative_to(self.store)): (
                path.read_text() if path.is_file() else "",
                path.lstat().st_ino,
            )
            for path in sorted(self.store.rglob("*"))
        }


@contextmanager
def made_place() -> Iterator[Place]:
    """A user's place, with files to change, for as long as a test lasts."""
    with short_folder() as folder:
        folder.chmod(0o755)
        for name in ("home", "store", "store/lib", "tmp"):
            (folder / name).mkdir()
        for name in ("store/module.py", "store/lib/other.py", "home/mine.py"):
            (folder / name).write_text("approved\n")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, USER, GROUP)
        (folder / "tmp").chmod(0o1777)
        yield Place(folder)


def outcome(words: list[str], place: Place, before: Callable[[], None] = lambda: None) -> int:
    """Return what `main` returns in a child whose command cannot be started, so that it does return."""

    def act(_: int) -> int:
        before()
        return outcome_here(words, place)

    return int(in_child(act))


def outcome_here(words: list[str], place: Place) -> int:
    landlock.close_all_but = lambda keep: None  # the answer of a child goes through a descriptor
    os.environ |= {"HOME": str(place.home), "TMPDIR": str(place.root / "tmp")}
    return wall.main([*words, "--", "/no/such/program"])


def may_mount() -> bool:
    """Tell whether the user may make mounts, as user namespaces let everybody."""

    def act(_: int) -> bool:
        become_user()
        try:
            mounts.seal(["/dev/shm"])
        except OSError:
            return False
        return True

    return bool(in_child(act))


needs_mounts = pytest.mark.skipif(not may_mount(), reason="users may not make mount namespaces here")
LOADER = next(filter(os.path.exists, programs.LOADERS), "")
