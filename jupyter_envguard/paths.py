"""What lies around a path, told by its words alone.

Before every session and every kernel in lockdown this is asked for some hundred paths,
so it is a walk upwards and a look into a set, never a comparison of each with each.
"""
# ruff: noqa: PTH120 - pathlib is not free

from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` costs more than everything else here
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def above(path: str) -> Iterator[str]:
    """Yield the folders around `path`, which is absolute and normal, from the nearest one up to the root.

    >>> list(above("/opt/store/image"))
    ['/opt/store', '/opt', '/']
    """
    while path != "/":
        path = os.path.dirname(path)
        yield path


def is_within(path: str, places: Collection[str]) -> bool:
    """Tell whether `path` is one of `places`, best a set, or lies in one that is a folder.

    >>> is_within("/opt/store/image", {"/opt/store"}), is_within("/opt", {"/opt/store"})
    (True, False)
    """
    return path in places or any(folder in places for folder in above(path))
