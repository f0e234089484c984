"""The C library's door to the kernel, for the modules that confine a process.

They run before every session and every kernel, where each import is paid again:
ctypes is all that is loaded here.
"""

from __future__ import annotations

import ctypes
import os
import sys

TYPE_CHECKING = False  # `typing` costs more than everything else here
if TYPE_CHECKING:
    from typing import Any

MACHINES = ("x86_64", "aarch64")
"""Machines whose numbers of system calls are known; those after 423 are the same on both."""

libc = ctypes.CDLL(None, use_errno=True)

register = ctypes.c_long
"""An integer as a full register, for what is called many times with the same one."""


def machine() -> str:
    """Return the name of this machine if the numbers of its calls are known, else an empty text."""
    name = os.uname().machine
    return name if sys.platform == "linux" and name in MACHINES else ""


def call(number: int, *arguments: int | bytes) -> int:
    """Make the system call `number`; every integer goes as a full register, or the upper half would be noise.

    Raises `OSError` when the kernel refuses.
    """
    return checked(libc.syscall, number, *arguments)


def checked(function: Any, *arguments: int | bytes | ctypes.c_long | None) -> int:
    """Call a `function` of the C library; raise `OSError` when it says that it failed."""
    result: int = function(*[register(value) if isinstance(value, int) else value for value in arguments])
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
