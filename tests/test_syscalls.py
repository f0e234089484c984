from __future__ import annotations

import errno
import os

import pytest

from jupyter_envguard import syscalls


def test_a_refusal_of_the_kernel_is_an_error_with_its_number() -> None:
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        syscalls.checked(syscalls.libc.close, -1)
    assert caught.value.errno == errno.EBADF


def test_a_call_is_made_by_its_number() -> None:
    number = {"x86_64": 39, "aarch64": 172}[syscalls.machine()]
    assert syscalls.call(number) == os.getpid()


def test_a_machine_whose_numbers_are_not_known_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syscalls, "MACHINES", ())
    assert syscalls.machine() == ""
