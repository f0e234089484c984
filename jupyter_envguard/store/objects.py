"""Contents of files by their hash, of which every image that has them holds a link.

`.objects/ab/<sha256>` is read-only, `<sha256>.x` the same content to be executed: a
link shares the mode of what it links to. The file system counts the links, so an
object with one link is in no image. Tiny files are not shared: an environment has
hundreds that are empty or say `conda`, and a file has room for 65,000 links (ext4).
Where that room is used up, or where a file system has no links, an image has a copy of
its own. Other small files are shared: they are a fifth of an environment, and most of
what its next release would have to make anew.

An object gets its name only after its bytes are on the disk, so a power cut leaves
no name with other bytes behind it. Taking objects away needs the lock alone that
everybody who adds some shares.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from jupyter_envguard.files import locked
from jupyter_envguard.image import Line, Owner
from jupyter_envguard.image.manifest import PERMISSIONS
from jupyter_envguard.store.folders import give, is_folder, listed, make_folder, opened
from jupyter_envguard.store.landing import NO_LINKS, Ground, Seat
from jupyter_envguard.store.layout import Layout

SHARED_BYTES = 32
"""Size from which on a file is shared."""

LOCK = "objects"


@dataclass(frozen=True, slots=True)
class Sharing:
    """What became of the files of a tree."""

    new: int
    """Files that are objects now."""
    shared: int
    """Files that are links to objects that were there."""
    bytes_shared: int
    """What those would have taken."""


class Objects:
    """The objects of the store that `layout` describes, made for `owner` or else this user."""

    def __init__(self, layout: Layout, owner: Owner | None = None) -> None:
        self._folder = layout.objects
        self._root = str(layout.objects)
        self._quarantine = layout.quarantine
        self._lock = layout.locks / LOCK
        self._owner = owner
        self._uid = owner[0] if owner else os.geteuid()

    def prepare(self) -> None:
        """Make the lock of the objects, so that it belongs to the owner of the store whoever runs us."""
        if not self._lock.exists():
            with locked(self._lock, 0, shared=True):
                give(self._lock, self._owner)

    def path(self, line: Line) -> Path:
        """Return where the content of `line` lies or would lie."""
        return Path(self.place(line))

    def place(self, line: Line) -> str:
        """Return `path` as text, for the loops over every file."""
        return f"{self._root}/{self.below(line)}"

    def below(self, line: Line) -> str:
        """Return where the content of `line` lies below the folder of the objects."""
        return f"{line.content[:2]}/{line.content}{'.x' if line.mode == 'x' else ''}"

    def adding(self, seconds: float) -> AbstractContextManager[None]:
        """Keep objects from being taken away, together with others, for the duration of a `with` block."""
        return locked(self._lock, seconds, shared=True)

    def has(self, line: Line, mtime: int) -> bool:
        """Tell whether there is an object for `line` that looks as when it was made."""
        try:
            there = os.lstat(self.place(line))
        except FileNotFoundError:
            return False
        return self._is_sealed(there, line, mtime)

    def adopt(self, tree: Path, lines: Iterable[Line], mtime: int) -> Sharing:
        """Make objects of the files of `tree` that `lines` are about, or links of those that are objects.

        They are sealed and on the disk, and nobody uses the tree. An object that does
        not look as when it was made goes to the quarantine. Where there is no room for
        links, files stay what they are.
        """
        new = shared = saved = 0
        known: defaultdict[str, list[Line]] = defaultdict(list)
        with opened(tree) as folder, opened(self._root) as root:
            for line in _shareable(lines):
                answer = self._adopt(line, folder, root)
                new += answer is True
                if answer is False:
                    known[line.path.rpartition("/")[0]].append(line)
            for below, lines in known.items():
                with _writable(tree / below, mtime):
                    for line in lines:
                        if self._link_again(line, folder, root, mtime):
                            shared, saved = shared + 1, saved + line.size
        return Sharing(new, shared, saved)

    def keep(self, line: Line, file: str) -> None:
        """Make `file`, which is sealed, on the disk and has the content of `line`, an object."""
        place = self.place(line)
        try:
            os.rename(file, place)  # noqa: PTH104 - thousands of them
        except FileNotFoundError:
            make_folder(Path(place).parent, 0o755, self._owner)
            os.rename(file, place)  # noqa: PTH104

    def absent(self, lines: Iterable[Line], mtime: int) -> list[Line]:
        """Return those of `lines` without an object; one that does not look as when it was made is none."""
        names, sealed, absent = self._names(), dict[str, bool](), list[Line]()
        with opened(self._root) as root:
            for line in lines:
                name = self.below(line)
                if name in names and name not in sealed:
                    there = os.stat(name, dir_fd=root, follow_symlinks=False)
                    sealed[name] = self._is_sealed(there, line, mtime)
                if not sealed.get(name):
                    absent.append(line)
        return absent

    def changed(self, lines: Iterable[Line], mtime: int) -> Iterator[Line]:
        """Yield those of `lines` whose object is gone or does not look as when it was made."""
        with opened(self._root) as root:
            for line in _shareable(lines):
                try:
                    there = os.stat(self.below(line), dir_fd=root, follow_symlinks=False)
                except FileNotFoundError:
                    yield line
                    continue
                if not self._is_sealed(there, line, mtime):
                    yield line

    def bring(self, lines: Iterable[Line], ground: Ground) -> None:
        """Put links to the objects of `lines` into the tree on `ground`, or copies where there can be none.

        No content is read for a link: the store vouches for it.
        """
        with opened(self._root) as root:
            for line in lines:
                source = self.below(line)
                if not ground.link(source, line.path, root):
                    ground.copy(source, seat_in_tree(line), root)

    def unused(self, needed: Collection[str] = ()) -> Iterator[Path]:
        """Yield the objects that no image links to, but none of `needed`: paths below their folder."""
        for path, there in self.all():
            if there.st_nlink == 1 and f"{path.parent.name}/{path.name}" not in needed:
                yield path

    def all(self) -> Iterator[tuple[Path, os.stat_result]]:
        """Yield every object with its state."""
        for folder in listed(self._folder):
            for path in listed(folder):
                yield path, path.lstat()

    def set_aside(self, path: Path) -> Path:
        """Move the object `path` to the quarantine, and return where it is now."""
        aside = self._quarantine / f"{path.name}.{secrets.token_hex(8)}"
        path.rename(aside)
        return aside

    def collecting(self) -> AbstractContextManager[None]:
        """Keep others from adding objects for the duration of a `with` block; raise `locked` if some do."""
        return locked(self._lock, 0)

    def _names(self) -> set[str]:
        """Return the name of every object."""
        return {
            f"{folder}/{name}"
            for folder in os.listdir(self._root)  # noqa: PTH208 - thousands of names
            for name in os.listdir(f"{self._root}/{folder}")  # noqa: PTH208
        }

    def _is_sealed(self, there: os.stat_result, line: Line, mtime: int) -> bool:
        return (
            there.st_mode == stat.S_IFREG | PERMISSIONS[line.mode]
            and there.st_uid == self._uid
            and there.st_size == line.size
            and there.st_mtime_ns == mtime * 10**9
        )

    def _adopt(self, line: Line, tree: int, root: int) -> bool | None:
        """Return whether the file of `line` is an object now; None when there can be no link to it.

        It lies in the open folder `tree`, and `root` is that of the objects.
        """
        place = self.below(line)
        for _ in range(2):
            try:
                os.link(line.path, place, src_dir_fd=tree, dst_dir_fd=root, follow_symlinks=False)
            except FileExistsError:
                return False
            except FileNotFoundError:
                folder = self._folder / line.content[:2]
                if is_folder(folder):
                    raise
                make_folder(folder, 0o755, self._owner)
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
                return None
            else:
                return True
        return None

    def _link_again(self, line: Line, tree: int, root: int, mtime: int) -> bool:
        """Put a link to the object in the place of a file of `tree`; return whether that went well."""
        place = self.below(line)
        there = os.stat(place, dir_fd=root, follow_symlinks=False)
        if os.path.samestat(there, os.stat(line.path, dir_fd=tree, follow_symlinks=False)):
            return True
        if not self._is_sealed(there, line, mtime):
            self.set_aside(self.path(line))
            self._adopt(line, tree, root)
            return False
        spare = line.path[: line.path.rfind("/") + 1] + ".shared"
        try:
            os.link(place, spare, src_dir_fd=root, dst_dir_fd=tree, follow_symlinks=False)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            return False
        os.rename(spare, line.path, src_dir_fd=tree, dst_dir_fd=tree)
        return True


def seat_in_tree(line: Line) -> Seat:
    """Return where the file of `line` belongs in the tree of its image, and what it has to be."""
    return Seat(line.path, PERMISSIONS[line.mode], line.size, line.content)


def hash_of(path: Path) -> str:
    """Return the bare hex SHA-256 of the file `path`, which is not followed if it is a link."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_shared(line: Line) -> bool:
    """Tell whether the file `line` is large enough to be an object."""
    return line.size >= SHARED_BYTES


def _shareable(lines: Iterable[Line]) -> Iterator[Line]:
    return (line for line in lines if line.kind == "f" and is_shared(line))


@contextlib.contextmanager
def _writable(folder: Path, mtime: int) -> Iterator[None]:
    """Let the owner change the sealed `folder` for the duration of a `with` block."""
    before = stat.S_IMODE(folder.lstat().st_mode)
    folder.chmod(0o700)
    try:
        yield
    finally:
        os.utime(folder, (mtime, mtime))
        folder.chmod(before)
