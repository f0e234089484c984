"""Undoes, in a copy of CPython, what Debian changes about where packages go.

Debian's CPython looks for packages in `dist-packages` of `/usr` and `/usr/local`
and never in `lib/python3.x/site-packages`, which is where a conda environment
holds them. What decides this is changed in the packaged copy; all else stays as
the distribution has it, and every other CPython passes through as it is.
"""

from __future__ import annotations

import ast

SKIPPED = frozenset({"EXTERNALLY-MANAGED", "_distutils_system_mod.py", "sitecustomize.py", "dist-packages"})
"""Names at the top of the standard library that belong to the distribution, not to Python."""

_MARK = b"dist-packages"
_SITE = (_MARK, b"site-packages")
_DISTUTILS = (
    b'os.path.join(prefix, "lib", "python3", "dist-packages")',
    b'os.path.join(libpython, "site-packages")',
)
_SCHEMES = """\
def _get_preferred_schemes():
    return {"prefix": "posix_prefix", "home": "posix_home", "user": "posix_user"}
"""


def undo_program(data: bytes) -> bytes:
    """Return the program, or the library of Python, with `site` as it is elsewhere.

    `site` is frozen into it, so changing `site.py` alone has no effect. The two
    words are equally long, so that one may stand in place of the other; the
    directories that Debian adds do not exist in an environment.
    """
    return data.replace(*_SITE)


def undo_source(path: str, source: bytes) -> bytes:
    """Return the module at `path` (below the standard library) as it must be in a conda environment.

    Raises `ValueError` when Debian has moved the function that needs replacing.
    """
    if _MARK not in source:
        return source
    if path == "site.py":
        return source.replace(*_SITE)
    if path == "distutils/sysconfig.py":
        return source.replace(*_DISTUTILS)
    if path in ("sysconfig.py", "sysconfig/__init__.py"):
        return _replace(path, source.decode(), "_get_preferred_schemes", _SCHEMES).encode()
    return source


def _replace(path: str, source: str, name: str, body: str) -> str:
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name and node.end_lineno:
            lines = source.splitlines(keepends=True)
            return "".join([*lines[: node.lineno - 1], body, *lines[node.end_lineno :]])
    raise ValueError(f"{path} of this distribution has no function {name}")
