"""Confine a process so that it reads, runs and writes only what it is told to.

A process that calls `confine` keeps its descriptors and its program, and loses
for good every file that is not named, TCP, signals to processes outside, all
capabilities and the way to gain them. Its children inherit all of this, and may
be confined further (at most 16 times):

>>> inside = Confinement(read=system_paths("/usr/share"), write=("/tmp/staging",))
>>> confine(inside)  # doctest: +SKIP

`command` does the same in front of a program, without running code in a forked
child of a process that has threads. What Landlock cannot stop, on any kernel:
`chmod`, `utime` and `setfacl` by the owner of a file, what an inherited
descriptor still reaches, and sockets that are files.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Any

from jupyter_envguard import landlock
from jupyter_envguard.errors import InvalidInput, Unavailable

SYSTEM_PROGRAMS = (
    *("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"),
    *("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/libx32"),
)
"""Programs and libraries that every program of the machine may need."""

SYSTEM_FILES = (
    *("/usr/share", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime"),
    *("/etc/timezone", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/hosts", "/etc/host.conf"),
    *("/etc/protocols", "/etc/services", "/etc/mime.types", "/etc/os-release", "/etc/locale.alias"),
    *("/etc/inputrc", "/etc/terminfo", "/etc/fonts", "/etc/ssl/certs", "/etc/ssl/openssl.cnf"),
    *("/etc/pki/tls/certs", "/etc/pki/tls/openssl.cnf", "/proc/self", "/proc/cpuinfo", "/proc/meminfo"),
    *("/proc/stat", "/proc/filesystems", "/proc/sys/kernel", "/proc/sys/vm", "/sys/devices/system"),
    *("/sys/fs/cgroup", "/dev/zero", "/dev/random", "/dev/urandom"),
)
"""Files without secrets that programs read: no private keys, no configuration of services."""

SYSTEM_SINKS = ("/dev/null", "/dev/full")
"""Devices that programs write to."""

START = (
    "import sys; sys.path.append({root!r}); from jupyter_envguard.landlock import main; "
    "sys.exit(main(sys.argv[1:]))"
)
"""What `command` lets Python run: the module, not its file, which would be compiled anew each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What a confined process may still do; everything is refused unless it is named.

    Paths are absolute and hold no symbolic link in any part (`system_paths` and
    `os.path.realpath` make them so); a folder stands for all that is beneath it.
    `/proc/self` is the process that will be confined.
    """

    read: tuple[str, ...] = ()
    """Files and folders that may be read."""
    execute: tuple[str, ...] = ()
    """Files and folders that may be read and run."""
    write: tuple[str, ...] = ()
    """Files and folders that may be read and changed, and devices that are told what to do (terminals,
    `/dev/nvidia*`); to run programs from there, name them in `execute` too."""
    network: bool = False
    """Whether TCP may be used; refusing it needs Landlock ABI 4."""
    scope: bool = True
    """Whether signals and abstract sockets stay inside; needs Landlock ABI 6."""
    user: tuple[int, int] | None = None
    """Uid and gid to become, without supplementary groups; only root can."""
    keep: tuple[int, ...] | None = None
    """Descriptors above 2 that stay open while all others are closed; None closes none."""
    program: int | None = None
    """Descriptor of the program that `command` starts, in place of the file that bears its name by then;
    a binary, not a script. It has to be kept, and the program does not inherit it."""
    tell: int | None = None
    """Descriptor to which `command` writes why the program did not start; it ends when that does.
    It has to be kept, and the program does not inherit it."""
    limits: tuple[tuple[str, int], ...] = ()
    """Resource limits by their name without `RLIMIT_`, in lower case, such as `("nproc", 512)`."""

    sealed: tuple[str, ...] = ()
    """Folders from which nothing is run or loaded as code: they are mounted once more, `noexec`, `nosuid` and
    `nodev`, for the process alone, and all else is `noexec` but `execute` and `loaded` (`mounts`)."""
    loaded: tuple[str, ...] = ()
    """Folders of libraries, from which code is loaded but nothing run, where there is something `sealed`."""
    hidden: tuple[str, ...] = ()
    """Files and folders that may not be read, whatever `read` says (`hiding`)."""
    shown: tuple[str, ...] = ()
    """Files and folders in there that may be read all the same."""
    later: tuple[str, ...] = ()
    """Files and folders that the program hides itself, once it runs, because it is one of them."""
    must_seal: bool = True
    """Whether a process is not confined at all where it cannot mount; else they stay as they are."""
    refused: tuple[str, ...] = ()
    """System calls to be taken away, of those in `seccomp.PROGRAMS` and `seccomp.MEMORY`."""

    def __post_init__(self) -> None:
        """Refuse what no machine could carry out."""
        places = (self.read, self.execute, self.write, self.sealed, self.loaded, self.hidden, self.later)
        for path in chain.from_iterable(places):
            if not path.startswith("/") or "\0" in path:
                raise _invalid(
                    f"{path!r} is not an absolute path", "Write it from the root of the file system on."
                )
        for name, _ in self.limits:
            if not hasattr(resource, f"RLIMIT_{name.upper()}"):
                raise _invalid(f"{name!r} is not a resource limit", "See the manual page setrlimit(2).")


@dataclass(frozen=True, slots=True)
class Support:
    """What this machine can enforce."""

    abi: int
    """Landlock's ABI, 0 when there is no Landlock."""
    reason: str = ""
    """Why there is no Landlock, empty when there is."""

    @property
    def files(self) -> bool:
        """Whether files can be kept from a process; without it nothing is confined."""
        return self.abi >= landlock.OLDEST_ABI

    @property
    def network(self) -> bool:
        """Whether TCP can be refused."""
        return self.abi >= landlock.NETWORK_ABI

    @property
    def scope(self) -> bool:
        """Whether signals and abstract sockets can be kept inside."""
        return self.abi >= landlock.SCOPE_ABI

    def gaps(self, confinement: Confinement) -> tuple[str, ...]:
        """Return a sentence for each thing that `confinement` wants and this machine cannot enforce."""
        if not self.files:
            return (f"Nothing can be confined: {self.reason or 'Landlock is too old'}.",)
        found = []
        if not confinement.network and not self.network:
            found.append(f"TCP stays open: Landlock ABI {landlock.NETWORK_ABI} is needed")
        if confinement.scope and not self.scope:
            found.append(
                f"Signals and abstract sockets reach out: Landlock ABI {landlock.SCOPE_ABI} is needed"
            )
        return tuple(f"{what} and this kernel has {self.abi}." for what in found)


def available() -> Support:
    """Return what this machine can enforce, by asking its kernel."""
    try:
        return Support(landlock.probe())
    except OSError as error:
        return Support(0, f"the kernel has no Landlock or has it switched off ({error.strerror})")


def confine(confinement: Confinement) -> None:
    """Confine the calling process, which must have one thread, for good.

    Raises `confine-unavailable` when the machine cannot (the process may then be
    confined in part, so end it) and `confine-path` for a path that cannot be named.
    """
    try:
        landlock.apply(_settings(confinement))
    except OSError as error:
        raise _unavailable(error) from error


def command(confinement: Confinement, argv: Sequence[str]) -> list[str]:
    """Return `argv` (whose first part is an absolute path) with the confining in front.

    The process keeps its pid. It exits with 125 and a line on standard error when
    it cannot be confined, and with 126 when the program cannot be started.
    """
    start = START.format(root=str(Path(landlock.__file__).absolute().parent.parent))
    return [sys.executable, "-I", "-S", "-c", start, landlock.pack(_settings(confinement)), *argv]


def system_paths(*paths: str) -> tuple[str, ...]:
    """Return those of `paths` that exist, free of symbolic links and each once."""
    there = (Path(path) for path in paths if Path(path).exists())
    found = (str(path if str(path).startswith("/proc/self") else path.resolve()) for path in there)
    return tuple(dict.fromkeys(found))


def _settings(confinement: Confinement) -> dict[str, Any]:
    return {field.name: getattr(confinement, field.name) for field in fields(confinement)}


def _invalid(what: str, hint: str) -> InvalidInput:
    return InvalidInput("invalid-argument", f"A confinement cannot be made: {what}.", hint)


def _unavailable(error: OSError) -> Unavailable:
    if error.filename:
        return Unavailable(
            "confine-path",
            f"A confined process cannot be allowed {error.filename}: {error.strerror}.",
            "Name an existing path without symbolic links in it.",
        )
    return Unavailable(
        "confine-unavailable",
        f"The process cannot be confined: {error.strerror}.",
        "Landlock is needed (Linux 5.19 or newer, and switched on); `jupyter envguard doctor` tells.",
    )
