"""Keeps packages and machine code from outside of the environment out of a Python kernel.

`install` runs in kernels of sessions in lockdown, before ipykernel and before any cell
(`kernels.launch`). From then on an import is refused, by an `ImportError` with one
sentence, when the module comes from outside and is

    machine code           an extension, or a library that ctypes loads
    an installed package   it lies in `site-packages`, in an archive, or a `.dist-info` beside it names it
    an approved name       the environment has a module that is called so
    a package              it is a folder of modules, unless the site allows those of users

A user's own plain modules, single files in the notebook's folder or anywhere, are none of these.

Two guards look at the same: a finder, which knows names, stands first in
`sys.meta_path`; and an audit hook (PEP 578), which nothing in Python takes away, sees
every file that is loaded as a module or as machine code, by whatever importer, and puts
the finder back. Pythons that a kernel starts have the same guards (`children`), unless they
are told to look for none. What they cannot stop is code that is typed or read and run (`exec`),
a process without guards, and whoever writes to this process's memory. That machine code does
not load in spite of it is the work of the `noexec` mounts of the session.

Each thing that is refused is told to the session's server once, by the kernel's own
line or by the session's socket (`report`), with nothing that a cell can replace: the
function that stood in for it would see the guard's own names.
"""

from __future__ import annotations

import builtins
import os
import sys
from _socket import AF_UNIX, MSG_DONTWAIT, MSG_NOSIGNAL, SOCK_DGRAM, socket
from importlib.machinery import EXTENSION_SUFFIXES, SourceFileLoader
from json.encoder import encode_basestring_ascii as quoted
from posix import fstat, stat  # written in C, and bound now: a cell may replace them in their module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .paths import abspath, isfile, lexists, listed, realpath, split_path, text_of

    Judge = Callable[[str, str], str]
    # Returns why the module of a name does not load from a path; nothing when it may.
    Decide = Callable[[str, tuple[Any, ...]], Exception | None]
    # Returns why what an audit event tells of does not happen; None when it may.
else:  # this file is loaded by its path, alone; and what runs its code again gets these functions anew
    PATHS = __file__.rpartition("/")[0] + "/paths.py"
    exec(SourceFileLoader("envguard_paths", PATHS).get_code("envguard_paths"), globals())  # noqa: S102

SYSTEM = (
    *("/lib/", "/lib32/", "/lib64/", "/usr/lib/", "/usr/lib32/", "/usr/lib64/", "/usr/libexec/"),
    *("/usr/local/lib/", "/usr/local/lib64/", "/usr/local/cuda", "/usr/local/nvidia/"),
)
"""Where libraries of the machine lie, which ctypes may load."""
INSTALLED = ("site-packages", "dist-packages")
"""Folders that hold nothing but installed packages."""
NATIVE = "it is machine code"
PACKAGE = "it is a package and no plain module"
MAX_LISTING_BYTES = 256 * 1024
"""Of a distribution's list of files, how much is read for the names of its modules."""
MOST_TOLD = 200
"""Refusals of one kernel that are told."""
MAX_TEXT = 256
"""Characters of one text that is told."""
ADDRESS = os.environ.get("ENVGUARD_REPORTS", "")
LINE = os.environ.get("ENVGUARD_LINE", "")
HIDING = os.environ.get("ENVGUARD_HIDING", "")
ALONE = __file__.rpartition("/")[0] + "/alone.py"
REQUEST_URL = os.environ.get("ENVGUARD_REQUEST_URL", "")
NATIVE_SUFFIXES = (".so", *EXTENSION_SUFFIXES)
BUILT_IN = frozenset(sys.builtin_module_names)
LIBRARY = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}"

LOOKING = {
    "gc.get_objects": "looking through the memory of a kernel",
    "gc.get_referrers": "looking through the memory of a kernel",
    "gc.get_referents": "looking through the frames of a kernel",
    "cpython.PyInterpreterState_New": "a second interpreter in a kernel, which would have no guard,",
}
"""Audit events of what would find the guard or go around it, and what each is called in a refusal."""
UNDECIDED = (
    "envguard: this import is turned off for approved environments, because nobody can tell what it is"
)
WATCHED = frozenset({"import", "exec", "ctypes.dlopen", *LOOKING})
"""Audit events that are decided about."""

_told: set[tuple[str, str, str]] = set()


def install(*, packages: bool = False) -> None:
    """Guard the imports of this process for good; with `packages`, those of the user's own load.

    The audit hook has a copy of this module to itself, with built-in functions of its own: the finder's
    lies open in `sys.meta_path`, and built-in functions lie open to everybody, where all can be replaced.
    """
    prefix = sys.base_prefix  # that of a virtual environment is the user's own
    finder = Finder(judge_of(prefix, packages=packages))
    sys.meta_path.insert(0, finder)
    loader: Any = __spec__.loader
    own = {"__name__": __name__, "__file__": __file__, "__builtins__": dict(vars(builtins))}
    exec(loader.get_code(loader.name), own)  # noqa: S102
    if HIDING:
        loader = SourceFileLoader("envguard_alone", ALONE)
        alone: dict[str, Any] = {"__name__": loader.name, "__file__": ALONE}
        exec(loader.get_code(loader.name), alone)  # noqa: S102
        alone["install"](HIDING)
    ask: Any = own["judge_of"]
    sys.addaudithook(own["audit_of"](prefix, finder, ask(prefix, packages=packages)))  # type: ignore[operator]


class Finder:
    """Asks the other finders in their order, and judges what they find."""

    def __init__(self, judge: Judge) -> None:
        """Keep the `judge`."""
        self._judge = judge

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec of the module, or None; raise `ImportError` for one that is not to be loaded."""
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None else None
            if spec is not None:
                origin = str(getattr(spec, "origin", None))  # of what has no file it is `built-in` or nothing
                why = self._judge(name, origin) if "/" in origin else ""
                if why:
                    raise refusal(name, origin, why)
                return spec
        return None


def audit_of(prefix: str, finder: Finder, judge: Judge) -> Callable[[str, tuple[Any, ...]], None]:
    """Return the audit hook, which asks `judge` and keeps `finder` where it is.

    Its frame is in the traceback of what it raises, and nothing of the guard is in that frame.
    """
    decide = _decide_of(prefix, finder, judge)
    given = (decide, WATCHED, BaseException, KeyboardInterrupt, ImportError, UNDECIDED)
    function: Any = type(_hook)
    found: Callable[[str, tuple[Any, ...]], None] = function(
        _hook.__code__, {"__builtins__": {}}, "hook", given
    )
    return found


def _hook(
    event: str,
    args: tuple[Any, ...],
    decide: Decide | None,
    watched: frozenset[str],
    anything: type[BaseException],
    interrupted: type[BaseException],
    refused: type[BaseException],
    why: str,
) -> None:
    if event not in watched or decide is None:
        return
    error: BaseException | None = None
    try:
        error = decide(event, args)
    except interrupted:  # what was raised has frames of the guard in its traceback
        error = interrupted()
    except anything:
        error = refused(why)
    decide = None
    if error is not None:
        raise error


def _decide_of(prefix: str, finder: Finder, judge: Judge) -> Decide:
    """Return what decides about audit events.

    Everybody may raise one, with arguments of any kind: what is no plain text is made so, or fails.
    """
    loads, exact = _loads_of(prefix), str.__str__
    code_type, frame_type = type(judge.__code__), type(sys._getframe())

    def of_module(code: Any) -> Exception | None:
        if type(code) is not code_type or exact(code.co_name) != "<module>":
            return None
        path = exact(code.co_filename)
        why = "" if path[:1] == "<" else judge("", path)
        return refusal(_called(path), path, why) if why else None

    def of_library(name: str, path: str) -> Exception | None:
        return None if loads(path) else refusal(name, path, NATIVE)

    def decide(event: str, args: tuple[Any, ...]) -> Exception | None:
        if event == "import":
            name, path, _, finders, _ = args
            error = None if path is None else of_library(exact(name), exact(path))
            return error or (None if finders is None else _put_back(finder, finders))
        if event == "exec":
            return of_module(args[0])
        if event == "ctypes.dlopen":
            path = _plain(args[0])
            return of_library(split_path(path)[1], path) if "/" in path else None
        if event == "gc.get_referents" and not any(type(each) is frame_type for each in args[0]):
            return None
        return RuntimeError(f"envguard: {LOOKING[event]} is turned off for approved environments")

    return decide


def _put_back(finder: Finder, finders: Any) -> Exception | None:
    """Make `finder` the first of `sys.meta_path`; return the refusal where that is no plain list."""
    if type(finders) is not list:
        return ImportError(UNDECIDED)
    if not finders or finders[0] is not finder:
        finders[:] = [finder, *(each for each in finders if each is not finder)]
    return None


def _plain(path: Any) -> str:
    """Return the path that a library is loaded by as nothing but text; nothing where it has none."""
    if path is None:
        return ""
    return bytes.decode(path, "utf-8", "surrogateescape") if isinstance(path, bytes) else str.__str__(path)


def judge_of(prefix: str, *, packages: bool = False) -> Judge:
    """Return the judge of the environment in `prefix`; with `packages`, it minds no folders of modules."""
    inside = (realpath(prefix) + "/", split_path(realpath(__file__))[0] + "/")
    folders: set[str] = set()
    roots: dict[tuple[str, int], frozenset[str] | None] = {}
    approved: set[str] = set()

    def is_inside(folder: str) -> bool:
        if folder in folders:
            return True
        found = (realpath(folder) + "/").startswith(inside)
        if found and (folder + "/").startswith(inside):  # a link from outside may lead elsewhere later
            folders.add(folder)
        return found

    def judge(name: str, path: str) -> str:
        path = abspath(path)
        if is_inside(split_path(path)[0]):
            return ""
        if _is_native(path):
            return NATIVE
        top, root = _place(name, path)
        approved.update(() if approved else _names_in(inside[0]))
        if name and top in approved:
            return "the environment has a module of that name"
        kept = root, _changed(root)
        if kept not in roots:
            roots[kept] = _installed_in(root)
        installed = roots[kept]
        if installed is None or top in installed:
            return "it is an installed package"
        return PACKAGE if not packages and _is_packaged(name, path) else ""

    return judge


def refusal(name: str, path: str, why: str) -> ImportError:
    """Return the one sentence that says what was not loaded, and why; tell the server, too."""
    folder = split_path(path)[0]
    _tell(name, folder, why)
    ask = f" Ask for a package: {REQUEST_URL}" if REQUEST_URL else ""
    said = f"envguard: loading {name!r} from {folder} is turned off for approved environments"
    return ImportError(f"{said}, because {why}.{ask}", name=name, path=path)


def _tell(name: str, folder: str, why: str) -> None:
    said = (name, folder, why)
    if said in _told or len(_told) >= MOST_TOLD:
        return
    _told.add(said)
    texts = {"about": "import", "name": name, "where": folder, "why": why}
    parts = [f"{quoted(key)}:{quoted(text[:MAX_TEXT])}" for key, text in texts.items()]
    try:
        _send(f"{{{','.join(parts)}}}".encode())
    except OSError:  # nobody listens, or there is no room: what cannot be told is refused all the same
        return


def _send(content: bytes) -> None:
    how = MSG_DONTWAIT | MSG_NOSIGNAL
    if _line is None:
        anybody = socket(AF_UNIX, SOCK_DGRAM)
        try:
            anybody.sendto(content, how, ADDRESS)
        finally:
            anybody.close()
    elif _identity(LINE) == _line:  # else a cell has closed it, and the number is that of something else
        line = socket(fileno=int(LINE))
        try:
            line.send(content, how)
        finally:
            line.detach()


def _identity(number: str) -> tuple[int, int] | None:
    """Return what tells the open file of this number from any other."""
    try:
        found = fstat(int(number))
    except (OSError, ValueError, OverflowError):
        return None
    return found.st_dev, found.st_ino


_line = _identity(LINE)


def _called(path: str) -> str:
    """Return what a module in the file `path` is called, for a person."""
    folder, name = split_path(path)
    return split_path(folder)[1] if name.startswith("__init__.") else name.partition(".")[0]


def _loads_of(prefix: str) -> Callable[[str], bool]:
    inside = (realpath(prefix) + "/", *SYSTEM)

    def loads(path: str) -> bool:
        return realpath(path).startswith(inside)

    return loads


def _is_native(path: str) -> bool:
    return path.endswith(NATIVE_SUFFIXES)


def _is_packaged(name: str, path: str) -> bool:
    """Tell whether a module is a package or part of one; without a name, whether it is one."""
    return "." in name or split_path(path)[1].startswith("__init__.")


def _place(name: str, path: str) -> tuple[str, str]:
    """Return the first part of the module's name, and the folder or archive in which that is looked for.

    Without a name the folders tell: those above that have an `__init__.py` are packages.
    """
    root, stem = split_path(path)
    if root.endswith("/__pycache__"):
        root = split_path(root)[0]
    top, _, rest = name.partition(".")
    if name:
        for _ in range(rest.count(".") + bool(rest) + stem.startswith("__init__.")):
            root = split_path(root)[0]
        return top, root
    top = stem.partition(".")[0]
    while isfile(f"{root}/__init__.py"):
        root, top = split_path(root)
    return top, root


def _names_in(prefix: str) -> set[str]:
    """Return the names of the environment's own modules."""
    found = set(BUILT_IN)
    for folder in (f"{prefix}{LIBRARY}", f"{prefix}{LIBRARY}/site-packages"):
        names = (name.partition(".")[0] for name in listed(folder) if "-" not in name)
        found.update(filter(str.isidentifier, names))
    return found - {"__main__", "__pycache__", "site-packages"}


def _changed(root: str) -> int:
    """Return when a name in the folder `root` last came or went, as nobody can set it."""
    try:
        return stat(root).st_ctime_ns
    except OSError:
        return 0


def _installed_in(root: str) -> frozenset[str] | None:
    """Return the names of the packages installed in the folder `root`; None stands for every name."""
    if any(f"/{folder}" in root for folder in INSTALLED) or _is_archive(root):
        return None
    found: set[str] = set()
    for entry in listed(root):
        stem, _, kind = entry.rpartition(".")
        if kind in ("dist-info", "egg-info", "egg"):
            names = _recorded(f"{root}/{entry}")
            if not names:
                return None
            found |= names | {stem.split("-")[0]}
    return frozenset(found)


def _recorded(folder: str) -> set[str]:
    """Return the names of the modules that a distribution's own lists begin with."""
    lines = text_of(f"{folder}/top_level.txt", MAX_LISTING_BYTES).split()
    lines += [line.partition(",")[0] for line in text_of(f"{folder}/RECORD", MAX_LISTING_BYTES).splitlines()]
    names = {line.partition("/")[0].partition(".")[0] for line in lines}
    return {name for name in names if name.isidentifier()}


def _is_archive(root: str) -> bool:
    """Tell whether `root` lies in a file, as the folders of a wheel do."""
    while len(root) > 1 and not lexists(root):
        root = split_path(root)[0]
    return isfile(root)
