"""Keeps a program on a leash: `python -I -S keeper.py COMMAND …`.

The program, and everything that descends from it however it detached itself, is
ended when the program ends, when standard input closes, or when whoever started
this process is gone (which closes it too). It exits as the program did, a
signal as 128 and its number.

Where the process may (root, usually), the program also gets no network
interfaces and no other processes to see or signal: new namespaces, of which the
last process takes all others with it. Elsewhere descendants that lost their
parent fall to this process (`PR_SET_CHILD_SUBREAPER`), which finds and kills them.

Self-contained for the same reason as `landlock`: it is started often and trusts nothing.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

CANNOT_RUN = 126
"""Exit code when the program cannot be started, as shells have it."""

PATIENCE = 5.0
"""Seconds after which a program that forks faster than it can be killed is left to the machine."""

_SET_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36
_NEW_IPC, _NEW_PID, _NEW_NETWORK = 0x08000000, 0x20000000, 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def set_apart() -> bool:
    """Give the next child namespaces of its own; return whether the process may do that."""
    return int(_libc.unshare(_NEW_IPC | _NEW_PID | _NEW_NETWORK)) == 0


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parent has ended."""
    _libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(command: Sequence[str]) -> int:
    """Start `command` in a session of its own without standard input; return the pid of its parent.

    The program gets a parent of its own because the first process of a namespace
    is spared most signals, and a program that crashes should be seen to crash.
    """
    parent = os.fork()
    if parent == 0:  # pragma: no cover - a child that becomes the program, tested from outside
        try:
            _libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)  # should the keeper itself be killed
            program = os.fork()
            if program != 0:
                os._exit(reap(program))
            become(command)
        finally:
            os._exit(CANNOT_RUN)
    return parent


def become(command: Sequence[str]) -> None:
    """Turn this process into `command`; on failure say why and return."""
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.execv(command[0], list(command))  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"envguard: {command[0]} cannot be started: {error.strerror}\n")
        sys.stderr.flush()


def reap(program: int) -> int:
    """Bury ended children until `program` is one of them, and return its exit code."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == program:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def wait(child: int, leash: int) -> None:
    """Return when `child` has ended or the other end of `leash` is closed."""
    ended = os.pidfd_open(child)
    try:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.register(leash, select.POLLIN)
        poll.poll()
    finally:
        os.close(ended)


def end(child: int) -> int:
    """Kill `child` and every descendant of this process; return how `child` ended."""
    code, until = 0, time.monotonic() + PATIENCE
    kill(child)
    while time.monotonic() < until:
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            break
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
        for descendant in descendants(os.getpid()):
            kill(descendant)
    return code if code >= 0 else 128 - code


def descendants(ancestor: int) -> list[int]:
    """Return the pids of all processes below `ancestor`, as `/proc` shows them now."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - pathlib is not free
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(name))
    found, rest = [], [ancestor]
    while rest:
        below = children.get(rest.pop(), [])
        found += below
        rest += below
    return found


def kill(pid: int) -> None:
    """Kill a process that may be gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def main(command: Sequence[str]) -> int:
    """Run `command` until it ends or standard input closes, and return its exit code."""
    set_apart()
    adopt_orphans()
    child = start(command)
    wait(child, 0)
    return end(child)


if __name__ == "__main__":  # pragma: no cover - tested from outside, as a process
    sys.exit(main(sys.argv[1:]))
