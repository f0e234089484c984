"""The programs of the machine that a locked session may run.

A list of files, never of folders: `/usr/bin` holds interpreters and compilers, and a
link in it that leads to a folder (Debian's `/usr/bin/X11` is a link to `.`) would
allow everything in that folder. Every name is followed to a regular file.

This runs before every session in lockdown, so it is standard library without pathlib.
"""
# ruff: noqa: PTH100, PTH112, PTH119, PTH120, PTH208 - pathlib is not free

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDERS = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")
"""Where the usual programs are looked for, the first that has one counts."""

LOADERS = (
    *("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"),
    *("/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1"),
)
"""The dynamic linkers, without which no other program starts. Called by name they load any file that is
not on a sealed mount (`mounts`)."""

LIBRARIES = (
    *("/lib", "/lib32", "/lib64", "/libx32", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32"),
    *("/usr/libexec", "/usr/local/lib", "/usr/local/lib64", "/usr/local/nvidia", "/nix/store", "/gnu/store"),
)
"""Where systems keep libraries, drivers and the modules of their programs."""

LINKED = "/etc/ld.so.conf.d"
"""Folder of files that name more folders of libraries, a line for each (ldconfig(8))."""

USUAL = (
    *("sh", "bash", "dash", "env", "ldconfig", "getent", "locale", "true", "false", "test", "[", "expr"),
    *("cat", "ls", "dir", "cp", "mv", "rm", "ln", "mkdir", "rmdir", "mktemp", "touch", "chmod", "chgrp"),
    *("stat", "file", "du", "df", "find", "xargs", "tee", "sync", "truncate", "readlink", "realpath"),
    *("basename", "dirname", "pwd", "which", "head", "tail", "more", "less", "wc", "sort", "uniq", "cut"),
    *("paste", "join", "comm", "diff", "cmp", "patch", "tr", "split", "fold", "fmt", "nl", "od", "hexdump"),
    *("base64", "md5sum", "sha1sum", "sha256sum", "sha512sum", "cksum", "seq", "shuf", "factor", "printf"),
    *("echo", "date", "cal", "sleep", "timeout", "time", "nohup", "nice", "kill", "pkill", "pgrep", "ps"),
    *("top", "free", "uptime", "nproc", "uname", "hostname", "id", "whoami", "groups", "users", "who"),
    *("tty", "stty", "tput", "clear", "reset", "grep", "egrep", "fgrep", "sed", "awk", "tar", "gzip"),
    *("gunzip", "zcat", "bzip2", "bunzip2", "xz", "unxz", "zstd", "zip", "unzip", "ssh", "scp", "sftp"),
    *("logger", "rsync", "curl", "wget", "nano", "vi", "lscpu", "lsblk", "nvidia-smi"),
)
"""Names of programs that kernels and terminals need: shells, and tools for files, texts, archives and
the network. Interpreters of other languages and compilers are not among them."""

SYSTEM = frozenset({"/", "/usr", "/usr/local", "/opt", "/home", "/root"})
"""Folders that are no environment, whatever program lies in their `bin`."""


def usual() -> list[str]:
    """Return the usual programs of this machine, each a regular file without links in its path."""
    folders = list(dict.fromkeys(map(os.path.realpath, FOLDERS)))
    found = (next(filter(None, (_inside(folder, name) for folder in folders)), "") for name in USUAL)
    return list(dict.fromkeys(filter(None, (*map(_regular, LOADERS), *found))))


def environment(program: str) -> list[str]:
    """Return what belongs to `program`: its file, and the environment in whose `bin` it lies, if any."""
    folder = os.path.dirname(os.path.abspath(program))
    prefix = os.path.realpath(os.path.dirname(folder))
    is_one = os.path.basename(folder) == "bin" and prefix not in SYSTEM
    return list(dict.fromkeys(filter(None, (_regular(program), prefix if is_one else ""))))


def libraries(started: Iterable[str]) -> list[str]:
    """Return the folders from which the programs of the system and those `started` load code, without links.

    `started` are programs, or folders of them. The Python of a virtual environment is
    a link, and its libraries lie where that leads to.
    """
    folders = (
        real if os.path.isdir(real) else os.path.dirname(real) for real in map(os.path.realpath, started)
    )
    prefixes = [os.path.dirname(folder) for folder in folders if os.path.basename(folder) == "bin"]
    own = (f"{prefix}/{name}" for prefix in prefixes for name in ("lib", "lib64"))
    found = dict.fromkeys(map(os.path.realpath, (*LIBRARIES, *_linked(), *own)))
    return [path for path in found if path not in SYSTEM and os.path.isdir(path)]


def _linked() -> list[str]:
    found: list[str] = []
    for name in sorted(os.listdir(LINKED)) if os.path.isdir(LINKED) else ():
        try:
            with open(f"{LINKED}/{name}") as file:
                found += filter(os.path.isabs, map(str.strip, file))
        except (OSError, UnicodeDecodeError):  # nobody is kept from working by a list that cannot be read
            continue
    return found


def named(wanted: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return what an admin named, free of links, and a sentence for each that is a danger.

    A program may be named by a link; a folder, which stands for all that is beneath
    it, only by its own path. What is not there is passed over.
    """
    found, dangers = [], []
    for path in wanted:
        real = os.path.realpath(path)
        if not os.path.isdir(real):
            found.append(_regular(path))
        elif real == os.path.abspath(path):
            found.append(real)
        else:
            dangers.append(f"{path} is a link to the folder {real}")
    return list(dict.fromkeys(filter(None, found))), dangers


def _regular(path: str) -> str:
    """Return the regular file that `path` leads to, or an empty text."""
    real = os.path.realpath(path)
    try:
        return real if stat.S_ISREG(os.lstat(real).st_mode) else ""
    except OSError:
        return ""


def _inside(folder: str, name: str) -> str:
    """Return the regular file that `name` leads to in `folder`, itself free of links, or an empty text."""
    path = f"{folder}/{name}"
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return ""
    return path if stat.S_ISREG(mode) else _regular(path)
