"""The wall around a session: `jupyter-envguard-confine` confines itself, then becomes the server.

    jupyter-envguard-confine --write=/projects --protect=/opt/envguard -- /usr/bin/jupyter lab

What is started so, and every terminal, kernel, `!` line and `nbconvert` that it
starts, reads and runs what the user may, and writes to the user's home, a temporary
folder of the user alone, shared memory, terminals, graphics cards and what `--write`
names: nothing else, whoever owns it. With `--lockdown` it runs only the usual programs of
the system (`programs`), what lies in the environment of the command, and what `--execute`
names; nothing is loaded as code from elsewhere, but libraries of the system, nor from memory without a file,
and programs of the system off the list are not even read. With `--hide` it cannot read what that names, nor
this Python.
`--strict-memory` besides refuses memory that is written and then run. With `--required` it
starts only if that is so; else it says on standard error what is missing. It exits with 125 when it refuses
and with 126 when the command cannot be started.

This runs before every session, so it is standard library and costs what the
interpreter costs: no argparse, no pathlib (hence the first line below), and `command` leaves `site` out.
"""
# ruff: noqa: PTH100, PTH102, PTH110, PTH111, PTH112, PTH118, PTH119, PTH120, PTH208

from __future__ import annotations

import errno
import os
import pwd
import stat
import sys

from jupyter_envguard import landlock
from jupyter_envguard.folders import CHOSEN, user_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DEVICES = (
    *("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"),
    *("/dev/tty", "/dev/ptmx", "/dev/pts", "/dev/shm", "/dev/dri", "/dev/kfd"),  # noqa: S108
)
"""Devices that programs write to and command: sinks, terminals, shared memory, graphics cards."""

GRAPHICS = "nvidia"
"""How the names of more graphics devices begin."""

SHARED = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108
"""Folders that everybody may write to, from which sessions in lockdown run nothing."""

EVERYTHING = "/"
"""What a session may read and, but in lockdown, run, as far as its user may."""

FLAGS = ("--required", "--lockdown", "--strict-memory")
"""Options without a value."""

VALUES = ("--write", "--execute", "--protect", "--spool", "--hide")
"""Options with one, which may be given several times."""

PRIVATE = 0o077
"""Permission bits that a private folder gives nobody."""

TRIAL = "/proc/self/comm"
"""A file that every process may write to unless a wall forbids it."""

START = "import sys; sys.path.append({root!r}); from jupyter_envguard.wall import main; sys.exit(main())"


def command(python: str) -> list[str]:
    """Return what starts the wall by the interpreter `python`; its options, `--` and a command follow.

    By this interpreter it starts without `site`, which takes longer than all the
    rest; another one may have the package elsewhere, and finds it itself.
    """
    if python != sys.executable:
        return [python, "-I", "-m", "jupyter_envguard.wall"]
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return [python, "-I", "-S", "-c", START.format(root=root)]


def devices() -> list[str]:
    """Return the devices of this machine that a confined process may write to, without links."""
    more = sorted(f"/dev/{name}" for name in os.listdir("/dev") if name.startswith(GRAPHICS))
    return list(dict.fromkeys(os.path.realpath(path) for path in (*DEVICES, *more) if os.path.exists(path)))


def open_folders(wanted: Iterable[str], protected: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return those of the `wanted` folders to be opened, and a sentence for each that is a danger.

    Landlock cannot close a part of what it opens, so a folder that holds something
    `protected` leaves that open too. One that lies inside something protected, as a
    link that a user made may lead there, is not opened at all.
    """
    found, dangers = [], []
    closed = [os.path.realpath(path) for path in protected]
    for folder in dict.fromkeys(os.path.realpath(path) for path in wanted if os.path.exists(path)):
        inside = [place for place in closed if _holds(place, folder)]
        held = [place for place in closed if _holds(folder, place) and place != folder]
        dangers += [f"{folder} lies inside {place}" for place in inside]
        dangers += [f"{folder} holds {place}" for place in held]
        if not inside:
            found.append(folder)
    return found, dangers


def private_folder() -> str:
    """Return the temporary folder that is this user's alone, made if it is not there.

    Its name is always the same, so sessions leave no heap of folders behind; if
    somebody else took the name, the folder has a random one.
    """
    base, name = os.environ.get("TMPDIR") or "/tmp", f"envguard-{os.geteuid()}"  # noqa: S108
    path = base if os.path.basename(base) == name else os.path.join(base, name)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        found = os.lstat(path)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & PRIVATE:
            import tempfile  # is needed almost never, and costs a fifth of the start

            return tempfile.mkdtemp(prefix="envguard-")
    return os.path.realpath(path)


def home_folder() -> str:
    """Return the user's home, as the session was given it."""
    return os.environ.get("HOME") or os.path.expanduser("~")


def stands(place: str) -> bool:
    """Tell whether a wall stands around this process: it tries to write, here and to the folder `place`."""
    return not (_writes(TRIAL, os.O_WRONLY) or _writes(place, os.O_WRONLY | os.O_TMPFILE))


def is_locked() -> bool:
    """Tell whether this process is in lockdown: it tries to make a file in memory."""
    try:
        os.close(os.memfd_create("envguard"))
    except OSError as error:
        return error.errno == errno.EPERM
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Confine this process, then become the command; return an exit code only when that fails."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        options, program = _parsed(words)
        problem = _raise_wall(options, program[0])
    except OSError as error:
        return landlock.fail(landlock.CANNOT_CONFINE, f"the session cannot start: {_sentence(error)}")
    if problem and "--required" in options:
        return landlock.fail(landlock.CANNOT_CONFINE, f"the session does not start: {problem}")
    if problem:
        landlock.fail(0, f"the session is not confined as it should be: {problem}")
    return landlock.become(program)


def _raise_wall(options: dict[str, list[str]], program: str) -> str:
    """Confine this process as far as its machine can; return what is missing, after which nothing may start
    if the wall is required."""
    os.environ["TMPDIR"] = temporary = private_folder()
    wanted = (home_folder(), temporary, *options.get("--write", ()), *_spool(options))
    folders, dangers = open_folders(wanted, options.get("--protect", ()))
    runnable: list[str] = []
    loaded: list[str] = []
    hidden: tuple[str, ...] = ()
    if "--lockdown" in options:
        runnable, more = allowed_programs(options.get("--execute", ()), program, folders)
        loaded = loaded_folders((program, *options.get("--execute", ())), folders)
        dangers += more
        hidden = hidden_files(options.get("--hide", ()))
    problem = "; ".join(dangers)
    if problem and "--required" in options:
        return problem
    try:
        abi = landlock.probe()
    except OSError as error:
        return f"this machine has no Landlock or has it switched off ({error.strerror})"
    if abi < landlock.OLDEST_ABI:
        return f"Landlock ABI {abi} is too old, {landlock.OLDEST_ABI} is needed"
    locked = "--lockdown" in options
    gap = landlock.apply(
        {
            "read": (EVERYTHING,),
            "execute": runnable if locked else (EVERYTHING,),
            "write": (*folders, *devices()),
            "network": True,
            "scope": True,
            "user": None,
            "keep": (),
            "limits": (),
            "sealed": sealed_folders(folders) if locked else (),
            "loaded": loaded,
            "hidden": [path for path in hidden if path not in runnable],
            "shown": (*folders, *runnable),
            "later": (),
            "must_seal": "--required" in options,
            "refused": refused_calls("--strict-memory" in options) if locked else (),
        }
    )
    return "; ".join(filter(None, (problem, gap)))


def _spool(options: dict[str, list[str]]) -> list[str]:
    """Return the user's folder in the spool, if there is a spool, and tell the server which it is."""
    try:
        chosen = [user_folder(spool, user_name()) for spool in options.get("--spool", ())[-1:]]
    except OSError:  # whoever has to record something there says so, and may not do it
        return []
    os.environ |= zip((CHOSEN,), chosen, strict=False)
    return chosen


def user_name() -> str:
    """Return the user's name at the hub, as it has told the session, or that of the account."""
    told = os.environ.get("JUPYTERHUB_USER", "")
    if told:
        return told
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def allowed_programs(named: Iterable[str], program: str, writable: list[str]) -> tuple[list[str], list[str]]:
    """Return what runs in lockdown, and a sentence for each of the `named` that is a danger.

    It is the usual programs, those `named`, and the environment of `program`, unless that holds one of the
    `writable` folders, as a home with a `bin` would, or lies in one.
    """
    from jupyter_envguard import programs  # sessions that are not in lockdown need none of it

    found, dangers = programs.named(named)
    own = [path for path in programs.environment(program) if not any(_overlap(path, to) for to in writable)]
    return [*programs.usual(), *own, *found], dangers


def sealed_folders(writable: Iterable[str]) -> list[str]:
    """Return the folders from which a session in lockdown that writes to `writable` loads no code."""
    shared = [os.path.realpath(path) for path in SHARED if os.path.exists(path)]
    return list(dict.fromkeys(path for path in (*writable, *shared) if os.path.isdir(path)))


def loaded_folders(started: Iterable[str], writable: Iterable[str]) -> list[str]:
    """Return where code is loaded from in lockdown besides what runs: libraries of the system, of what is
    `started`, and of the Python of this wall; nothing that lies in what is `writable` or around it."""
    from jupyter_envguard import programs

    found, places = programs.libraries((*started, sys.executable)), list(writable)
    return [path for path in found if not any(_overlap(path, to) for to in places)]


def hidden_files(wanted: Sequence[str]) -> tuple[str, ...]:
    """Return what is hidden from a process in lockdown.

    It is the folders of the system's programs, of which the process is shown what it runs, and if anything
    is `wanted` that, and the Pythons beside that of this wall, which it then does not start either.
    """
    from jupyter_envguard import hiding, programs

    places = dict.fromkeys(
        os.path.realpath(path) for path in (*programs.FOLDERS, *wanted) if os.path.exists(path)
    )
    server = os.path.dirname(os.path.realpath(sys.executable))
    return (*places, *(hiding.pythons(server) if wanted and server not in places else ()))


def refused_calls(strict: bool) -> tuple[str, ...]:
    """Return the system calls that a session in lockdown does not have, with `strict` memory or without."""
    from jupyter_envguard import seccomp

    return (*seccomp.PROGRAMS, *(seccomp.MEMORY if strict else ()))


def _parsed(words: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    options: dict[str, list[str]] = {}
    for place, word in enumerate(words):
        if word == "--" and words[place + 1 :]:
            return options, words[place + 1 :]
        name, _, value = word.partition("=")
        if word not in FLAGS and (name not in VALUES or not value):
            raise OSError(errno.EINVAL, f"{word!r} is no option of the wall")
        options.setdefault(name, []).append(value)
    raise OSError(errno.EINVAL, "no command follows after --")


def _holds(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _overlap(one: str, other: str) -> bool:
    return _holds(one, other) or _holds(other, one)


def _writes(path: str, flags: int) -> bool:
    try:
        os.close(os.open(path, flags | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _sentence(error: OSError) -> str:
    return f"{error.strerror} ({error.filename})" if error.filename else str(error.strerror)


if __name__ == "__main__":  # pragma: no cover - the process becomes the command and keeps no record
    sys.exit(main())
