"""Undoes, in a copy of the standard library, what Debian changes about where packages go.

Debian's CPython looks for packages in `dist-packages` of `/usr` and `/usr/local`
and never in `lib/python3.x/site-packages`, which is where a conda environment
holds them. The functions that decide this are replaced in the packaged copy;
all else stays as the distribution has it.
"""

from __future__ import annotations

import ast

SKIPPED = frozenset({"EXTERNALLY-MANAGED", "_distutils_system_mod.py", "sitecustomize.py", "dist-packages"})
"""Names at the top of the standard library that belong to the distribution, not to Python."""

_SITE = '''\
def getsitepackages(prefixes=None):
    """Return the site-packages directories of `prefixes`, by default of this installation."""
    version = "python%d.%d" % sys.version_info[:2]
    chosen = dict.fromkeys(PREFIXES if prefixes is None else prefixes)
    return [os.path.join(prefix, "lib", version, "site-packages") for prefix in chosen if prefix]
'''
_SYSCONFIG = """\
def _get_preferred_schemes():
    return {"prefix": "posix_prefix", "home": "posix_home", "user": "posix_user"}
"""
_DISTUTILS = (
    b'os.path.join(prefix, "lib", "python3", "dist-packages")',
    b'os.path.join(libpython, "site-packages")',
)

_FUNCTIONS = {
    "site.py": ("getsitepackages", _SITE),
    "sysconfig.py": ("_get_preferred_schemes", _SYSCONFIG),
    "sysconfig/__init__.py": ("_get_preferred_schemes", _SYSCONFIG),
}


def undo(path: str, source: bytes) -> bytes:
    """Return the module at `path` (below the standard library) as it must be in a conda environment.

    Sources that do not mention `dist-packages` come back unchanged, so every
    other CPython passes through as it is. Raises `ValueError` when Debian has
    moved the function that needs replacing.
    """
    if b"dist-packages" not in source:
        return source
    if path == "distutils/sysconfig.py":
        return source.replace(*_DISTUTILS)
    if path in _FUNCTIONS:
        return _replace(path, source.decode(), *_FUNCTIONS[path]).encode()
    return source


def _replace(path: str, source: str, name: str, body: str) -> str:
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name and node.end_lineno:
            lines = source.splitlines(keepends=True)
            return "".join([*lines[: node.lineno - 1], body, *lines[node.end_lineno :]])
    raise ValueError(f"{path} of this distribution has no function {name}")
