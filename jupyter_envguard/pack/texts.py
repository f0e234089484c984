"""Which small files of a pack are read whole, because rules and the spec look into them."""

from __future__ import annotations

import re
from typing import Final

WANTED: Final = re.compile(
    r"""
    (?:.*/)? (?: sitecustomize\.py | usercustomize\.py | EXTERNALLY-MANAGED | [^/]+\.egg-link
               | [^/]+\.dist-info/(?: METADATA | INSTALLER | RECORD | WHEEL
                                    | direct_url\.json | entry_points\.txt ) )
  | (?:.*/)? (?:site|dist)-packages/[^/]+\.pth
  | share/jupyter/kernels/[^/]+/kernel\.json
  | conda-meta/(?: history | state | frozen )
  | etc/conda/.+
  | pyvenv\.cfg
    """,
    re.VERBOSE,
)


FOLDER: Final = re.compile(
    r"bin|conda-meta|etc(?:/conda)?|lib|lib/python\d+\.\d+t?/site-packages|share(?:/jupyter(?:/kernels)?)?"
)
VERSION: Final = re.compile(r"lib/python\d+\.\d+t?")


def hides(path: str, reached: str) -> bool:
    """Tell whether a link at `path` to `reached` would give files that act at start another path.

    Rules look for them by path, so the folders above them must be folders. Only
    conda's own `lib/python3.1 -> python3.11` is fine.
    """
    if VERSION.fullmatch(path):
        return VERSION.fullmatch(reached) is None
    return FOLDER.fullmatch(path) is not None


def is_wanted(path: str) -> bool:
    """Tell whether the file `path` is captured; it must then be a plain file of modest size."""
    return WANTED.fullmatch(path) is not None


def is_welcome(path: str) -> bool:
    """Tell whether the file `path` is captured when it is small, and ignored when it is not.

    `.pth` is also how weights of neural networks are called; only those in a
    `site-packages` act at start, but a folder may be linked there.
    """
    return path.endswith(".pth")
