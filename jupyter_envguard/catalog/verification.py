"""From files anybody could have written to a `Catalog` that can be trusted: one run of python-tuf's client.

Importing this module loads python-tuf and its cryptography, about a fifth of a
second; `client` does so when it first needs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Signed, TargetFile
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.updater import Updater

from jupyter_envguard.catalog.document import CATALOG_BYTES, Catalog
from jupyter_envguard.catalog.fence import RESTORE, fenced
from jupyter_envguard.catalog.fetchers import BoundedFetcher, FolderFetcher, HttpFetcher
from jupyter_envguard.catalog.names import parse_time
from jupyter_envguard.errors import InvalidInput, Untrusted

TARGET = "catalog.json"
ROLES = ("root", "timestamp", "snapshot", "targets")
ISSUED = "x-envguard-issued"
"""Signed with the timestamp: when it was made."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A catalog, and what its signatures say about its age."""

    catalog: Catalog
    """The catalog, every check passed."""
    version: int
    """Version of the timestamp metadata: grows with every publication and renewal."""
    issued: datetime
    """When the newest signature was made."""


def fetcher_for(address: str, pause_seconds: float, total_seconds: float) -> BoundedFetcher:
    """Return what reads `address`, a folder or an `http(s)` address."""
    if address.startswith(("http://", "https://")):
        return HttpFetcher(pause_seconds, total_seconds)
    return FolderFetcher()


def verify(address: str, fetcher: BoundedFetcher, trusted_root: bytes, state: Path) -> Verified:
    """Return the catalog at `address` as signed under `trusted_root`.

    `state` is a folder that only the caller writes to, and one caller at a time:
    what was seen there before cannot be rolled back. Raises `Untrusted` with the
    code of the check that failed, or `Unavailable`.
    """
    with fenced(address):
        updater = Updater(
            str(state),
            f"{address}/metadata/",
            fetcher=fetcher,
            config=UpdaterConfig(),
            bootstrap=trusted_root,
        )
        updater.refresh()
        target = bounded(updater.get_targetinfo(TARGET), address)
        content = fetcher.read(f"{address}/targets/{target.get_prefixed_paths()[0]}", target.length)
        target.verify_length_and_hashes(content)
        parts = [Metadata.from_bytes((state / f"{role}.json").read_bytes()).signed for role in ROLES]
    timestamp, targets = parts[1], parts[3]
    expires = min(part.expires for part in parts)
    return Verified(matching(content, targets, expires), timestamp.version, issued(timestamp))


def is_root(content: bytes) -> bool:
    """Return whether `content` reads as root metadata, whoever signed it."""
    try:
        return isinstance(Metadata.from_bytes(content).signed, Root)
    except RepositoryError:
        return False


def issued(timestamp: Signed) -> datetime:
    """Return when `timestamp` was signed, as it says itself; raise `catalog-tampered` when it does not."""
    try:
        return parse_time(timestamp.unrecognized_fields.get(ISSUED), ISSUED)
    except InvalidInput as error:
        raise _tampered("its timestamp does not say when it was made") from error


def matching(content: bytes, targets: Signed, expires: datetime) -> Catalog:
    """Return the catalog that `content` holds, if it is the version that `targets` signs."""
    catalog = Catalog.from_bytes(content, expires)
    if catalog.version != targets.version:
        raise _tampered(f"its version {catalog.version} is not the signed {targets.version}")
    return catalog


def bounded(target: TargetFile | None, address: str) -> TargetFile:
    """Return `target` if there is one of a size that we read."""
    if target is None or target.length > CATALOG_BYTES:
        raise _tampered(f"{address} signs no {TARGET} of at most {CATALOG_BYTES} bytes")
    return target


def _tampered(why: str) -> Untrusted:
    return Untrusted("catalog-tampered", f"The catalog cannot be trusted: {why}.", RESTORE)
