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


def is_wanted(path: str) -> bool:
    """Tell whether the file `path` is captured; it must then be a plain file of modest size."""
    return WANTED.fullmatch(path) is not None


def is_welcome(path: str) -> bool:
    """Tell whether the file `path` is captured when it is small, and ignored when it is not.

    `.pth` is also how weights of neural networks are called; only those in a
    `site-packages` act at start, but a folder may be linked there.
    """
    return path.endswith(".pth")
