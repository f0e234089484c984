"""Every attempt, sorted."""

from __future__ import annotations

from tests.attacks.attempt import Attempt
from tests.attacks.files import FILES
from tests.attacks.imports import IMPORTS
from tests.attacks.installers import CONDA, PIP
from tests.attacks.jupyter import JUPYTER, RACES
from tests.attacks.programs import PROGRAMS

ATTEMPTS: tuple[Attempt, ...] = (*CONDA, *PIP, *IMPORTS, *FILES, *PROGRAMS, *JUPYTER, *RACES)

FAMILIES = {
    "A": "conda",
    "B": "pip and other installers",
    "C": "import paths",
    "D": "bytes and memory",
    "E": "programs and machine code",
    "F": "Jupyter",
    "G": "races",
}
