"""Move an environment to its final path: rewrite the prefix that its files carry.

What conda and `conda-unpack` do when they install, done on bytes in memory, so
that nothing of the pack has to run:

>>> record = Prefixed("lib/libz.so", "/placeholder", "binary")
>>> relocated(b"/placeholder/lib\\0rest", [record], "/opt/e")
b'/opt/e/lib\\x00\\x00\\x00\\x00\\x00\\x00\\x00rest'
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import Prefixed

SHEBANG_BYTES = 127
"""Longest first line, `#!` included, that every Linux kernel accepts for a script."""

GROWTH_BYTES = 16 * 1024 * 1024
"""How much a text file may grow; a short placeholder in a long file must not become a bomb."""

_INTERPRETER = re.compile(rb"#![ ]*(/[^ \t\r\n]+)([^\r\n]*)")
_ANY_PYTHON = re.compile(rb"#![ ]*/usr/bin/env (python[0-9.]*)[ \t]*(?=\r?\n)")


def relocated(content: bytes, records: Sequence[Prefixed], prefix: str) -> bytes:
    """Return `content` with the placeholders of `records`, which are of one file, replaced by `prefix`.

    Binary files keep their length: each C string is padded with NUL. All
    placeholders are replaced in one pass, so that a prefix that contains another
    placeholder stays whole. Raises `image-prefix-too-long` when a binary has no
    room, and `image-relocation-refused` for a placeholder that cannot be one.
    """
    placeholders = sorted({_checked(record) for record in records}, key=len, reverse=True)
    if not any(placeholder in content for placeholder in placeholders):
        return content
    if any(record.mode == "binary" for record in records):
        return _binary(content, placeholders, prefix.encode(), records[0].path)
    return _text(content, placeholders, prefix.encode(), records[0].path)


def with_usable_shebang(content: bytes, prefix: str, programs: Container[str]) -> bytes:
    """Return the script `content` with a first line that works at `prefix`.

    A line beyond `SHEBANG_BYTES` goes through `env`, as conda does. The other way
    round, a script that runs whichever Python is first on PATH (which is what
    conda-pack makes of entry points) gets the image's own when `programs`, the
    paths in the image, has it: an approved script must not run a foreign Python.
    """
    if found := _ANY_PYTHON.match(content):
        own = "bin/" + found.group(1).decode()
        line = f"#!{prefix}/{own}".encode()
        return line + content[found.end() :] if own in programs and len(line) <= SHEBANG_BYTES else content
    found = _INTERPRETER.match(content)
    if found is None or len(found.group()) <= SHEBANG_BYTES:
        return content
    program, options = found.group(1).rpartition(b"/")[2], found.group(2)
    split = b"-S " if options.strip() else b""
    return b"#!/usr/bin/env " + split + program + options + content[found.end() :]


def _text(content: bytes, placeholders: Sequence[bytes], prefix: bytes, path: str) -> bytes:
    growth = sum(content.count(each) * max(0, len(prefix) - len(each)) for each in placeholders)
    if growth > GROWTH_BYTES:
        raise PackRefused(
            "image-relocation-refused",
            f"{path} would grow by {growth} bytes when its prefix is rewritten.",
            "Look at the prefix records of the pack; an honest file does not do this.",
        )
    return re.sub(_any_of(placeholders), lambda _: prefix, content)


def _binary(content: bytes, placeholders: Sequence[bytes], prefix: bytes, path: str) -> bytes:
    anywhere = re.compile(_any_of(placeholders))

    def moved(match: re.Match[bytes]) -> bytes:
        text = anywhere.sub(lambda _: prefix, match.group())
        spare = len(match.group()) - len(text)
        if spare < 0:
            raise PackRefused(
                "image-prefix-too-long",
                f"{path} has no room for the prefix {prefix.decode()}, which is {len(prefix)} bytes long.",
                "Use a shorter store root, or pack an environment whose packages reserve more room.",
            )
        return text + bytes(spare)

    return re.sub(rb"(?:" + anywhere.pattern + rb")[^\0]*", moved, content)


def _any_of(placeholders: Sequence[bytes]) -> bytes:
    return b"|".join(map(re.escape, placeholders))


def _checked(record: Prefixed) -> bytes:
    placeholder = record.placeholder.encode("utf-8", "surrogatepass")
    if not placeholder.startswith(b"/") or len(placeholder) < 2 or b"\0" in placeholder:
        raise PackRefused(
            "image-relocation-refused",
            f"{record.path} is said to carry the prefix {record.placeholder!r}, not an absolute path.",
            "Pack the environment again with a current conda-pack.",
        )
    return placeholder
