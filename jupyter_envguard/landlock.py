"""The system calls that confine a process for good: Landlock, no_new_privs, capabilities.

`confine` is the face of this module for the rest of the package. Its `main` also
runs in front of a kernel (`confine.command` starts it), where every import is paid
again at every start: no dataclasses, no json, and nothing of ours but system calls.
What fails is an `OSError` with a sentence; one that blames a path carries it as `filename`.

The order in `apply` matters: nothing is mounted behind a wall, so mounts come first; paths
are opened while the process still may, then the user changes, then capabilities go, the
ruleset closes the door, and the filter takes away what needs no door.
"""

from __future__ import annotations

import errno
import marshal
import os
import struct
import sys

from jupyter_envguard import rulesets
from jupyter_envguard.rulesets import CHANGE, IOCTL_DEV, READ, REFER, RUN, TRUNCATE
from jupyter_envguard.syscalls import call, checked, libc, machine

TYPE_CHECKING = False  # `typing` costs more than everything else here
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

OLDEST_ABI = 2
"""Below it every rename or link between two folders is refused, which breaks programs."""
NETWORK_ABI = 4
"""From it on TCP can be refused."""
SCOPE_ABI = 6
"""From it on signals and abstract sockets can be kept inside."""

BIND_TCP, CONNECT_TCP = 1, 2
SCOPE_ABSTRACT_SOCKETS, SCOPE_SIGNALS = 1, 2

CANNOT_CONFINE, CANNOT_RUN = 125, 126
"""Exit codes of `main`, as `env` and `nohup` use them."""

# The same numbers on x86_64 and aarch64, where all newer calls are shared.
_CLOSE_RANGE, _CREATE_RULESET, _CREATE_RULESET_VERSION = 436, 444, 1
_SET_NO_NEW_PRIVS, _CAPBSET_DROP, _CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL = 38, 24, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_HIGHEST_DESCRIPTOR = 2**32 - 1
_SIGPIPE, _SIGXFSZ = 13, 25


def probe() -> int:
    """Return the Landlock ABI of this kernel; raise `OSError` when it has none or has it switched off."""
    if not machine():
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    return call(_CREATE_RULESET, 0, 0, _CREATE_RULESET_VERSION)


def handled_rights(abi: int) -> int:
    """Return every file right that a kernel of `abi` knows; it refuses a ruleset that names others."""
    newest = TRUNCATE if abi < 5 else IOCTL_DEV
    newest = REFER if abi < 3 else newest
    return (newest << 1) - 1


def ruleset(abi: int, network: bool, scope: bool) -> bytes:
    """Return `struct landlock_ruleset_attr` in the size that `abi` knows: 8, 16 or 24 bytes."""
    tcp = 0 if network else BIND_TCP | CONNECT_TCP
    inside = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS if scope else 0
    whole = struct.pack("=QQQ", handled_rights(abi), tcp, inside)
    size = 8 if abi < NETWORK_ABI else 16
    return whole[: size if abi < SCOPE_ABI else 24]


def prepare(settings: Mapping[str, Any]) -> int:
    """Return the descriptor of a ruleset that allows what `settings` names."""
    abi = probe()
    if abi < OLDEST_ABI:
        raise OSError(errno.ENOSYS, f"Landlock ABI {abi} is too old, {OLDEST_ABI} is needed")
    rules = rulesets.create(ruleset(abi, settings["network"], settings["scope"]))
    named, known = _named(settings), handled_rights(abi)
    seen = _seen(named, settings)
    rulesets.add(rules, {path: rights & known for path, rights in seen.items()}, named)
    return rules


def _named(settings: Mapping[str, Any]) -> dict[str, int]:
    """Return the rights that `settings` give, by path."""
    found: dict[str, int] = {}
    for name, rights in (("read", READ), ("execute", RUN), ("write", CHANGE)):
        for path in map(_as_numbered, settings[name]):
            found[path] = found.get(path, 0) | rights
    return found


def _as_numbered(path: str) -> str:
    """Return `path` with the process by its number, as this /proc counts, where that is called `self`."""
    if path == "/proc/self" or path.startswith("/proc/self/"):
        return f"/proc/{os.readlink('/proc/self')}{path[10:]}"  # noqa: PTH115 - pathlib is not free
    return path


def _seen(named: Mapping[str, int], settings: Mapping[str, Any]) -> Mapping[str, int]:
    if not settings["hidden"]:
        return named
    from jupyter_envguard import hiding  # kernels and terminals in lockdown do

    return hiding.without(named, settings["hidden"], settings["shown"])


def require_single_thread() -> None:
    """Refuse when other threads exist: they would stay as free as before."""
    try:
        count = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - pathlib is not free
    except OSError:  # a process that is confined already may not look there; it knows Python's threads
        count = len(sys._current_frames())
    if count != 1:
        raise OSError(errno.EBUSY, f"the process has {count} threads; confine it before it starts any")


def close_all_but(keep: Iterable[int]) -> None:
    """Close every descriptor above standard error that is not in `keep`."""
    first = 3
    for descriptor in sorted(descriptor for descriptor in keep if descriptor > 2):
        if first < descriptor:
            call(_CLOSE_RANGE, first, descriptor - 1, 0)
        first = descriptor + 1
    call(_CLOSE_RANGE, first, _HIGHEST_DESCRIPTOR, 0)


def limit(name: str, value: int) -> None:
    """Lower one resource limit, such as `nproc`, never above what the process has now."""
    import resource  # most processes have no limits

    kind = getattr(resource, f"RLIMIT_{name.upper()}")
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def give_up_rights(user: tuple[int, int] | None) -> None:
    """Become `user` (uid and gid) without supplementary groups, and give up every capability for good.

    The bounding set goes first, because nobody but root may touch it.
    """
    _empty_bounding_set()
    if user is not None:
        uid, gid = user
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    checked(libc.prctl, _CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    checked(libc.capset, struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), bytes(24))


def _empty_bounding_set() -> None:
    capability = 0
    while True:
        try:
            checked(libc.prctl, _CAPBSET_DROP, capability, 0, 0, 0)
        except OSError:  # not ours to drop, or beyond the last one that the kernel knows
            return
        capability += 1


def apply(settings: Mapping[str, Any]) -> str:
    """Confine this process as `settings` (the fields of `confine.Confinement`) say, or raise `OSError`.

    Returns why files in the folders to be sealed can be loaded as code all the same,
    where that is tolerated.
    """
    require_single_thread()
    checked(libc.prctl, _SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    gap = _seal(settings) if settings["sealed"] else ""
    if settings["keep"] is not None:
        close_all_but(settings["keep"])
    for name, value in settings["limits"]:
        limit(name, value)
    if settings["later"]:
        from jupyter_envguard import hiding  # kernels of Python in lockdown do

        hiding.leave(settings["later"], settings["shown"])
    rules = prepare(settings)
    give_up_rights(settings["user"])
    rulesets.restrict(rules)
    if settings["refused"]:
        from jupyter_envguard import seccomp  # most sessions have no filter

        seccomp.install(settings["refused"])
    return gap


def _seal(settings: Mapping[str, Any]) -> str:
    from jupyter_envguard import mounts  # most sessions keep their mounts

    hidden = frozenset(settings["hidden"])
    started = (_lying(path, hidden) for path in settings["execute"])
    try:
        mounts.seal(settings["sealed"], (*started, *settings["loaded"]))
    except OSError as error:
        gap = f"programs and libraries in writable folders can be loaded, no mount is made ({error.strerror})"
        if settings["must_seal"]:
            raise OSError(error.errno, gap) from None
        return gap
    return ""


def _lying(program: str, hidden: frozenset[str]) -> str:
    """Return the folder of `program` if that is hidden: nothing else in there can be read, and one mount
    takes the place of a hundred."""
    folder = os.path.dirname(program)  # noqa: PTH120 - pathlib is not free
    return folder if folder in hidden else program


def pack(settings: Mapping[str, Any]) -> str:
    """Return `settings` as the first argument of `main`; both ends are the same interpreter."""
    return marshal.dumps(dict(settings)).hex()


def main(arguments: Sequence[str]) -> int:
    """Confine this process, then become the command; return an exit code only when that fails."""
    settings = marshal.loads(bytes.fromhex(arguments[0]))  # noqa: S302 - from our own parent
    try:
        apply(settings)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        why = f"the process cannot be confined: {error.strerror}{where}"
        return fail(CANNOT_CONFINE, why, settings["tell"])
    return become(arguments[1:], settings["program"], settings["tell"])


def become(words: Sequence[str], program: int | None = None, tell: int | None = None) -> int:
    """Become the command of `words`, or the program open as `program`; return an exit code if that fails.

    Neither descriptor is inherited; `tell` hears why it failed, as `fail` does.
    """
    for number in (_SIGPIPE, _SIGXFSZ):  # Python ignores both, and a program started from here would too
        libc.signal(number, None)
    try:
        if tell is not None:
            os.set_inheritable(tell, False)
        if program is None:
            os.execv(words[0], list(words))  # noqa: S606
        os.set_inheritable(program, False)
        os.execve(program, list(words), os.environ)  # noqa: S606
    except OSError as error:
        return fail(CANNOT_RUN, f"{words[0]} cannot be started: {error.strerror}", tell)


def fail(code: int, why: str, tell: int | None = None) -> int:
    """Say in a line on standard error why, and to the descriptor `tell` if there is one; return `code`."""
    sys.stderr.write(f"envguard: {why}\n")
    sys.stderr.flush()
    if tell is not None:
        os.write(tell, why.encode())
    return code
