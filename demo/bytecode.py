"""Compiles sources that are not on disk, as conda-build ships them: a `.pyc` with a timestamp."""

from __future__ import annotations

import importlib.util
import marshal
import warnings
from collections.abc import Iterator

from demo.condapkg import EPOCH, File


def compiled(path: str, source: bytes) -> Iterator[File]:
    """Yield the byte code of `source`, or nothing when it does not compile on this Python.

    It is valid for as long as the source keeps the time (`EPOCH`) and the size
    that it is packaged with.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return
    flags, size = 0, len(source) & 0xFFFFFFFF
    header = b"".join(number.to_bytes(4, "little") for number in (flags, EPOCH, size))
    cached = importlib.util.cache_from_source(path, optimization="")
    yield File(cached, importlib.util.MAGIC_NUMBER + header + marshal.dumps(code))
