"""Exit codes: one for each family of errors, so that a script can tell them apart."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from jupyter_envguard.errors import (
    Conflict,
    Denied,
    EnvGuardError,
    InvalidInput,
    NotFound,
    PackRefused,
    Unavailable,
    Untrusted,
)


class Exit(IntEnum):
    """What the command says to the shell."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    NOT_FOUND = 4
    CONFLICT = 5
    UNTRUSTED = 6
    UNAVAILABLE = 7
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANINGS: Mapping[Exit, str] = MappingProxyType(
    {
        Exit.OK: "Done.",
        Exit.FAILED: "Something failed that nobody foresaw, or `doctor` found a FAIL.",
        Exit.USAGE: "What was asked or written is wrong: arguments, names, `site.yaml`.",
        Exit.REFUSED: "A pack, a policy or a state says no.",
        Exit.NOT_FOUND: "No such environment, release or file.",
        Exit.CONFLICT: "Somebody else got there first, or the present state forbids it.",
        Exit.UNTRUSTED: "A signature, a digest, an expiry or the log does not hold.",
        Exit.UNAVAILABLE: "The machine cannot do it now: disk, permission, lock.",
        Exit.INTERRUPTED: "Interrupted from the keyboard; nothing is half done.",
        Exit.BROKEN_PIPE: "Whoever read the output went away.",
    }
)

# The first family that fits decides, so a family stands before the one it belongs to.
_FAMILIES: tuple[tuple[type[EnvGuardError], Exit], ...] = (
    (PackRefused, Exit.REFUSED),
    (InvalidInput, Exit.USAGE),
    (Denied, Exit.REFUSED),
    (NotFound, Exit.NOT_FOUND),
    (Conflict, Exit.CONFLICT),
    (Untrusted, Exit.UNTRUSTED),
    (Unavailable, Exit.UNAVAILABLE),
)


def exit_for(error: EnvGuardError) -> Exit:
    """Return the exit code of the family that `error` belongs to."""
    return next((code for family, code in _FAMILIES if isinstance(error, family)), Exit.FAILED)
