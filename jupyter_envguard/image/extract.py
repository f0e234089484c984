"""The parent's end of the writer: a tree that another, confined process makes.

>>> with Extraction(staging, mtime=0, owner=None) as tree:  # doctest: +SKIP
...     tree.file("bin/hello", True, b"#!/bin/sh\\necho hello\\n")
...     tree.seal()

Nothing in the staging folder is worth anything before `seal` has returned.
"""

from __future__ import annotations

import errno
import json
from pathlib import Path
from types import TracebackType
from typing import Self

from jupyter_envguard.errors import EnvGuardError, PackRefused, Unavailable
from jupyter_envguard.files import explain
from jupyter_envguard.image import writer
from jupyter_envguard.image.children import Child, Owner

_TOUCHED = (errno.EEXIST, errno.ELOOP, errno.ENOTDIR, errno.ENOENT)
"""What the system answers when a path leads over something that the writer did not make."""


class Extraction:
    """A tree in the making below the empty folder `staging`, owned by `owner` or else this user.

    Every method may raise: `image-member-refused` for a path that is not the
    writer's to make, `disk-full` and its kin, `image-unpack-failed` when the
    process is gone. Leaving the `with` block before `seal` abandons the tree.
    """

    def __init__(self, staging: Path, *, mtime: int, owner: Owner | None) -> None:
        self._staging = staging
        folder = str(staging)
        self._child = Child(writer.__file__, folder, str(mtime), write=(folder,), owner=owner)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._child.end()

    def start_file(self, path: str, executable: bool, size: int) -> None:
        """Begin the file `path`; `write` must follow until `size` bytes are written."""
        self._send(writer.FILE, path, executable, size)

    def write(self, chunk: bytes) -> None:
        """Add `chunk` to the file that was begun."""
        try:
            self._child.input.write(chunk)
        except BrokenPipeError:
            raise self._failure() from None

    def file(self, path: str, executable: bool, content: bytes) -> None:
        """Make the file `path` with `content`."""
        self.start_file(path, executable, len(content))
        self.write(content)

    def symlink(self, path: str, target: str) -> None:
        """Make the symbolic link `path`."""
        self._send(writer.SYMLINK, path, False, len(target.encode()))
        self.write(target.encode())

    def hardlink(self, path: str, target: str) -> None:
        """Make `path` another name of the file `target`, which was made before."""
        self._send(writer.HARDLINK, path, False, len(target.encode()))
        self.write(target.encode())

    def folder(self, path: str) -> None:
        """Make the folder `path`."""
        self._send(writer.FOLDER, path)

    def seal(self) -> None:
        """Make every folder read-only and wait until all is written (but not yet on the disk)."""
        self._send(writer.SEAL, "")
        if failure := self._answer():
            raise failure

    def _send(self, what: bytes, path: str, executable: bool = False, size: int = 0) -> None:
        raw = path.encode()
        self.write(writer.FRAME.pack(what, executable, len(raw), size) + raw)

    def _failure(self) -> EnvGuardError:
        return self._answer() or self._gone("it stopped reading")

    def _answer(self) -> EnvGuardError | None:
        self._child.finish()
        try:
            answer = json.loads(self._child.output.read())
        except ValueError:
            return self._gone(self._child.errors.read().decode(errors="replace").strip())
        return self._explained(answer["path"], answer["errno"], answer["strerror"]) if answer else None

    def _explained(self, path: str, number: int, why: str) -> EnvGuardError:
        if number in _TOUCHED:
            return PackRefused(
                "image-member-refused",
                f"{path} of the pack cannot be written: {why}.",
                "The pack names a path twice, or somebody else writes in the store.",
            )
        return explain(OSError(number, why), f"write {path} below {self._staging}")

    def _gone(self, why: str) -> EnvGuardError:
        return Unavailable(
            "image-unpack-failed",
            f"The process that writes the environment ended early: {why or 'it gave no reason'}.",
            "Try again; look for a lack of memory, and run jupyter envguard doctor.",
        )
