"""What a kernel is told about itself, so that the hooks in it can answer helpfully.

These are variables of the user's own process, so nothing but the wording of a
refusal hangs on them.
"""

from __future__ import annotations

import json
import os

from jupyter_envguard.hooks.links import own_form
from jupyter_envguard.hooks.report import ADDRESS
from jupyter_envguard.kernels.guard import Guard, Permit

MOST_KERNELS = 64
"""Kernels whose specs are named; a variable has to stay small."""


def told(guard: Guard, permit: Permit) -> dict[str, str]:
    """Return the variables by name: the release, where to ask, where to report, specs of kernels."""
    allowed = sorted(guard.listing().allowed.items())[:MOST_KERNELS]
    images = {name: guard.image_path(offer.entry) for name, offer in allowed}
    specs = {name: str(path.parent / ".meta" / path.name / "spec.json") for name, path in images.items()}
    where = {ADDRESS: os.environ[ADDRESS]} if ADDRESS in os.environ else {}
    return where | {
        "ENVGUARD_RELEASE": permit.offer.entry.id,
        "ENVGUARD_REQUEST_URL": guard.sources.site.request_template or own_form(),
        "ENVGUARD_SPECS": json.dumps(specs, separators=(",", ":")),
    }
