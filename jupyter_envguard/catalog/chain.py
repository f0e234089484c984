"""From the pinned root to `catalog.json`, every signature and digest checked, whatever the age.

A writer needs this where a reader uses `verification`: signatures that have run
out must be readable to be renewed, and old versions to be looked back at.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tuf.api.exceptions import BadVersionNumberError, DownloadError, RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp
from tuf.ngclient.config import UpdaterConfig

from jupyter_envguard.catalog.document import Catalog
from jupyter_envguard.catalog.fence import fenced
from jupyter_envguard.catalog.verification import TARGET, bounded, matching
from jupyter_envguard.files import read_bounded

METADATA_BYTES = UpdaterConfig().targets_max_length
"""Size of a metadata file; the same as readers accept."""
S = TypeVar("S", Root, Timestamp, Snapshot, Targets)


@dataclass(frozen=True, slots=True)
class Chain:
    """The newest state of a repository."""

    roots: tuple[Root, ...]
    """Every root metadata, oldest first, each signed as the one before demands."""
    timestamp: Timestamp
    """What is newest."""
    snapshot: Snapshot
    """Which files belong together."""
    targets: Targets
    """The digest of the catalog."""
    catalog: Catalog
    """Every entry."""

    @property
    def root(self) -> Root:
        """The root metadata in force."""
        return self.roots[-1]


def read_chain(path: Path, anchor: bytes) -> Chain:
    """Return the newest state of the repository `path` under the root metadata `anchor`.

    Raises `Untrusted` with the code of the check that failed, `catalog-unreachable`
    when there is no catalog.
    """
    with fenced(str(path)):
        roots = _roots(path, anchor)
        in_force = roots[-1:]
        timestamp = _signed(Timestamp, in_force, path, "timestamp.json")
        leads = timestamp.snapshot_meta
        snapshot = _signed(Snapshot, in_force, path, f"{leads.version}.snapshot.json", leads)
        leads = snapshot.meta["targets.json"]
        targets = _signed(Targets, in_force, path, f"{leads.version}.targets.json", leads)
        catalog = _catalog(path, targets)
    expires = min(part.expires for part in (roots[-1], timestamp, snapshot, targets))
    return Chain(
        roots,
        timestamp,
        snapshot,
        targets,
        Catalog(catalog.version, catalog.issued, expires, catalog.entries),
    )


def read_version(path: Path, roots: Iterable[Root], version: int) -> Catalog:
    """Return an old version of the catalog, signed under any of `roots`."""
    with fenced(str(path)):
        return _catalog(path, _signed(Targets, roots, path, f"{version}.targets.json", MetaFile(version)))


def _roots(path: Path, anchor: bytes) -> tuple[Root, ...]:
    newest = Metadata[Root].from_bytes(anchor).signed
    roots = [newest]
    while (path / "metadata" / f"{newest.version + 1}.root.json").exists():
        name, meta = f"{newest.version + 1}.root.json", MetaFile(newest.version + 1)
        newest = _signed(Root, [newest], path, name, meta)
        _signed(Root, [newest], path, name, meta)
        roots.append(newest)
    return tuple(roots)


def _signed(kind: type[S], roots: Iterable[Root], path: Path, name: str, meta: MetaFile | None = None) -> S:
    """Return what the file `name` says, if one of `roots` vouches for it and it is what `meta` names."""
    content = _read(path / "metadata" / name, METADATA_BYTES)
    metadata = Metadata[S].from_bytes(content)
    signed, payload = metadata.signed, metadata.signed_bytes
    if not isinstance(signed, kind):
        raise RepositoryError(f"{name} is not what its name says")
    results = [root.get_verification_result(kind.type, payload, metadata.signatures) for root in roots]
    if not any(results):
        raise UnsignedMetadataError(
            f"{name} was signed by {len(results[-1].signed)}/{results[-1].threshold} keys"
        )
    if meta is not None:
        meta.verify_length_and_hashes(content)
        if signed.version != meta.version:
            raise BadVersionNumberError(f"{name} holds version {signed.version}")
    return signed


def _catalog(path: Path, targets: Targets) -> Catalog:
    target = bounded(targets.targets.get(TARGET), str(path))
    content = _read(path / "targets" / target.get_prefixed_paths()[0], target.length)
    target.verify_length_and_hashes(content)
    return matching(content, targets, targets.expires)


def _read(path: Path, limit: int) -> bytes:
    try:
        return read_bounded(path, limit)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise RepositoryError(f"{path.name} is {error.strerror}") from error
        raise DownloadError(f"{path}: {error.strerror}") from error
