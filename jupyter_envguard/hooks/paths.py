"""Paths and files for the guard of imports, by nothing that a cell can replace.

`os.path` is Python, and so is what it calls: whoever put another function in its place would be asked
where a module lies, and would see the guard's own frames. These functions call only what is written
in C. `imports` takes their names over, and runs this code once more for its audit hook.
"""

from __future__ import annotations

from posix import O_CLOEXEC, O_RDONLY, close, getcwd, listdir, lstat, read, readlink, stat
from posix import open as open_file

MAX_LINKS = 40
"""Symbolic links that the system follows in one path."""


def listed(folder: str) -> list[str]:
    """Return the names in a folder, none when it cannot be read."""
    try:
        return listdir(folder)
    except OSError:
        return []


def text_of(path: str, limit: int) -> str:
    """Return the first `limit` bytes of a file as text, nothing when it cannot be read."""
    try:
        handle = open_file(path, O_RDONLY | O_CLOEXEC)
        try:
            return read(handle, limit).decode("utf-8", "replace")
        finally:
            close(handle)
    except OSError:
        return ""


def split_path(path: str) -> tuple[str, str]:
    """Return the folder of `path` and the name in it, as `os.path.split` does."""
    folder, slash, name = path.rpartition("/")
    return folder.rstrip("/") or slash, name


def isfile(path: str) -> bool:
    """Tell whether `path` leads to a regular file."""
    try:
        return stat(path).st_mode & 0o170000 == 0o100000
    except OSError:
        return False


def lexists(path: str) -> bool:
    """Tell whether there is something at `path`, a link that leads nowhere too."""
    try:
        lstat(path)
    except OSError:
        return False
    return True


def abspath(path: str) -> str:
    """Return `path` from the root on, without `.` and `..` in it."""
    parts: list[str] = []
    for part in (path if path[:1] == "/" else f"{getcwd()}/{path}").split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def realpath(path: str) -> str:
    """Return `path` from the root on, its links followed as the system follows them."""
    done, links = "", 0
    rest = (path if path[:1] == "/" else f"{getcwd()}/{path}").split("/")[::-1]
    while rest:
        part = rest.pop()
        if part in ("", "."):
            continue
        if part == "..":
            done = done.rpartition("/")[0]
            continue
        target = _link(f"{done}/{part}") if links < MAX_LINKS else ""
        if target:
            links, done = links + 1, "" if target[:1] == "/" else done
            rest += target.split("/")[::-1]
        else:
            done = f"{done}/{part}"
    return done or "/"


def _link(path: str) -> str:
    try:
        return readlink(path)
    except OSError:
        return ""
