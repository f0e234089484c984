"""Contents on their way into a tree in the making: verified while they are written.

Runs in this process and, for large deliveries, in others that have nothing but the
standard library, so it imports nothing of ours.
"""

from __future__ import annotations

import errno
import hashlib
import os

TYPE_CHECKING = False  # `typing` is not needed where this runs
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Owner = tuple[int, int]
"""Uid and gid."""

NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


CHUNK = 1024 * 1024
"""Bytes copied at a time."""

NO_LINKS = frozenset({errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP, errno.EXDEV, errno.ENOSYS})
"""What systems say where no (more) link can be made."""


class WrongContentError(Exception):
    """As many bytes came, and they are not the content with this hash."""

    def __init__(self, sha256: str, came: int) -> None:
        super().__init__(sha256, came)
        self.sha256, self.came = sha256, came


class Seat:
    """Where one content belongs in a tree, and what it has to be."""

    __slots__ = ("path", "permissions", "sha256", "size")

    def __init__(self, path: str, permissions: int, size: int, sha256: str) -> None:
        self.path, self.permissions, self.size, self.sha256 = path, permissions, size, sha256

    def as_row(self) -> tuple[str, int, int, str]:
        """Return what makes it again."""
        return self.path, self.permissions, self.size, self.sha256


class Ground:
    """The folder `tree`, in which nobody else works, to be filled with sealed files.

    Their time is `mtime`, their owner `owner` or else this user. The folders are
    there, and nothing in the tree is a symbolic link yet, so no path leads out.
    In a process without a `umask`, files are made with the mode that they are to have.
    """

    def __init__(self, tree: str, mtime: int, owner: Owner | None = None, *, has_umask: bool = True) -> None:
        self.tree, self.mtime, self.owner = tree, mtime, owner
        self._has_umask = has_umask
        self._folder = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._folder)

    def write(self, seat: Seat, chunks: Iterable[bytes | memoryview]) -> None:
        """Write the file of `seat`; raise `WrongContentError` when `chunks` are something else.

        Reads no more than one chunk beyond the size. What stands there is replaced.
        """
        digest, size = hashlib.sha256(), 0
        handle = self._new(seat.path, 0o600 if self._has_umask else seat.permissions)
        try:
            for chunk in chunks:
                size += len(chunk)
                if size > seat.size:
                    break
                digest.update(chunk)
                _write(handle, chunk)
            if size != seat.size or digest.hexdigest() != seat.sha256:
                raise WrongContentError(seat.sha256, size)
            if self.owner:
                os.chown(handle, *self.owner)
            if self._has_umask:
                os.chmod(handle, seat.permissions)
            os.utime(handle, (self.mtime, self.mtime))
        finally:
            os.close(handle)

    def _new(self, path: str, mode: int) -> int:
        try:
            return os.open(path, NEW, mode, dir_fd=self._folder)
        except FileExistsError:
            os.unlink(path, dir_fd=self._folder)
            return os.open(path, NEW, mode, dir_fd=self._folder)

    def folder(self, path: str) -> None:
        """Make the folder `path`, which can still be written to."""
        os.mkdir(path, 0o700, dir_fd=self._folder)
        if self.owner:
            os.chown(path, *self.owner, dir_fd=self._folder)

    def symlink(self, path: str, target: str) -> None:
        """Make the symbolic link `path`; only when all files are there."""
        os.symlink(target, path, dir_fd=self._folder)
        if self.owner:
            os.chown(path, *self.owner, dir_fd=self._folder, follow_symlinks=False)
        os.utime(path, (self.mtime, self.mtime), dir_fd=self._folder, follow_symlinks=False)

    def link_or_copy(self, source: str, seat: Seat, root: int | None = None) -> None:
        """Make the file of `seat` a link to `source`, or a copy where there can be no link.

        `source` is in the tree, or in the folder `root`.
        """
        if not self.link(source, seat.path, root):
            self.copy(source, seat, root)

    def link(self, source: str, path: str, root: int | None = None) -> bool:
        """Make `path` a link to `source`, as `link_or_copy` does; return whether there can be one."""
        where = self._folder if root is None else root
        try:
            os.link(source, path, src_dir_fd=where, dst_dir_fd=self._folder, follow_symlinks=False)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            return False
        return True

    def copy(self, source: str, seat: Seat, root: int | None = None) -> None:
        """Write the file of `seat` with the content of `source`."""
        where = self._folder if root is None else root
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=where)
        try:
            self.write(seat, _chunks(handle))
        finally:
            os.close(handle)

    def seal(self, path: str) -> None:
        """Give the folder `path`, in which all is done, its time and let nobody write to it."""
        os.utime(path, (self.mtime, self.mtime), dir_fd=self._folder)
        os.chmod(path, 0o555, dir_fd=self._folder)  # noqa: S103 - users read it, nobody writes


def _write(handle: int, chunk: bytes | memoryview) -> None:
    written = os.write(handle, chunk)
    while written < len(chunk):  # a disk that is full takes a part before it says so
        written += os.write(handle, memoryview(chunk)[written:])


def _chunks(handle: int) -> Iterator[bytes]:
    while chunk := os.read(handle, CHUNK):
        yield chunk
