"""Real trouble with disks: a file system of a few kilobytes, and writes that fail when told to."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def tiny_disk(folder: Path, kibibytes: int) -> Iterator[Path]:
    """Mount a file system of so many kibibytes on `folder`; the test is skipped where that is not allowed."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k,mode=755", "envguard-test", str(folder)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


class FailingSync:
    """Stands in for `os.fsync` and fails from the call `first` on, as a full disk does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, first: int) -> None:
        self.calls = 0
        self._first = first
        self._sync = os.fsync
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, handle: int) -> None:
        self.calls += 1
        if self.calls >= self._first:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._sync(handle)


class FailingCalls:
    """Stands in for the calls by which Python changes a file system, and lets one of them fail."""

    NAMES = (
        *("chmod", "fsync", "link", "mkdir", "open", "rename", "replace", "rmdir", "symlink"),
        *("truncate", "unlink", "utime"),
    )

    def __init__(self, monkeypatch: pytest.MonkeyPatch, which: int, number: int) -> None:
        """Let the call `which`, counted from 1, fail with the error `number`; 0 only counts."""
        self.calls = 0
        self._which = which
        self._number = number
        for name in self.NAMES:
            monkeypatch.setattr(os, name, self._instead_of(getattr(os, name)))

    def _instead_of(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if real.__name__ != "open" or (len(arguments) > 1 and arguments[1] & os.O_CREAT):
                self.calls += 1
                if self.calls == self._which:
                    raise OSError(self._number, os.strerror(self._number), str(arguments[0]))
            return real(*arguments, **options)

        return call
