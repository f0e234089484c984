"""How a permitted kernel is started: its program held open, and a wall of its own around it.

The wall of the session (`jupyter_envguard.wall`) holds for kernels too. Theirs is
narrower: the server, its memory, its variables and its token lie outside, and so
does the spool, so that a kernel can neither stop its server nor speak for it. A
server that was started without a wall gives its kernels one all the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import IO, Any

from jupyter_envguard import confine, hiding, mounts, wall
from jupyter_envguard.errors import Denied, Unavailable
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.pin import pinned
from jupyter_envguard.site import Enforcement, Site
from jupyter_envguard.store import leased


@dataclass(frozen=True, slots=True)
class Start:
    """What is started for a kernel."""

    command: tuple[str, ...]
    """Program and arguments, the wall in front."""
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Variables that the wall needs."""
    descriptors: tuple[int, ...] = ()
    """What the process is given besides the standard three; the kernel gets its lease and what is passed."""
    line: Line | None = None
    """Where the wall says why it did not start the program; None without a wall."""
    gaps: tuple[str, ...] = ()
    """A sentence for each thing that the walls around the kernel do not keep from it."""

    def refusal(self) -> str:
        """Wait until the program runs; return nothing, or why it does not. Call it once, after the start."""
        return self.line.hear() if self.line else ""


@dataclass(frozen=True, slots=True)
class Line:
    """A pipe from the wall to us."""

    ours: IO[bytes]
    """The end that is read."""
    theirs: IO[bytes]
    """The end that the wall gets."""

    def hear(self) -> str:
        """Return what was said until all others closed their end."""
        self.theirs.close()
        return self.ours.read().decode(errors="replace")


@contextmanager
def confined(
    site: Site,
    guard: Enforcement,
    image: Image,
    command: list[str],
    runtime: str,
    passed: tuple[int, ...] = (),
    *,
    guarded: bool = False,
) -> Iterator[Start]:
    """Yield how `command`, whose program is one of `image`, is started at `site` for whom `guard` holds.

    `runtime` is the folder of the kernel's connection file, which kernels write anew;
    `passed` are descriptors that the kernel inherits; `guarded` is a Python that guards its imports.
    The process holds a lease on `image`, which ends with the last process of the kernel.
    Raises `image-missing` when the image is being removed, `image-drifted` when the
    program is not the approved one, and where the wall is required
    `confine-unavailable` and `wall-open` when there can be none.
    """
    with ExitStack() as open_until_started:
        lease = open_until_started.enter_context(leased(image))
        program = pinned(image, command[0])
        if program is not None:
            open_until_started.callback(os.close, program)
        ours, theirs = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
        line = Line(open_until_started.enter_context(ours), open_until_started.enter_context(theirs))
        yield _start(site, guard, image, command, program, (lease, *passed), line, runtime, guarded)


def _start(
    site: Site,
    guard: Enforcement,
    image: Image,
    command: list[str],
    program: int | None,
    inherited: tuple[int, ...],
    line: Line,
    runtime: str,
    guarded: bool,
) -> Start:
    free = Start(tuple(command), descriptors=inherited)
    if guard.level == "advise":
        return replace(free, gaps=(f"{site.name} confines no kernels.",))
    support = confine.available()
    if not support.files and guard.required:
        raise Unavailable(
            "confine-unavailable",
            f"{site.name} starts kernels only where they can be confined. {_first_gap(support)}",
            "Use a machine with Linux 5.19 or newer and Landlock; `jupyter envguard doctor` tells.",
        )
    if not support.files:
        return replace(free, gaps=support.gaps(confine.Confinement()))
    temporary = wall.private_folder()
    tell = line.theirs.fileno()
    kept = (*inherited, tell) if program is None else (*inherited, tell, program)
    folders, dangers = _folders(site, guard, temporary, runtime)
    programs, risks = _programs(guard, image, folders) if guard.locked else ((wall.EVERYTHING,), [])
    around = confine.Confinement(
        read=(wall.EVERYTHING,),
        execute=programs,
        write=(*folders, *wall.devices()),
        network=True,
        keep=kept,
        program=program,
        tell=tell,
        sealed=tuple(wall.sealed_folders(folders)) if guard.locked else (),
        loaded=_loaded(guard, image, folders) if guard.locked else (),
        **_hidden(site, guard, image, (*folders, *programs), command, guarded),
        must_seal=guard.required,
        refused=wall.refused_calls(guard.strict_memory) if guard.locked else (),
    )
    gaps = (
        *support.gaps(around),
        *(f"Kernels can change what they must not: {why}." for why in dangers),
        *(f"Kernels can run what they must not: {why}." for why in risks),
        *_gaps(site, around),
    )
    return Start(tuple(confine.command(around, command)), {"TMPDIR": temporary}, kept, line, gaps)


def _gaps(site: Site, around: confine.Confinement) -> Iterator[str]:
    """Yield what the wall around the session leaves open."""
    if not wall.stands(str(site.store_root)):
        yield "No wall stands around the session, so terminals are not confined."
        return
    for path in around.sealed:  # behind a wall nothing is mounted any more
        if not mounts.is_sealed(path, (*around.execute, *around.loaded)):
            yield f"Machine code loads from {path}, which is not mounted noexec."


def _folders(site: Site, guard: Enforcement, *own: str) -> tuple[list[str], list[str]]:
    wanted = (wall.home_folder(), *own, *map(str, guard.write))
    folders, dangers = wall.open_folders(wanted, map(str, site.protected()))
    _refuse(guard, dangers, "kernels could change what they must not")
    return folders, dangers


def _programs(guard: Enforcement, image: Image, writable: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Return what a kernel of `image` may run: its environment, programs of the system, and what is named."""
    named = map(str, guard.execute)
    found, dangers = wall.allowed_programs(named, str(image.path / "bin/python"), writable)
    _refuse(guard, dangers, "kernels could run what they must not")
    return tuple(dict.fromkeys((str(image.path.resolve()), *found))), dangers


def _loaded(guard: Enforcement, image: Image, writable: list[str]) -> tuple[str, ...]:
    """Return where a kernel of `image` loads code from besides what it may run."""
    started = (str(image.path / "bin/python"), *map(str, guard.execute))
    return tuple(wall.loaded_folders(started, writable))


def _hidden(
    site: Site, guard: Enforcement, image: Image, shown: tuple[str, ...], command: list[str], guarded: bool
) -> dict[str, Any]:
    """Return what a kernel of `image` may not read in lockdown: every Python but its own, and with
    `strict_python` that one too, once it runs."""
    if not guard.locked:
        return {}
    own, store = str(image.path.resolve()), os.path.realpath(site.store_root)
    pythons = hiding.pythons(f"{own}/bin")
    named = {str(path.resolve()) for path in guard.execute}
    started = set(pythons) if os.path.realpath(command[0]) in pythons else set()
    later = [path for path in sorted(started - named) if guard.strict_python and guarded]
    at_once = wall.hidden_files((store, *(pythons if guard.strict_python else ())))
    return {
        "hidden": tuple(path for path in at_once if path not in started | named),
        "shown": tuple(dict.fromkeys((own, *shown))),
        "later": (store, *later) if later else (),
    }


def _refuse(guard: Enforcement, dangers: list[str], why: str) -> None:
    if dangers and guard.required:
        raise Denied(
            "wall-open",
            f"No kernel starts, because {why}: {'; '.join(dangers)}.",
            "Keep the site's folders out of homes and out of guard.write, name folders in guard.execute by"
            " their own path, or set guard.mode: best-effort.",
        )


def _first_gap(support: confine.Support) -> str:
    return support.gaps(confine.Confinement())[0]
