"""Writes a tree, in a process of its own that can write nowhere else.

The parent reads the pack and streams frames here; this side knows neither packs
nor formats. It runs as a script (`python -I -S writer.py FOLDER`), confined to
the folder, and imports nothing of ours. Should the confinement be missing, the
tree still has no way out: each part of a path is opened by itself, relative to
the folder above it, made by us in this run, and never through a link.

A frame is `FRAME`, the path, and the content or link text. After `SEAL` the
writer answers with one line of JSON: `{}` or what went wrong.
"""

from __future__ import annotations

import json
import os
import struct
import sys

TYPE_CHECKING = False  # `typing` is not needed where this runs
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

FRAME = struct.Struct("!cBIQ")
"""What to make, whether it is executable, bytes of the path, bytes of the content."""

FILE, SYMLINK, HARDLINK, FOLDER, SEAL = b"f", b"l", b"h", b"d", b"s"

CHUNK = 1024 * 1024
"""Bytes of content in memory at a time."""

OPEN_FOLDERS = 128
"""Folders kept open, so that the next file in one of them costs no walk."""

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Tree:
    """A tree that grows under the open folder `root`; every path gets the time `mtime`.

    Refuses, with the `OSError` of the system, to touch anything that it did not
    make itself. Needs a umask of 0.
    """

    def __init__(self, root: int, mtime: int) -> None:
        self._times = (mtime * 10**9, mtime * 10**9)
        self._made = {""}
        self._open = {"": root}

    def file(self, path: str, executable: bool, content: Iterator[bytes]) -> None:
        """Make the file `path` from the chunks of `content`."""
        folder, name = self._place(path)
        handle = os.open(name, _FILE_FLAGS, 0o555 if executable else 0o444, dir_fd=folder)
        try:
            for chunk in content:
                _write(handle, chunk)
            os.utime(handle, ns=self._times)
        finally:
            os.close(handle)

    def symlink(self, path: str, target: str) -> None:
        """Make the symbolic link `path`."""
        folder, name = self._place(path)
        os.symlink(target, name, dir_fd=folder)
        os.utime(name, ns=self._times, dir_fd=folder, follow_symlinks=False)

    def hardlink(self, path: str, target: str) -> None:
        """Make `path` another name of the file `target`."""
        there, known = self._place(target)
        source = os.dup(there)  # placing the other path may close the folder of this one
        try:
            folder, name = self._place(path)
            os.link(known, name, src_dir_fd=source, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            os.close(source)

    def folder(self, path: str) -> None:
        """Make the folder `path` and those above it, unless this tree has them."""
        self._folder(path)

    def seal(self) -> None:
        """Make every folder read-only, the innermost first; the root keeps its mode until it is published."""
        for path in sorted(self._made, reverse=True):
            handle = self._folder(path)
            if path:
                os.fchmod(handle, 0o555)
            os.utime(handle, ns=self._times)

    def close(self) -> None:
        """Close the folders that are open, but not the root."""
        for path in [path for path in self._open if path]:
            os.close(self._open.pop(path))

    def _place(self, path: str) -> tuple[int, str]:
        folder, _, name = path.rpartition("/")
        return self._folder(folder), name

    def _folder(self, path: str) -> int:
        handle = self._open.pop(path, None)
        if handle is None:
            above, name = self._place(path)
            if path not in self._made:
                os.mkdir(name, 0o700, dir_fd=above)
                self._made.add(path)
            handle = os.open(name, _FOLDER_FLAGS, dir_fd=above)
        self._open[path] = handle  # last in, last to be closed
        if len(self._open) > OPEN_FOLDERS:
            self._close_oldest()
        return handle

    def _close_oldest(self) -> None:
        oldest = next(path for path in self._open if path)
        os.close(self._open.pop(oldest))


def serve(source: BinaryIO, tree: Tree) -> dict[str, object]:
    """Carry out the frames from `source` until `SEAL`; return the answer for the parent.

    Raises `EOFError` when the parent goes away before it.
    """
    path = ""
    try:
        while True:
            what, executable, path_bytes, size = FRAME.unpack(_exactly(source, FRAME.size))
            path = _exactly(source, path_bytes).decode()
            if what == SEAL:
                tree.seal()
                return {}
            if what == FILE:
                tree.file(path, bool(executable), _chunks(source, size))
            elif what == FOLDER:
                tree.folder(path)
            else:
                make = tree.symlink if what == SYMLINK else tree.hardlink
                make(path, _exactly(source, size).decode())
    except OSError as error:
        return {"path": path, "errno": error.errno, "strerror": error.strerror}


def _write(handle: int, chunk: bytes) -> None:
    written = os.write(handle, chunk)
    while written < len(chunk):
        written += os.write(handle, memoryview(chunk)[written:])


def _chunks(source: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0:
        chunk = _exactly(source, min(size, CHUNK))
        size -= len(chunk)
        yield chunk


def _exactly(source: BinaryIO, size: int) -> bytes:
    content = source.read(size)
    if len(content) < size:
        raise EOFError("the parent is gone")
    return content


def main(arguments: Sequence[str]) -> int:
    """Serve standard input in the folder and with the time that `arguments` name."""
    root = os.open(arguments[0], _FOLDER_FLAGS)
    with open(sys.stdin.fileno(), "rb", buffering=CHUNK, closefd=False) as source:
        try:
            answer = serve(source, Tree(root, int(arguments[1])))
        except EOFError:
            return 1
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
