from __future__ import annotations

import errno

import pytest
from tuf.api import exceptions
from tuf.api.serialization import DeserializationError

from jupyter_envguard.catalog.fence import fenced
from jupyter_envguard.errors import EnvGuardError

CODES = [
    (exceptions.UnsignedMetadataError("0/1"), "catalog-unsigned"),
    (exceptions.BadVersionNumberError("1 < 2"), "catalog-rollback"),
    (exceptions.EqualVersionNumberError("2"), "catalog-rollback"),
    (exceptions.ExpiredMetadataError("timestamp.json is expired"), "catalog-expired"),
    (exceptions.LengthOrHashMismatchError("hash"), "catalog-tampered"),
    (exceptions.DownloadLengthMismatchError("long"), "catalog-tampered"),
    (DeserializationError("json"), "catalog-tampered"),
    (exceptions.RepositoryError("else"), "catalog-tampered"),
    (exceptions.DownloadHTTPError("gone", 404), "catalog-unreachable"),
    (exceptions.SlowRetrievalError("slow"), "catalog-unreachable"),
    (exceptions.DownloadError("down"), "catalog-unreachable"),
    (OSError(errno.ENOSPC, "full"), "disk-full"),
    (OSError(errno.EACCES, "no"), "permission-denied"),
]


@pytest.mark.parametrize(
    ("error", "code"), CODES, ids=lambda item: item if isinstance(item, str) else type(item).__name__
)
def test_nothing_foreign_leaves_the_catalog(error: Exception, code: str) -> None:
    with pytest.raises(EnvGuardError, match="/srv/catalog") as caught, fenced("/srv/catalog"):
        raise error
    assert caught.value.code == code
    assert caught.value.__cause__ is error
    assert caught.value.hint


def test_what_works_passes() -> None:
    with fenced("/srv/catalog"):
        pass


def test_our_own_mistakes_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), fenced("/srv/catalog"):
        1 / 0  # noqa: B018
