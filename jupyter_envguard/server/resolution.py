"""What a notebook should get that names a kernel: that one, another one, or the reason why none."""

from __future__ import annotations

from typing import Any

from jupyter_envguard.catalog.document import Offer
from jupyter_envguard.errors import EnvGuardError, InvalidInput
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.kernels.successor import stamped, successor
from jupyter_envguard.server.presenter import Answer, shown, usable_listing

KERNEL_LENGTH = 200
"""Characters of a kernel name that is asked for."""


def resolution(guard: Guard, kernel: str, digest: str = "") -> Answer:
    """Return what a notebook that names `kernel` and was stamped with `digest` should get.

    Raises `invalid-argument` when no kernel is named.
    """
    if not kernel.strip() or len(kernel) > KERNEL_LENGTH:
        raise InvalidInput(
            "invalid-argument", "It is not said which kernel is meant.", "Add ?kernel=NAME to the address."
        )
    listing = usable_listing(guard)
    try:
        found: Offer | None = guard.resolve(kernel, wait=False)
        status, reason = "current" if found and found.is_current else "available", None
    except EnvGuardError as error:
        found = successor(listing, kernel, digest, guard.sources.site.successors)
        status, reason = "successor" if found else "gone", error.as_json()
    before = stamped(listing, digest)
    content: dict[str, Any] = {
        "kernel": kernel,
        "status": status,
        "environment": shown(guard, found) if found else None,
        "stamped": shown(guard, before) if before and before.decision else None,
        "reason": reason,
    }
    return Answer(content)
