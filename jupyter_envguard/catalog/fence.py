"""What python-tuf raises, in our words: nothing foreign leaves the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)

from jupyter_envguard.errors import EnvGuardError, Unavailable, Untrusted
from jupyter_envguard.files import explain

RESTORE = "Do not use it; compare it with a backup and publish again from the machine that holds the keys."


@contextmanager
def fenced(where: str) -> Iterator[None]:
    """Turn everything python-tuf raises in the block into one of our errors; `where` names the catalog."""
    try:
        yield
    except (RepositoryError, DownloadError, OSError) as error:
        raise refusal(error, where) from error


def refusal(error: Exception, where: str) -> EnvGuardError:
    """Return `error` in our words."""
    match error:
        case UnsignedMetadataError():
            return _untrusted(
                "catalog-unsigned", f"The catalog {where} lacks valid signatures: {error}.", RESTORE
            )
        case BadVersionNumberError():
            return _untrusted("catalog-rollback", f"The catalog {where} went back in time: {error}", RESTORE)
        case ExpiredMetadataError():
            return _untrusted(
                "catalog-expired",
                f"The signatures of the catalog {where} have expired: {error}.",
                "Renew it where the keys are kept. If it was renewed, check this machine's clock.",
            )
        case LengthOrHashMismatchError() | DownloadLengthMismatchError() | RepositoryError():
            return _untrusted(
                "catalog-tampered", f"The catalog {where} was changed after signing: {error}", RESTORE
            )
        case OSError():
            return explain(error, f"keep the state of the catalog {where}")
        case _:
            return Unavailable(
                "catalog-unreachable",
                f"The catalog {where} cannot be read: {error}.",
                "Check the path or address, and try again.",
            )


def _untrusted(code: str, message: str, hint: str) -> Untrusted:
    return Untrusted(code, message.rstrip(".") + ".", hint)
