"""The filter is run as the kernel would, on every call and machine; then the kernel runs it."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard import seccomp, syscalls
from tests.children import in_child

ALLOWED = 0x7FFF0000
ALL = (*seccomp.PROGRAMS, *seccomp.MEMORY)
MACHINES = st.sampled_from(sorted(seccomp.NUMBERS))
WORDS = st.integers(0, 2**32 - 1)


def answer(code: bytes, architecture: int, number: int, arguments: tuple[int, ...] = (0,) * 6) -> int:
    """Return what the filter says about a call, by the rules of bpf(4)."""
    seen = struct.pack("=IIQ6Q", number, architecture, 0, *arguments)
    at, held = 0, 0
    while True:
        operation, true, false, value = struct.unpack_from("=HBBI", code, at * 8)
        at += 1
        if operation == 0x20:
            (held,) = struct.unpack_from("=I", seen, value)
        elif operation == 0x54:
            held &= value
        elif operation == 0x15:
            at += true if held == value else false
        elif operation == 0x35:
            at += true if held >= value else false
        else:
            assert operation == 0x06
            return value


def refused(number: int) -> int:
    return 0x00050000 | number


@given(machine=MACHINES, number=st.integers(0, 600), arguments=st.tuples(*[WORDS] * 6))
def test_calls_that_are_not_named_are_allowed(machine: str, number: int, arguments: tuple[int, ...]) -> None:
    code = seccomp.program(machine, ALL)
    found = answer(code, seccomp.ARCHITECTURES[machine], number, arguments)
    if number not in seccomp.NUMBERS[machine].values():
        assert found == ALLOWED


@given(machine=MACHINES, number=WORDS, architecture=WORDS)
def test_calls_by_the_tables_of_another_machine_do_not_exist(
    machine: str, number: int, architecture: int
) -> None:
    code = seccomp.program(machine, ())
    if architecture != seccomp.ARCHITECTURES[machine]:
        assert answer(code, architecture, number) == refused(errno.ENOSYS)


@given(number=st.integers(seccomp.X32, 2**32 - 1))
def test_calls_of_x32_do_not_exist(number: int) -> None:
    code = seccomp.program("x86_64", ())
    assert answer(code, seccomp.ARCHITECTURES["x86_64"], number) == refused(errno.ENOSYS)


@pytest.mark.parametrize("machine", sorted(seccomp.NUMBERS))
@pytest.mark.parametrize(
    ("call", "argument", "refusal"),
    [
        ("memfd_create", (), errno.EPERM),
        ("memfd_secret", (), errno.EPERM),
        ("io_uring_setup", (), errno.ENOSYS),
        ("execveat", (0, 0, 0, 0, 0x1000), errno.ENOSYS),
        ("execveat", (0, 0, 0, 0, 0x100), 0),
        ("mmap", (0, 0, 6), errno.EPERM),
        ("mmap", (0, 0, 7), errno.EPERM),
        ("mmap", (0, 0, 5), 0),
        ("mmap", (0, 0, 3), 0),
        ("mmap", (6, 6, 0, 6, 6, 6), 0),
        ("mprotect", (0, 0, 4), errno.EPERM),
        ("mprotect", (0, 0, 3), 0),
        ("pkey_mprotect", (0, 0, 5), errno.EPERM),
        ("shmat", (0, 0, 0o100000), errno.EPERM),
        ("shmat", (0, 0, 0o10000), 0),
        ("personality", (0x400000,), errno.EPERM),
        ("personality", (0x40000,), 0),
        ("ptrace", (), errno.EPERM),
    ],
)
def test_what_is_refused_and_how(machine: str, call: str, argument: tuple[int, ...], refusal: int) -> None:
    code = seccomp.program(machine, ALL)
    number = seccomp.NUMBERS[machine][call]
    arguments = argument + (0,) * (6 - len(argument))
    found = answer(code, seccomp.ARCHITECTURES[machine], number, arguments)
    assert found == (refused(refusal) if refusal else ALLOWED)


def confined(names: tuple[str, ...]) -> None:
    syscalls.checked(syscalls.libc.prctl, 38, 1, 0, 0, 0)
    seccomp.install(names)


def memory(protection: int) -> str:
    try:
        mmap.mmap(-1, 4096, prot=protection).close()
    except PermissionError:
        return "refused"
    return "made"


def made_to_run_later() -> int:
    held = mmap.mmap(-1, 4096)
    place = ctypes.addressof(ctypes.c_char.from_buffer(held))
    libc = ctypes.CDLL(None, use_errno=True)
    return 0 if libc.mprotect(ctypes.c_void_p(place), 4096, 5) == 0 else ctypes.get_errno()


def test_programs_have_no_place_in_memory_any_more() -> None:
    def act(_: int) -> list[object]:
        confined(seccomp.PROGRAMS)
        with pytest.raises(PermissionError):
            os.memfd_create("x")
        return [memory(7), made_to_run_later(), os.spawnl(os.P_WAIT, "/bin/true", "true")]

    assert in_child(act) == ["made", 0, 0]


def test_memory_that_was_written_does_not_run_any_more() -> None:
    def act(_: int) -> list[object]:
        confined(seccomp.MEMORY)
        return [memory(7), memory(3), made_to_run_later(), os.spawnl(os.P_WAIT, "/bin/true", "true")]

    assert in_child(act) == ["refused", "made", errno.EPERM, 0]


def test_no_personality_runs_what_is_only_read() -> None:
    def act(_: int) -> list[object]:
        libc = ctypes.CDLL(None, use_errno=True)
        before = libc.personality(0x400000)
        confined(seccomp.MEMORY)
        libc.personality(0)
        return [before, libc.personality(0x400000), ctypes.get_errno()]

    assert in_child(act) == [0, -1, errno.EPERM]


def test_no_debugger_writes_where_nobody_may() -> None:
    def act(_: int) -> list[int]:
        confined(seccomp.MEMORY)
        libc = ctypes.CDLL(None, use_errno=True)
        return [libc.ptrace(0, 0, 0, 0), ctypes.get_errno()]

    assert in_child(act) == [-1, errno.EPERM]


def test_a_program_that_is_open_still_starts() -> None:
    """`fexecve` takes its other way, by `/proc/self/fd`, because `execveat` answers as an old kernel does."""

    def act(_: int) -> int:
        confined(seccomp.PROGRAMS)
        program = os.open("/bin/true", os.O_RDONLY)
        child = os.fork()
        if child == 0:
            try:
                os.execve(program, ["true"], {})
            finally:
                os._exit(9)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert in_child(act) == 0


def test_a_machine_whose_numbers_are_not_known_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syscalls, "MACHINES", ())
    with pytest.raises(OSError, match="are not known"):
        seccomp.install(seccomp.PROGRAMS)
