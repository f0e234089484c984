"""The system calls that a locked session does not have, as a filter that its children inherit.

A filter sees the numbers and arguments of calls, never files. So it takes away what
has no file that a wall could judge: programs and libraries in anonymous memory, and
calls by the numbers of another machine (32 bit, x32), of which there are no tables
here. `MEMORY` takes away memory that is written and then run, as `systemd`'s
`MemoryDenyWriteExecute` does, and besides the two ways around that: a personality in
which whatever is read is run, and a debugger, which writes where nobody may. Just-in-time
compilers need it.

The filter is classic BPF, see the manual pages seccomp(2) and bpf(4) and the
kernel's `Documentation/userspace-api/seccomp_filter.rst`.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from jupyter_envguard.syscalls import checked, libc, machine

TYPE_CHECKING = False  # `typing` costs more than everything else here
if TYPE_CHECKING:
    from collections.abc import Iterable

PROGRAMS = ("memfd_create", "memfd_secret", "execveat", "io_uring_setup")
"""Calls that run what has no place in the file system, or that are made past a filter."""

MEMORY = ("mmap", "mprotect", "pkey_mprotect", "shmat", "personality", "ptrace")
"""Calls that make memory which is written and then run."""

NUMBERS = {
    "x86_64": {
        "memfd_create": 319,
        "memfd_secret": 447,
        "execveat": 322,
        "io_uring_setup": 425,
        "mmap": 9,
        "mprotect": 10,
        "pkey_mprotect": 329,
        "shmat": 30,
        "personality": 135,
        "ptrace": 101,
    },
    "aarch64": {
        "memfd_create": 279,
        "memfd_secret": 447,
        "execveat": 281,
        "io_uring_setup": 425,
        "mmap": 222,
        "mprotect": 226,
        "pkey_mprotect": 288,
        "shmat": 196,
        "personality": 92,
        "ptrace": 117,
    },
}
"""Numbers of the calls by machine."""

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""`AUDIT_ARCH_*` by machine, which a filter has to compare before it looks at a number."""

X32 = 0x40000000
"""The bit that marks x32's numbers; they come with the architecture of x86_64."""

_AT_EMPTY_PATH, _PROT_WRITE, _PROT_EXEC, _SHM_EXEC, _READ_IMPLIES_EXEC = 0x1000, 2, 4, 0o100000, 0x400000

WHEN = {
    "execveat": (4, _AT_EMPTY_PATH),
    "mmap": (2, _PROT_WRITE | _PROT_EXEC),
    "mprotect": (2, _PROT_EXEC),
    "pkey_mprotect": (2, _PROT_EXEC),
    "shmat": (2, _SHM_EXEC),
    "personality": (0, _READ_IMPLIES_EXEC),
}
"""Calls that are refused only if all of these bits are set in the argument of this place."""

ABSENT = frozenset({"execveat", "io_uring_setup"})
"""Calls that are answered as an old kernel would, because programs then take another way:
`fexecve` runs `/proc/self/fd/N`, which the wall judges by its file."""

_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_SET_SECCOMP, _FILTER = 22, 2


def program(name: str, refused: Iterable[str]) -> bytes:
    """Return the filter, `struct sock_filter[]`, that refuses the calls `refused` on the machine `name`."""
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, ARCHITECTURES[name]),
        _answer(errno.ENOSYS),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if name == "x86_64":
        code += [(_AT_LEAST, 0, 1, X32), _answer(errno.ENOSYS)]
    for call in refused:
        code += _refusal(NUMBERS[name][call], call)
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def install(refused: Iterable[str]) -> None:
    """Take the calls `refused` away from this process for good; raise `OSError` when that cannot be.

    The process must have given up new privileges.
    """
    name = machine()
    if not name:
        raise OSError(errno.ENOSYS, "the numbers of this machine's system calls are not known")
    code = program(name, refused)
    held = ctypes.create_string_buffer(code, len(code))
    listed = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(held))
    checked(libc.prctl, _SET_SECCOMP, _FILTER, listed, 0, 0)


def _refusal(number: int, call: str) -> list[tuple[int, int, int, int]]:
    """Return the instructions for one call; they come and go with its number loaded."""
    answer = _answer(errno.ENOSYS if call in ABSENT else errno.EPERM)
    if call not in WHEN:
        return [(_EQUAL, 0, 1, number), answer]
    place, bits = WHEN[call]
    return [
        (_EQUAL, 0, 5, number),
        (_LOAD, 0, 0, _ARGUMENTS + 8 * place),  # the lower half, on the little-endian machines that we know
        (_AND, 0, 0, bits),
        (_EQUAL, 0, 1, bits),
        answer,
        (_LOAD, 0, 0, _NUMBER),
    ]


def _answer(number: int) -> tuple[int, int, int, int]:
    return (_RETURN, 0, 0, _REFUSE | number)
