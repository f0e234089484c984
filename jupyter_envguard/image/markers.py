"""The polite signs in a sealed environment, and what of a pack has no place in one.

Signs are courtesy, not the guard: they make conda (CEP 22) and pip (PEP 668) say
why nothing can be installed here, in place of a permission error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection

MESSAGE = (
    "This environment is approved as it is and sealed by jupyter_envguard, so packages cannot be "
    "installed, updated or removed in it. Ask for a package in the EnvGuard panel of JupyterLab, or "
    "ask the people who run this hub."
)
"""What conda and pip say to a person who tries to change a sealed environment."""

TRANSLATED = {
    "de": (
        "Diese Umgebung ist so freigegeben, wie sie ist, und von jupyter_envguard versiegelt: Pakete können "
        "darin nicht installiert, aktualisiert oder entfernt werden. Fragen Sie im EnvGuard-Bereich von "
        "JupyterLab nach einem Paket, oder die Betreiber dieses Hubs."
    ),
    "fr": (
        "Cet environnement est approuvé tel quel et scellé par jupyter_envguard : on ne peut y installer, "
        "mettre à jour ni supprimer de paquets. Demandez un paquet dans le panneau EnvGuard de JupyterLab, "
        "ou aux personnes qui gèrent ce hub."
    ),
}
"""The same for pip, which picks one by the user's locale (PEP 668)."""

FROZEN = "conda-meta/frozen"
HISTORY = "conda-meta/history"

DROPPED = frozenset({"bin/conda-unpack", "bin/conda_unpack_progress.py"})
"""Files of conda-pack that rewrite prefixes in place, which in a sealed tree is done already."""

_STANDARD_LIBRARY = re.compile(r"(lib/python\d+\.\d+t?)/os\.py\Z")


def standard_libraries(paths: Collection[str]) -> tuple[str, ...]:
    """Return the folders among `paths` that hold a Python standard library, such as `lib/python3.11`."""
    found = (_STANDARD_LIBRARY.match(path) for path in paths if path.endswith("/os.py"))
    return tuple(sorted(match.group(1) for match in found if match))


def markers(paths: Collection[str]) -> dict[str, bytes]:
    """Return the files by path that replace or join those of a pack with `paths`.

    The history of conda is emptied: IPython's `%conda` runs the program that it
    names, which is a path of the machine where the environment was packed.
    """
    signs = {FROZEN: json.dumps({"message": MESSAGE}).encode() + b"\n"}
    if HISTORY in paths:
        signs[HISTORY] = b""
    for library in standard_libraries(paths):
        signs[f"{library}/EXTERNALLY-MANAGED"] = _externally_managed().encode()
    return signs


def _externally_managed() -> str:
    translated = "".join(f"Error-{language}={text}\n" for language, text in TRANSLATED.items())
    return f"[externally-managed]\nError={MESSAGE}\n{translated}"
