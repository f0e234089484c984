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
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Self

from jupyter_envguard import landlock
from jupyter_envguard.errors import PackRefused, Unavailable
from jupyter_envguard.image import compiler
from jupyter_envguard.image.children import Child
from jupyter_envguard.image.manifest import ByteCode
from jupyter_envguard.inventory import Member

MOST_COMPILERS = 8
"""Processes that compile at a time, on machines that have as many cores."""

BACKLOG_BYTES = 32 * 1024 * 1024
"""Sources that wait for them, in memory. A pack has most of its sources in a row, and large files before
and after; with room for all of them nobody waits for the compilers before the last file is unpacked."""

SOURCE_BYTES = 16 * 1024 * 1024
"""Bytes of a source up to which it gets byte code."""

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


def is_source(path: str) -> bool:
    """Tell whether the file `path` gets byte code, if it is not beyond `SOURCE_BYTES`."""
    return (
        path.endswith(".py")
        and path.startswith(library() + "/")
        and NEVER_COMPILED.isdisjoint(path.split("/"))
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


class Compilers:
    """Processes that compile sources while their caller does something else; a context manager.

    Every process handles one source at a time and can reach nothing. Results come
    in the order in which sources were handed over: a path with its byte code,
    which is empty when the source does not compile. Raises `image-source-hostile`
    when too many sources end the process that compiles them, and
    `image-unpack-failed` when none can be started.
    """

    def __init__(self) -> None:
        count = min(len(os.sched_getaffinity(0)), MOST_COMPILERS)
        self._compilers = [_Compiler() for _ in range(count)]
        self._idle: SimpleQueue[_Compiler] = SimpleQueue()
        for each in self._compilers:
            self._idle.put(each)
        self._pool = ThreadPoolExecutor(count)
        self._pending: deque[tuple[str, int, Future[bytes | None]]] = deque()
        self._backlog = 0
        self._deaths = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._compilers:
            each.abandon()
        self._pool.shutdown(cancel_futures=True)
        for each in self._compilers:
            each.end()

    def compile(self, path: str, source: bytes) -> Iterator[tuple[str, bytes]]:
        """Begin with `source`, known as `path`; yield the results that are there, or when too much waits."""
        self._pending.append((path, len(source), self._pool.submit(self._compile, path, source)))
        self._backlog += len(source)
        while self._pending and (self._backlog > BACKLOG_BYTES or self._pending[0][2].done()):
            yield self._result()

    def finish(self) -> Iterator[tuple[str, bytes]]:
        """Yield all results that are left."""
        while self._pending:
            yield self._result()

    def _compile(self, path: str, source: bytes) -> bytes | None:
        compiler = self._idle.get()
        try:
            return compiler.compile(path, source)
        finally:
            self._idle.put(compiler)

    def _result(self) -> tuple[str, bytes]:
        path, size, future = self._pending.popleft()
        self._backlog -= size
        content = future.result()
        self._deaths += content is None
        if self._deaths > MOST_DEATHS:
            raise PackRefused(
                "image-source-hostile",
                f"{path} is one of more than {MOST_DEATHS} sources that end the compiler.",
                "Look at these sources; an honest environment has none.",
            )
        return path, content or b""


class _Compiler:
    """A compiling process at a time; another one follows when it is gone."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._abandoned = False
        self._starting = threading.Lock()

    def compile(self, path: str, source: bytes) -> bytes | None:
        """Return the byte code of `source`, empty when it has none, None when that ended the process."""
        child = self._start()
        if child is None:
            return b""
        try:
            retires, content = _ask(child, path.encode(), source)
        except (EOFError, BrokenPipeError):
            self._bury(child)
            return None
        if retires:
            self.end()
        return content

    def abandon(self) -> None:
        """End the process while another thread may wait for its answer, and start none again."""
        with self._starting:
            self._abandoned = True
            if self._child:
                self._child.process.kill()

    def end(self) -> None:
        """End the process, if there is one."""
        if self._child:
            self._child.end()
            self._child = None

    def _start(self) -> Child | None:
        with self._starting:
            if self._child is None and not self._abandoned:
                self._child = Child(compiler.__file__)
            return self._child

    def _bury(self, child: Child) -> None:
        if child.process.wait() in (landlock.CANNOT_CONFINE, landlock.CANNOT_RUN):
            raise Unavailable(
                "image-unpack-failed",
                f"No compiler can be started: {child.errors.read().decode(errors='replace').strip()}.",
                "Run jupyter envguard doctor.",
            )
        self.end()


def _ask(child: Child, path: bytes, source: bytes) -> tuple[bool, bytes]:
    child.input.write(compiler.REQUEST.pack(len(path), len(source)) + path + source)
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
