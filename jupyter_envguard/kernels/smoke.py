"""Really starts the kernel of a new image, confined, and lets it compute and import.

A pack can look right and not work: a library of the system is missing, a package
was built for another one, the kernel waits for something. So before people decide
about a release its kernel is started once, as the provisioner would start it, and
asked for `1+1` and for the packages that somebody asked for.

This runs code from a pack that nobody has approved yet. It reads the image and
the system's libraries, writes to one folder that is removed afterwards, has no
network and no capabilities; where root runs the test it runs as nobody, among no
other processes. `keeper` ends everything that it started.

    findings = SmokeTest()(image, inventory)
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from jupyter_envguard import confine
from jupyter_envguard.errors import EnvGuardError, Unavailable
from jupyter_envguard.files import explained
from jupyter_envguard.image import Image
from jupyter_envguard.inventory import Inventory
from jupyter_envguard.kernels import keeper
from jupyter_envguard.kernels.activation import kernel_environment
from jupyter_envguard.kernels.declared import declared_modules, kernel_language
from jupyter_envguard.kernels.launch import Launch, launch_for
from jupyter_envguard.kernels.talk import Conversation, NoAnswer, TooSlow
from jupyter_envguard.landlock import CANNOT_CONFINE
from jupyter_envguard.policy import DEFAULT, Finding, Policy, finding

NOBODY = (65534, 65534)
"""Uid and gid under which a pack's code is tried when root tries it."""

MIB = 1024 * 1024
LIMITS = (("core", 0), ("fsize", 256 * MIB), ("nofile", 4096), ("nproc", 4096))
"""What each process may use: no dumps, no huge files, and not without end more processes."""

LAST_LINES, LAST_BYTES, LONGEST = 5, 8192, 600
"""How much of what a kernel said is quoted: lines, of so many last bytes, and characters."""

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass(frozen=True, slots=True)
class _Room:
    """The one folder in which a kernel under test may write."""

    path: Path
    user: tuple[int, int] | None
    """Who the kernel runs as, None for whoever runs the test."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """A kernel under test: its process, a line to it, and what it has printed."""

    process: subprocess.Popen[bytes]
    conversation: Conversation
    printed: IO[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeTest:
    """Tries an image before anybody is asked to approve it; implements admission's `Smoke`."""

    policy: Policy = DEFAULT
    """Says how grave a finding is."""
    language: str = ""
    """Language of the kernel to try; empty for Python where there is ipykernel, else the first kernel."""
    start_seconds: float = 60.0
    """How long the kernel may take until it has computed `1+1`."""
    import_seconds: float = 120.0
    """How long all imports together may take; what was not tried until then is said."""
    most_imports: int = 40
    """How many modules are imported at most."""

    def __call__(self, image: Image, inventory: Inventory) -> tuple[Finding, ...]:
        """Return what is wrong with the kernel of `image`, which was made from the pack of `inventory`.

        Raises `confine-unavailable` when this machine cannot confine the kernel,
        which is not started then.
        """
        language = self.language or kernel_language(inventory)
        try:
            launch = launch_for(image.path, language)
        except EnvGuardError as error:
            return (self._finding("kernel.fails-to-start", error.message),)
        modules = declared_modules(inventory) if language.lower() == "python" else ()
        with explained("try the kernel"), _room(image.path) as room:
            confinement = confinement_for(image.path, room.path, room.user)
            found = [*self._gaps(confinement)]
            with _started(image.path, launch, confinement, room) as trial:
                found += self._try(trial, language, modules)
        return tuple(found)

    def _gaps(self, confinement: confine.Confinement) -> Iterator[Finding]:
        support = confine.available()
        gaps = support.gaps(confinement)
        if not support.files:
            raise _unconfined(gaps[0])
        if gaps:
            yield self._finding("kernel.not-isolated", " ".join(gaps))

    def _try(self, trial: _Trial, language: str, modules: Sequence[str]) -> Iterator[Finding]:
        try:
            wrong = self._compute(trial, language)
        except NoAnswer as error:
            wrong = _ending(trial, error, self.start_seconds)
        if wrong:
            yield self._finding("kernel.fails-to-start", f"The kernel {wrong}.{_last_lines(trial)}")
        else:
            yield from self._import(trial, modules)

    def _compute(self, trial: _Trial, language: str) -> str:
        """Return what is wrong with how the kernel computes, nothing when it is right."""
        until = time.monotonic() + self.start_seconds
        trial.conversation.ask("kernel_info_request", {}, trial.process, until)
        reply = trial.conversation.execute("1+1", trial.process, until, user_expressions={"sum": "1+1"})
        if reply.get("status") != "ok":
            return f"cannot compute 1+1: {_error(reply)}"
        if language.lower() == "python" and _result(reply, "sum") != "2":
            return f"says that 1+1 is {clean(_result(reply, 'sum'))!r}"
        return ""

    def _import(self, trial: _Trial, modules: Sequence[str]) -> Iterator[Finding]:
        until = time.monotonic() + self.import_seconds
        tried = 0
        for module in modules[: self.most_imports]:
            if time.monotonic() >= until:
                break
            tried += 1
            try:
                reply = trial.conversation.execute(f"import {module}", trial.process, until)
            except NoAnswer as error:
                wrong = _ending(trial, error, self.import_seconds)
                message = f"While importing {module} the kernel {wrong}.{_last_lines(trial)}"
                yield self._finding("kernel.import-fails", message)
                break
            if reply.get("status") != "ok":
                yield self._finding("kernel.import-fails", f"{module} cannot be imported: {_error(reply)}.")
        if rest := modules[tried:]:
            names = ", ".join(rest[:10])
            yield self._finding("kernel.imports-untried", f"{len(rest)} modules were not tried: {names}.")

    def _finding(self, rule: str, message: str) -> Finding:
        return finding(rule, message, policy=self.policy)


def confinement_for(image: Path, room: Path, user: tuple[int, int] | None) -> confine.Confinement:
    """Return how the kernel of `image` is confined when it may write to `room` only."""
    return confine.Confinement(
        read=confine.system_paths(*confine.SYSTEM_FILES),
        execute=(*confine.system_paths(*confine.SYSTEM_PROGRAMS), str(image)),
        write=(str(room), *confine.system_paths(*confine.SYSTEM_SINKS)),
        user=user,
        keep=(),
        limits=LIMITS,
    )


def clean(text: object, longest: int = LONGEST) -> str:
    """Return what a kernel said on one line, without anything that a terminal or a browser acts on."""
    plain = ESCAPE.sub("", str(text))
    plain = "".join(character if character.isprintable() else " " for character in plain)
    plain = " ".join(plain.split())
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"


@contextmanager
def _room(image: Path) -> Iterator[_Room]:
    """Make the folder for one test, and remove it with whatever was put into it."""
    path = Path(tempfile.mkdtemp(prefix="envguard-")).resolve()
    try:
        user = NOBODY if os.geteuid() == 0 and _is_reachable(image) and _is_reachable(path.parent) else None
        yield _Room(path, user)
    finally:
        # Not shutil.rmtree, which a tree that is deep enough sends into endless recursion
        subprocess.run(["rm", "-rf", "--", str(path)], check=False, stderr=subprocess.DEVNULL)


def _is_reachable(folder: Path) -> bool:
    """Tell whether everybody may pass through `folder` and all folders above it."""
    return all(above.stat().st_mode & 0o001 for above in (folder, *folder.parents))


@contextmanager
def _started(image: Path, launch: Launch, confinement: confine.Confinement, room: _Room) -> Iterator[_Trial]:
    """Start the kernel, and end it and all that it started."""
    with Conversation(room.path) as conversation, tempfile.TemporaryFile() as printed:
        argv = confine.command(confinement, launch.command(str(conversation.connection_file)))
        if room.user:
            os.chown(conversation.connection_file, *room.user)
            os.chown(room.path, *room.user)
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(keeper.__file__).absolute()), *argv],
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=printed,
            cwd=room.path,
            env=_environment(image, launch, room.path),
            start_new_session=True,
        )
        try:
            yield _Trial(process, conversation, printed)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let the keeper end everything; it is ended itself should it hang."""
    try:
        process.communicate(timeout=2 * keeper.PATIENCE)
    except subprocess.TimeoutExpired:  # pragma: no cover - a process that the kernel of the machine holds
        process.kill()
        process.wait()


def _environment(image: Path, launch: Launch, room: Path) -> dict[str, str]:
    own = {"HOME": str(room), "TMPDIR": str(room), "IPYTHONDIR": f"{room}/.ipython", "LANG": "C.UTF-8"}
    return kernel_environment(image, {}, own=launch.env) | own


def _ending(trial: _Trial, error: NoAnswer, seconds: float) -> str:
    """Return how a kernel that did not answer ended, or what it did instead if it still runs.

    Raises `confine-unavailable` when it was never started because of the machine.
    """
    code = trial.process.poll()
    if code is None:
        return f"did not answer within {seconds:g} seconds" if isinstance(error, TooSlow) else str(error)
    if code == CANNOT_CONFINE:
        raise _unconfined(_last_lines(trial).strip())
    return f"was ended by signal {code - 128}" if code > 128 else f"ended with exit code {code}"


def _last_lines(trial: _Trial) -> str:
    """Return the last lines that the kernel printed, as the end of a message."""
    end = trial.printed.seek(0, os.SEEK_END)
    trial.printed.seek(max(0, end - LAST_BYTES))
    lines = trial.printed.read(LAST_BYTES).decode(errors="replace").splitlines()
    said = [line for line in map(clean, lines) if line][-LAST_LINES:]
    return f" It said: {clean(' | '.join(said))}" if said else ""


def _error(reply: Mapping[str, Any]) -> str:
    return clean(f"{reply.get('ename', 'no result')}: {reply.get('evalue', '')}").rstrip(": ")


def _result(reply: Mapping[str, Any], name: str) -> str:
    """Return the text of a user expression, whatever the kernel made of it."""
    for step in ("user_expressions", name, "data"):
        inner = reply.get(step)
        if not isinstance(inner, dict):
            return ""
        reply = inner
    return str(reply.get("text/plain", ""))


def _unconfined(why: str) -> Unavailable:
    return Unavailable(
        "confine-unavailable",
        f"The kernel of the pack cannot be tried on this machine. {why}",
        "Import the pack on a machine with Landlock (Linux 5.19 or newer).",
    )
