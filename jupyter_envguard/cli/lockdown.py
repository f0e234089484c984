"""The checks of `doctor` on lockdown: a session at that level is started and really tries each layer."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from jupyter_envguard import programs, wall
from jupyter_envguard.cli.checks import Check, Status
from jupyter_envguard.files import explained
from jupyter_envguard.hooks import imports
from jupyter_envguard.site import Site

ROOT = str(Path(wall.__file__).parent.parent)
"""Folder that this package lies in."""

TRIAL_SECONDS = 30
"""How long the attempts may take."""

ATTEMPTS = """\
import importlib.util, mmap, os, shutil, subprocess, sys
def attempt(name, act):
    try:
        act()
        print(name, "reached", flush=True)
    except Exception as error:
        print(name, type(error).__name__, flush=True)
def run(*words):
    subprocess.run(words, check=True, capture_output=True)
loader, guard, root = sys.argv[1:]
sys.path.append(root)
from jupyter_envguard import hiding, rulesets
sys.path.remove(root)
os.chdir(os.environ["HOME"])
shutil.copyfile("/bin/sh", "program")
os.chmod("program", 0o755)
attempt("tool", lambda: run("/bin/sh", "-c", "true"))
attempt("program", lambda: run("./program", "-c", "true"))
attempt("linker", lambda: run(loader, "./program", "-c", "true"))
def mapped(path):
    mmap.mmap(os.open(path, os.O_RDONLY), 1, mmap.MAP_PRIVATE, mmap.PROT_EXEC)
attempt("mapped", lambda: mapped("program"))
attempt("elsewhere", lambda: mapped("/etc/passwd"))
attempt("memory", lambda: os.memfd_create("program"))
attempt("strict", lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC))
os.makedirs("site-packages")
open("site-packages/foreign.py", "w").close()
open("mine.py", "w").close()
sys.path[:0] = ["site-packages", ""]
sys.prefix = sys.base_prefix
spec = importlib.util.spec_from_file_location("guard", guard)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.install()
attempt("own", lambda: __import__("mine"))
attempt("package", lambda: __import__("foreign"))
attempt("before", lambda: run(sys.executable, "-I", "-S", "-c", ""))
hiding.leave([os.path.realpath(sys.executable)], [os.environ["HOME"]])
rulesets.restrict(int(os.environ[hiding.LATER]))
attempt("python", lambda: run(sys.executable, "-I", "-S", "-c", ""))
attempt("linked-python", lambda: run(loader, os.path.realpath(sys.executable), "-I", "-S", "-c", ""))
"""
"""What Python tries in a session: a line for each attempt, its name and how it ended."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of lockdown."""

    name: str
    """Name of the check."""
    needed: tuple[str, ...]
    """Attempts that have to reach their goal."""
    refused: tuple[str, ...]
    """Attempts that must not."""
    holds: str
    """What to say when it was so."""
    fails: str
    """What to say when it was not."""
    fix: str
    """What to do then."""
    optional: bool = False
    """Whether sessions start without it even where the wall is required."""


NEWER = "Use Linux 5.19 or newer with landlock in its list of security modules."
LAYERS = (
    Layer(
        "programs",
        ("tool",),
        ("program",),
        "Tried: a program in the home is not run, and the shell is.",
        "A program in the home was run, or the shell was not",
        NEWER,
    ),
    Layer(
        "mounts",
        (),
        ("linker", "mapped"),
        "Tried: no machine code is loaded from the home, by the linker or by hand.",
        "Machine code in the home can be loaded",
        "Let users make user namespaces, or mount home, /tmp, /var/tmp and /dev/shm with noexec.",
    ),
    Layer(
        "elsewhere",
        (),
        ("elsewhere",),
        "Tried: no machine code is loaded from other folders that a session can read, but from libraries.",
        "Machine code that others put where a session can read is loaded",
        "Let users make user namespaces and leave the mounts to the session, or keep homes closed to others.",
        optional=True,
    ),
    Layer(
        "memory",
        (),
        ("memory",),
        "Tried: no program can be made in memory.",
        "A program can be made in memory",
        "Use a kernel with CONFIG_SECCOMP_FILTER.",
    ),
    Layer(
        "imports",
        ("own",),
        ("package",),
        "Tried: Python imports a module of the user's own, and no installed package from outside.",
        "Python imports a package from outside, or not even a module of the user's own",
        "Install the package again: its hooks are missing or changed.",
    ),
)
STRICT = Layer(
    "strict-memory",
    (),
    ("strict",),
    "Tried: memory that is written does not run.",
    "Memory that is written can be run",
    "Use a kernel with CONFIG_SECCOMP_FILTER.",
)
"""Checked where the site asks for it."""

ALONE = Layer(
    "strict-python",
    ("before",),
    ("python", "linked-python"),
    "Tried: who has hidden its interpreter starts no second Python, by name or by the linker.",
    "A second Python can be started, or none before either",
    NEWER,
)
"""The same."""


def layers(site: Site) -> Iterator[Check]:
    """Yield how each layer of lockdown ended, where somebody at `site` may be in it."""
    guards = [guard for guard in site.guard.possible() if guard.locked]
    if not guards:
        return
    grave = Status.FAIL if any(guard.required for guard in guards) else Status.WARN
    for danger in programs.named(map(str, site.guard.execute))[1]:
        message = f"What guard.execute names is not run: {danger}."
        yield Check("programs", grave, message, "Name folders by their own path.", "wall-open")
    found, said = _tried(site.guard.strict_memory)
    strict = ((STRICT, site.guard.strict_memory), (ALONE, site.guard.strict_python))
    for layer in (*LAYERS, *(layer for layer, wanted in strict if wanted)):
        yield _check(layer, found, said, grave)


def _check(layer: Layer, found: Mapping[str, str], said: str, grave: Status) -> Check:
    holds = all(found.get(name) == "reached" for name in layer.needed)
    holds = holds and all(found.get(name, "reached") != "reached" for name in layer.refused)
    if holds:
        return Check(layer.name, Status.PASS, layer.holds)
    why = f": {said}" if said else ""
    return Check(
        layer.name,
        Status.WARN if layer.optional else grave,
        f"{layer.fails}{why}.",
        layer.fix,
        "confine-unavailable",
    )


def _tried(strict: bool) -> tuple[Mapping[str, str], str]:
    """Return how the attempts ended in a session in lockdown, and the first line of what it said."""
    options = ["--lockdown", *(["--strict-memory"] if strict else [])]
    loader = next((path for path in programs.LOADERS if Path(path).exists()), "/bin/false")
    words = [sys.executable, "-I", "-c", ATTEMPTS, loader, imports.__file__, ROOT]
    with explained("try lockdown"), tempfile.TemporaryDirectory() as home:
        try:
            done = subprocess.run(
                [*wall.command(sys.executable), *options, "--", *words],
                env={"HOME": home, "TMPDIR": home, "PATH": "/usr/bin:/bin"},
                capture_output=True,
                text=True,
                timeout=TRIAL_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return MappingProxyType({}), f"it took more than {TRIAL_SECONDS} seconds"
    found = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    said = (done.stderr.splitlines() or [""])[0].removeprefix("envguard: ").rstrip(".")
    return MappingProxyType(found), said
