"""Writing a catalog: `Repository`, a python-tuf repository of plain files.

    catalog/metadata/timestamp.json        the newest snapshot; written last
    catalog/metadata/7.snapshot.json       the newest targets
    catalog/metadata/7.targets.json        the digest of catalog.json
    catalog/metadata/1.root.json           the keys, from which all trust starts
    catalog/targets/<sha256>.catalog.json  every entry

Readers begin at `timestamp.json`, which is replaced in one step after all that
it leads to is on the disk. So a reader sees one version or the next, and a
writer that dies or runs out of space leaves the old one standing.

Every signature is made by the keys at hand and then checked against the
threshold of its role, so a root that demands more signatures than this machine
can give is refused before a byte is written.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tuf.api.exceptions import BadVersionNumberError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, T, TargetFile, Targets, Timestamp

from jupyter_envguard.catalog.chain import Chain, read_chain, read_version
from jupyter_envguard.catalog.document import CATALOG_BYTES, Catalog
from jupyter_envguard.catalog.entry import Entry
from jupyter_envguard.catalog.fence import refusal
from jupyter_envguard.catalog.keys import Keys
from jupyter_envguard.catalog.names import format_time
from jupyter_envguard.catalog.verification import ISSUED, ROLES, TARGET
from jupyter_envguard.errors import Conflict, EnvGuardError, NotFound, Unavailable
from jupyter_envguard.files import explain, explained, locked, write_atomically

log = logging.getLogger(__name__)

LOCK_SECONDS = 10
"""How long a writer waits for another one."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long signatures hold; the lab profile."""

    root: timedelta = timedelta(days=365)
    """Who may sign."""
    targets: timedelta = timedelta(days=365)
    """What is approved."""
    snapshot: timedelta = timedelta(days=30)
    """Which files belong together."""
    timestamp: timedelta = timedelta(days=30)
    """What is newest: how long a withheld revocation could go unnoticed."""


@dataclass(frozen=True, slots=True)
class Versions:
    """How far each role has counted."""

    timestamp: int
    """Grows with every publication and renewal."""
    snapshot: int
    """Grows with the timestamp."""
    targets: int
    """Grows with every publication; the version of the catalog."""

    @classmethod
    def of(cls, chain: Chain) -> Versions:
        """Return the versions that `chain` is at."""
        return cls(chain.timestamp.version, chain.snapshot.version, chain.targets.version)


class Repository:
    """The one writer of a catalog, where its keys are kept."""

    def __init__(
        self,
        path: Path,
        keys: Path,
        *,
        lifetimes: Lifetimes | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.path = path
        self._keys = Keys(keys)
        self._lifetimes = lifetimes or Lifetimes()
        self._clock = clock

    def init(self) -> bytes:
        """Make keys and an empty catalog; return the root metadata that nodes must be given to trust it.

        Can be repeated after it was interrupted; raises `catalog-exists` once done.
        """
        with explained(f"make the folder {self.path}"):
            for folder in (self.path, self.path / "metadata", self.path / "targets"):
                folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        with self._alone():
            if (self.path / "metadata" / "timestamp.json").exists() or self._keys.published():
                raise Conflict(
                    "catalog-exists",
                    f"{self.path} or its keys belong to a catalog already.",
                    "Name other folders, or restore the catalog from a backup.",
                )
            root = self._new_root()
            content = self._signed(root, root)
            self._keys.pin(content)
            self._write_all({"metadata/1.root.json": content})
            self._release(root, Versions(0, 0, 0), ())
            return content

    def load(self) -> Catalog:
        """Return the newest catalog, verified but for its age, so that an expired one can be renewed."""
        return self._chain().catalog

    def history(self, version: int) -> Catalog:
        """Return the catalog as it was at `version`; raise `version-unknown` when there was none."""
        chain = self._chain()
        if not 1 <= version <= chain.catalog.version:
            raise NotFound(
                "version-unknown",
                f"The catalog {self.path} has no version {version}.",
                f"Its versions are 1 to {chain.catalog.version}.",
            )
        return read_version(self.path, chain.roots, version)

    def publish(self, entries: Iterable[Entry], expected_version: int) -> Catalog:
        """Publish `entries` as the version after `expected_version` and return it.

        Raises `catalog-changed` when that is no longer the newest: look again,
        then decide again.
        """
        with self._alone():
            chain = self._chain()
            if chain.catalog.version != expected_version:
                raise Conflict(
                    "catalog-changed",
                    f"The catalog {self.path} is at version {chain.catalog.version}, not {expected_version}.",
                    "Somebody else published; look at the change and try again.",
                )
            return self._release(chain.root, Versions.of(chain), entries)

    def renew(self) -> Catalog:
        """Sign again what has a short life, and what is past half of a long one; return the catalog."""
        with self._alone():
            chain = self._chain()
            root, last = chain.root, Versions.of(chain)
            if self._renewable(root, root, self._lifetimes.root):
                root = Root(
                    root.version + 1, None, self._now() + self._lifetimes.root, root.keys, root.roles, True
                )
                self._write_all({f"metadata/{root.version}.root.json": self._signed(root, root)})
            if self._renewable(root, chain.targets, self._lifetimes.targets):
                return self._release(root, last, chain.catalog.entries)
            self._write_all(self._seal(root, last, chain.snapshot.meta["targets.json"]))
            return self._chain().catalog

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with locked(self.path / ".lock", LOCK_SECONDS):
            yield

    def _now(self) -> datetime:
        return self._clock().replace(microsecond=0)  # What signatures carry has whole seconds.

    def _chain(self) -> Chain:
        # Before the chain: somebody may publish, and remember it, while it is being read.
        published = self._keys.published()
        chain = read_chain(self.path, self._keys.anchor())
        if chain.catalog.version < published:
            raise refusal(
                BadVersionNumberError(f"version {chain.catalog.version} after {published}"), str(self.path)
            )
        return chain

    def _new_root(self) -> Root:
        root = Root(expires=self._now() + self._lifetimes.root, consistent_snapshot=True)
        for role, signer in self._keys.generate(ROLES).items():
            root.add_key(signer.public_key, role)
        return root

    def _renewable(self, root: Root, signed: Root | Targets, lifetime: timedelta) -> bool:
        """Say whether `signed` is past half of its life and the keys to sign it again are here."""
        role = root.roles[signed.type]
        at_hand = len(set(role.keyids) & set(self._keys.signers()))
        due = signed.expires - self._now() < lifetime / 2
        if due and at_hand < role.threshold:
            log.warning("The %s role expires on %s and its keys are not here.", signed.type, signed.expires)
        return due and at_hand >= role.threshold

    def _release(self, root: Root, last: Versions, entries: Iterable[Entry]) -> Catalog:
        """Sign and write the version after `last`, with `entries`."""
        version, now = last.targets + 1, self._now()
        expires = now + min(self._lifetimes.targets, self._lifetimes.snapshot, self._lifetimes.timestamp)
        catalog = Catalog(version, format_time(now), min(expires, root.expires), tuple(entries))
        content = catalog.canonical()
        if len(content) > CATALOG_BYTES:
            raise Unavailable(
                "catalog-full",
                f"The catalog would have {len(content)} bytes, more than {CATALOG_BYTES}.",
                "Use smaller logos.",
            )
        target = TargetFile.from_data(TARGET, content, ["sha256"])
        targets = Targets(version, expires=now + self._lifetimes.targets, targets={TARGET: target})
        signed = self._signed(targets, root)
        files = {
            f"targets/{target.get_prefixed_paths()[0]}": content,
            f"metadata/{version}.targets.json": signed,
        }
        self._write_all(files | self._seal(root, last, MetaFile.from_data(version, signed, ["sha256"])))
        try:
            self._keys.remember(version)
        except EnvGuardError as error:
            log.warning(
                "Version %d is published, but not remembered beside the keys: %s", version, error.message
            )
        return catalog

    def _seal(self, root: Root, last: Versions, targets: MetaFile) -> dict[str, bytes]:
        """Return the files that make `targets` the newest, in the order in which they must be written."""
        now = self._now()
        snapshot = Snapshot(
            last.snapshot + 1, expires=now + self._lifetimes.snapshot, meta={"targets.json": targets}
        )
        content = self._signed(snapshot, root)
        timestamp = Timestamp(
            last.timestamp + 1,
            expires=now + self._lifetimes.timestamp,
            snapshot_meta=MetaFile.from_data(snapshot.version, content, ["sha256"]),
            unrecognized_fields={ISSUED: format_time(now)},
        )
        name = f"metadata/{snapshot.version}.snapshot.json"
        return {name: content, "metadata/timestamp.json": self._signed(timestamp, root)}

    def _signed(self, part: T, root: Root) -> bytes:
        """Return `part` signed with every key at hand that `root` lists for it; raise when too few."""
        metadata = Metadata(part)
        role, signers = root.roles[part.type], self._keys.signers()
        for keyid in role.keyids:
            if keyid in signers:
                metadata.sign(signers[keyid], append=True)
        if len(metadata.signatures) < role.threshold:
            raise Unavailable(
                "keys-insufficient",
                f"{part.type} needs {role.threshold} signatures; the keys make {len(metadata.signatures)}.",
                "Run this where the keys of that role are kept.",
            )
        return metadata.to_bytes()

    def _write_all(self, files: Mapping[str, bytes]) -> None:
        """Write `files` in their order; the last one makes the others count."""
        try:
            for name, content in files.items():
                write_atomically(self.path / name, content)
        except OSError as error:
            # Once readers can see the last file there is no way back, whatever a sync says after it.
            if not self._reads(name, content) or name != list(files)[-1]:
                raise explain(error, f"write the catalog {self.path}") from error
            log.warning("%s is written, but may not survive a power cut: %s", self.path / name, error)

    def _reads(self, name: str, content: bytes) -> bool:
        try:
            return (self.path / name).read_bytes() == content
        except OSError:
            return False
