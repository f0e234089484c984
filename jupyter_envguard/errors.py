"""Every refusal and failure that this package reports.

    EnvGuardError
    ├── InvalidInput        what was asked or written is wrong; ask differently
    │   └── PackRefused     a pack is hostile, damaged or beyond a limit
    ├── Denied              policy, catalog or state say no
    ├── NotFound            no such environment, release, kernel or file
    ├── Conflict            somebody else got there first, or the state forbids it
    ├── Untrusted           a signature, digest or expiry does not hold
    └── Unavailable         the machine cannot do it now (disk, permission, lock)

An error carries a stable kebab-case `code`, one sentence that names the kernel,
file or digest, and a `hint` that says what to do next. Codes are listed in
`CODES`; a code that is not there cannot be raised. Borders (command line, REST)
turn the family into an exit code or a status; nothing here knows of either.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CODES: Mapping[str, str] = MappingProxyType(
    {
        # general
        "internal-error": "Something failed that nobody foresaw; the log has the details.",
        "invalid-name": "A name of an environment, release, user or group has characters it may not have.",
        "invalid-digest": "A digest is not written as sha256: and 64 hexadecimal digits.",
        "invalid-argument": "An option or argument has a value that cannot be used.",
        "file-not-found": "A file or folder that was named does not exist.",
        "permission-denied": "The operating system does not let this user read or write the path.",
        "disk-full": "The disk or the quota is full; nothing was changed.",
        "io-error": "Reading or writing failed.",
        "locked": "Another process holds the lock and did not let go in time.",
        # hub
        "hub-contradiction": "The hub's configuration would undo what the guard sets.",
        # spec
        "spec-invalid": "A spec document does not have the shape of a spec.",
    }
)


class EnvGuardError(Exception):
    """The root: a `code` from `CODES`, a sentence, and a hint for what to do next."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        if code not in CODES:
            raise LookupError(f"error code {code!r} is not listed in errors.CODES")
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def as_json(self) -> dict[str, str]:
        """Return the one shape in which every border shows a refusal."""
        return {"code": self.code, "message": self.message, "hint": self.hint}

    def __reduce__(self) -> tuple[type[EnvGuardError], tuple[str, str, str]]:
        return type(self), (self.code, self.message, self.hint)


class InvalidInput(EnvGuardError):
    """What was asked or written cannot be meant."""


class PackRefused(InvalidInput):
    """A packed archive is hostile, damaged or beyond a limit."""


class Denied(EnvGuardError):
    """Policy, catalog or state say no."""


class NotFound(EnvGuardError):
    """There is no such thing."""


class Conflict(EnvGuardError):
    """Somebody else got there first, or the present state forbids it."""


class Untrusted(EnvGuardError):
    """A signature, a digest or an expiry does not hold."""


class Unavailable(EnvGuardError):
    """The machine cannot do it now."""
