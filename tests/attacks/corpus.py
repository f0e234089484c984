"""Every attempt, sorted."""

from __future__ import annotations

from tests.attacks.attempt import Attempt
from tests.attacks.files import FILES
from tests.attacks.imports import IMPORTS
from tests.attacks.installers import CONDA, PIP
from tests.attacks.jupyter import JUPYTER, RACES
from tests.attacks.programs import PROGRAMS
from tests.attacks.visits import GATEWAY, VISITS

IN_SESSION: tuple[Attempt, ...] = (*CONDA, *PIP, *IMPORTS, *FILES, *PROGRAMS, *JUPYTER, *RACES)
"""What is done in cells and terminals, and before kernels start."""
ATTEMPTS: tuple[Attempt, ...] = (*IN_SESSION, *VISITS, GATEWAY)

FAMILIES = {
    "A": "conda",
    "B": "pip and other installers",
    "C": "import paths",
    "D": "bytes and memory",
    "E": "programs and machine code",
    "F": "Jupyter",
    "G": "races",
}
