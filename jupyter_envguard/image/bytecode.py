"""Byte code of a sealed tree: what is compiled, by whom, and what of the pack's is kept.

Python compares a `.pyc` with the time of its source unless the `.pyc` tells it
not to (PEP 552). A read-only tree needs the latter, or it compiles at every
start. What an auditor reads should be what runs, so the byte code that the pack
brings is dropped and made again from the sources. Only when the environment has
another Python than the one that runs us, which then cannot make its byte code,
is the pack's own kept, and the manifest says so.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jupyter_envguard import landlock
from jupyter_envguard.errors import PackRefused, Unavailable
from jupyter_envguard.image import compiler
from jupyter_envguard.image.children import Child, Owner
from jupyter_envguard.image.manifest import ByteCode
from jupyter_envguard.inventory import Member

MOST_COMPILERS = 8
"""Processes that compile at a time, on machines that have as many cores."""

MOST_DEATHS = 16
"""Sources of one pack that may end a compiler before the pack is taken for an attack."""

NEVER_COMPILED = frozenset({"test", "tests", "idle_test"})
"""Folders of tests: a third of all sources, which no kernel imports at its start."""

_FINAL = re.compile(r"(\d+\.\d+)\.\d+\Z")
_CACHED = re.compile(r"(.*/|)__pycache__/([^/]+)\.cpython-(\d)(\d+)\.pyc\Z")
_HEADER_BYTES = 16


def origin(python: str) -> ByteCode:
    """Return where the byte code of an environment with the version `python` comes from.

    A final release has the byte code of all final releases of its minor version;
    a preview has its own.
    """
    if not python:
        return "none"
    ours = platform.python_version()
    mine, theirs = _FINAL.match(ours), _FINAL.match(python)
    same = mine is not None and theirs is not None and mine.group(1) == theirs.group(1)
    return "compiled" if same or ours == python else "kept"


def library() -> str:
    """Return the folder below which the Python that runs us would look for its library."""
    return f"lib/python{sys.version_info.major}.{sys.version_info.minor}{sys.abiflags}"


def sources(files: Iterable[str]) -> list[str]:
    """Return those of `files` that get byte code, sorted."""
    below = library() + "/"
    return sorted(
        path
        for path in files
        if path.endswith(".py") and path.startswith(below) and NEVER_COMPILED.isdisjoint(path.split("/"))
    )


def cached(source: str) -> str:
    """Return where Python looks for the byte code of the file `source`."""
    folder, _, name = source.rpartition("/")
    return f"{folder}/__pycache__/{name[:-3]}.{sys.implementation.cache_tag}.pyc"


def source_of(path: str) -> str:
    """Return the source that belongs to the byte code `path`, wherever Python put it."""
    if found := re.match(r"(.*/|)__pycache__/([^/.]+)\.[^/]+\Z", path):
        return f"{found.group(1)}{found.group(2)}.py"
    return path[:-1]


def resealed(path: str, content: bytes, source: Member, python: str) -> bytes | None:
    """Return the byte code `content` with a header that Python takes as it is, or None when it is stale.

    It is stale when time or size of `source` are not those in its header, or when
    another Python than `python` made it. The hash in the new header is zero: we
    did not see what this was compiled from, and a Python that is told to check
    hashes shall compile again.
    """
    found = _CACHED.match(path)
    magic, flags, time, size = (content[start : start + 4] for start in range(0, _HEADER_BYTES, 4))
    if (
        len(content) <= _HEADER_BYTES
        or found is None
        or not python.startswith(f"{found.group(3)}.{found.group(4)}.")
    ):
        return None
    expected = (source.mtime & 0xFFFFFFFF, source.size & 0xFFFFFFFF)
    if flags != bytes(4) or magic[2:] != b"\r\n" or expected != (_number(time), _number(size)):
        return None
    return magic + (1).to_bytes(4, "little") + bytes(8) + content[_HEADER_BYTES:]


def compile_all(
    folder: Path, paths: Iterable[str], accept: Callable[[str, bytes], None], owner: Owner | None = None
) -> list[str]:
    """Compile `paths` below `folder`, give the byte code to `accept`; return those that do not compile.

    Several run at a time, in processes that can do nothing but read the folder;
    `accept` is called by one thread at a time. Raises `image-source-hostile` when
    too many sources end the process that compiles them.
    """
    work = _Work(folder, paths, accept, owner)
    count = min(len(os.sched_getaffinity(0)), MOST_COMPILERS)
    with ThreadPoolExecutor(count) as pool:
        try:
            for done in [pool.submit(work.run) for _ in range(count)]:
                done.result()
        finally:
            work.stop()
    return sorted(work.failed)


class _Work:
    """What the threads that feed compilers share."""

    def __init__(
        self, folder: Path, paths: Iterable[str], accept: Callable[[str, bytes], None], owner: Owner | None
    ) -> None:
        self.failed: list[str] = []
        self._folder = str(folder)
        self._owner = owner
        self._paths = iter(paths)
        self._accept = accept
        self._deaths = 0
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Let every thread end after the source that it is at."""
        with self._lock:
            self._paths = iter(())

    def run(self) -> None:
        """Compile until nothing is left."""
        with _Compiler(self._folder, self._owner) as compilers:
            for path in self._todo():
                content = compilers.compile(path)
                with self._lock:
                    self._take(path, content)

    def _todo(self) -> Iterator[str]:
        while True:
            with self._lock:
                path = next(self._paths, None)
            if path is None:
                return
            yield path

    def _take(self, path: str, content: bytes | None) -> None:
        if content:
            self._accept(path, content)
            return
        self.failed.append(path)
        self._deaths += content is None
        if self._deaths > MOST_DEATHS:
            self._paths = iter(())
            raise PackRefused(
                "image-source-hostile",
                f"{path} is one of more than {MOST_DEATHS} sources that end the compiler.",
                "Look at these sources; an honest environment has none.",
            )


class _Compiler:
    """A compiler process at a time; another one follows when it is gone."""

    def __init__(self, folder: str, owner: Owner | None) -> None:
        self._folder = folder
        self._owner = owner
        self._child: Child | None = None

    def __enter__(self) -> _Compiler:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def compile(self, path: str) -> bytes | None:
        """Return the byte code of `path`, empty when there is none, None when that ended the process."""
        if self._child is None:
            self._child = Child(compiler.__file__, self._folder, read=(self._folder,), owner=self._owner)
        try:
            retires, content = _ask(self._child, path)
        except (EOFError, BrokenPipeError):
            self._bury(self._child)
            return None
        if retires:
            self._end()
        return content

    def _bury(self, child: Child) -> None:
        if child.process.wait() in (landlock.CANNOT_CONFINE, landlock.CANNOT_RUN):
            raise Unavailable(
                "image-unpack-failed",
                f"No compiler can be started: {child.errors.read().decode(errors='replace').strip()}.",
                "Run jupyter envguard doctor.",
            )
        self._end()

    def _end(self) -> None:
        if self._child:
            self._child.end()
            self._child = None


def _ask(child: Child, path: str) -> tuple[bool, bytes]:
    raw = path.encode()
    child.input.write(compiler.REQUEST.pack(len(raw)) + raw)
    child.input.flush()
    retires, size = compiler.ANSWER.unpack(_exactly(child, compiler.ANSWER.size))
    return retires, _exactly(child, size)


def _exactly(child: Child, size: int) -> bytes:
    content = child.output.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _number(field: bytes) -> int:
    return int.from_bytes(field, "little")
