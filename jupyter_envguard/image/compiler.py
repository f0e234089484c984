"""Compiles sources that a stranger wrote, in a process of its own that can reach nothing.

Runs as a script (`python -I -S compiler.py`) and imports nothing of ours. A
request is `REQUEST`, a path and a source, an answer is `ANSWER` and the `.pyc`.
Nothing is executed: `compile` only parses. What a source can still do is occupy
or crash the parser, so each gets so many seconds of CPU and the process so much
memory; the parent starts another one when this one dies.

The same source gives the same bytes, whatever was compiled before and by whom.
CPython's `marshal` notes which objects are shared, and single Latin-1
characters are shared by the whole process once any source has used one as a
name: so all of them are made names before the first source. A codec that a
source makes us import has a like effect, so then this process retires.
"""

from __future__ import annotations

import importlib.util
import marshal
import resource
import struct
import sys
import time
import unicodedata  # noqa: F401 - what `\N{...}` in a source would import
import warnings

TYPE_CHECKING = False  # `typing` is not needed where this runs
if TYPE_CHECKING:
    from typing import BinaryIO

REQUEST = struct.Struct("!II")
"""Bytes of the path and of the source."""

ANSWER = struct.Struct("!?I")
"""Whether this process retires, and the bytes of the `.pyc`, 0 when the source does not compile."""

CPU_SECONDS = 30
"""CPU time for one source. The longest honest ones, tables of 5 MB, take 3 seconds."""

MEMORY_BYTES = 2 * 1024**3
"""Address space of the process. The longest honest sources need 500 MB."""

_UNCHECKED = (1).to_bytes(4, "little")
_HOPELESS = (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError)


def compiled(source: bytes, path: str) -> bytes:
    """Return the `.pyc` of `source`, which Python takes as it is (PEP 552, unchecked hash).

    `path` stands in it as the file's name; on import Python puts the real path in
    its place, so tracebacks are right and the bytes do not depend on the prefix.
    """
    code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    hashed = importlib.util.source_hash(source)
    return importlib.util.MAGIC_NUMBER + _UNCHECKED + hashed + marshal.dumps(code)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer each request until there are no more or this process has to retire."""
    for number in range(256):
        sys.intern(chr(number))
    warnings.simplefilter("ignore")
    imported = len(sys.modules)
    while header := requests.read(REQUEST.size):
        path_bytes, source_bytes = REQUEST.unpack(header)
        path, source = requests.read(path_bytes).decode(), requests.read(source_bytes)
        limit(resource.RLIMIT_CPU, int(time.process_time()) + CPU_SECONDS + 1)
        try:
            content = compiled(source, path)
        except _HOPELESS:
            content = b""
        retires = len(sys.modules) != imported
        answers.write(ANSWER.pack(retires, len(content)) + content)
        answers.flush()
        if retires:
            return


def limit(kind: int, value: int) -> None:
    """Lower the soft limit `kind` of this process; the kernel enforces it."""
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def main() -> None:
    """Serve standard input and output, within limits."""
    limit(resource.RLIMIT_AS, MEMORY_BYTES)
    limit(resource.RLIMIT_CORE, 0)
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
