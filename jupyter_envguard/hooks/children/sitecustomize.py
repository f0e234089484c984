"""Guards the imports of a Python that was started by a kernel in lockdown.

`site` imports a module of this name in every Python that is not told to leave it out. That is
its weakness: `python -I` and `python -S` have no guard, and so have processes of pools that
are started anew (`spawn`), because they take `-I` over from the kernel. What the guard keeps
out there is plain code; machine code is stopped by the mounts of the session.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
GUARD = os.path.join(os.path.dirname(FOLDER), "imports.py")
OWN_PACKAGES = "ENVGUARD_OWN_PACKAGES"


def guard() -> None:
    """Guard this process, as `kernels.launch` does the kernel."""
    spec = importlib.util.spec_from_file_location("envguard_imports", GUARD)
    if spec is None or spec.loader is None:
        raise ImportError(f"{GUARD} is missing")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    found.install(packages=bool(os.environ.get(OWN_PACKAGES)))


def make_way() -> None:
    """Let the environment's own module of this name be imported, if it has one."""
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != FOLDER]
    ours = sys.modules.pop(__name__)
    try:
        importlib.import_module(__name__)
    except ImportError as error:
        if error.name != __name__:
            raise
    finally:
        sys.modules.setdefault(__name__, ours)


if __name__ == "sitecustomize":
    guard()
    make_way()
