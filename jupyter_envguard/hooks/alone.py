"""Lets a kernel start no second Python, once it runs itself.

The wall prepares a set of rules by which the interpreter and all others can no longer be read, and hands
it over by its number (`jupyter_envguard.hiding`). Here it is put into force, before anything of the
environment is imported. What cannot be read is not run, whatever its switches, variables or links, nor
copied, nor loaded by the dynamic linker.

Whoever starts a Python is told so in one sentence, because a pool of processes that end at once would
start new ones for ever.
"""

from __future__ import annotations

import os

HEAD_BYTES = 512
"""How much of a script is read to know its interpreter."""
LONG = "'''exec' "
"""How the second line of a script begins whose interpreter has too long a path for the first."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LATER = "ENVGUARD_HIDING"
"""Names the variable with the number of the rules; `hiding.LATER` is the same."""
RESTRICT_SELF = 446
"""The system call landlock_restrict_self(2), which has this number on every machine."""
NAMES = ("python", "pypy")
"""How the names of interpreters begin, in which somebody is told what a permission error would not say."""
SENTENCE = (
    "envguard: starting another Python is turned off for approved environments; "
    "run scripts with %run, and use threads, or processes that fork"
)
"""What whoever starts one reads."""


def install(number: str) -> None:
    """Put the rules of this `number` into force; raise `OSError` when that cannot be."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(RESTRICT_SELF), ctypes.c_long(int(number)), ctypes.c_long(0)) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"the interpreter cannot be hidden: {os.strerror(error)}")
    os.close(int(number))
    os.environ.pop(LATER, None)
    _tell()


def _tell() -> None:
    """Answer in a sentence where `subprocess` and `multiprocessing` start programs."""
    import _posixsubprocess as starter

    start: Any = starter.fork_exec

    def fork_exec(words: Any, programs: Any, *more: Any) -> Any:
        if any(map(is_hidden, programs)):
            raise PermissionError(SENTENCE)
        return start(words, programs, *more)

    starter.fork_exec = fork_exec


def is_hidden(program: str | bytes) -> bool:
    """Tell whether `program` leads to an interpreter of Python that this process may run, but not read."""
    real = os.path.realpath(os.fsdecode(program))
    if not os.path.basename(real).startswith(NAMES) or not os.access(real, os.R_OK | os.X_OK):
        return False
    try:
        os.close(os.open(real, os.O_RDONLY | os.O_CLOEXEC))
    except PermissionError:
        return True
    return False


def leads_to_hidden(program: str) -> bool:
    """Tell whether `program`, looked for on `PATH`, is such an interpreter or a script for one."""
    import shutil

    path = shutil.which(program)
    if path is None or is_hidden(path):
        return path is not None
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    lines = head.decode(errors="replace").splitlines()
    first = lines[0].removeprefix("#!") if head.startswith(b"#!") else ""
    longer = lines[1] if first and len(lines) > 1 and lines[1].startswith(LONG) else ""
    words = [word.strip("\"'") for word in (*first.split(), *longer.split())]
    return any(is_hidden(shutil.which(word) or word) for word in words)
