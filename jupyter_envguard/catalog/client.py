"""Reading a catalog on a node: `Client` verifies from a pinned root and notices change with one stat.

>>> client = Client("/srv/envguard/catalog", Path("/srv/envguard/root.json"))  # doctest: +SKIP
>>> client.current().offers("ada", {"data-science"}, datetime.now(UTC))        # doctest: +SKIP
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from jupyter_envguard.catalog.document import Catalog
from jupyter_envguard.errors import InvalidInput, Unavailable, Untrusted
from jupyter_envguard.files import explained, locked, read_bounded

log = logging.getLogger(__name__)

Mark = tuple[int, int, int, int, int]
"""What a stat says about a file: device, inode, size, times of content and inode."""

SIGNED_ROLES = ("root", "timestamp", "snapshot", "targets")
"""Roles whose signatures lead from the root of trust to the catalog."""

COPY_ROOT = "Copy root.json from the site that made the catalog, by a way you trust."


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client puts up with."""

    root_bytes: int = 512_000
    """Size of the pinned root metadata."""
    pause_seconds: float = 10
    """Longest silence of an HTTP server, and longest wait for its connection."""
    total_seconds: float = 60
    """Longest download of one file over HTTP."""
    refresh_seconds: float = 30
    """Over HTTP, how long a catalog counts as unchanged without asking."""
    lock_seconds: float = 10
    """Longest wait for another process that uses the same state."""
    clock: timedelta = timedelta(minutes=5)
    """How far this machine's clock may be behind what was signed or seen."""


class Client:
    """One catalog, as one process reads it; safe for several threads."""

    def __init__(
        self,
        source: str | Path,
        trusted_root: bytes | Path,
        *,
        state: Path | None = None,
        minimum_version: int = 0,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Read nothing yet.

        `source` is a path, a `file://` or an `http(s)://` address; `trusted_root`
        the root metadata to start from. `state` is a folder that remembers across
        processes what was seen, so that it cannot be rolled back; without it the
        memory lasts as long as this client. `minimum_version` refuses older
        catalogs even on the first reading.
        """
        self.address = address_of(source)
        self._root = trusted_root
        self._state = state
        self._limits = limits or Limits()
        self._clock = clock
        self._turn = threading.RLock()
        self._held: Catalog | None = None
        self._mark: Mark | None = None
        self._asked = 0.0
        self._highest = (0, minimum_version)
        self._latest = datetime.fromtimestamp(0, UTC)

    @property
    def is_local(self) -> bool:
        """Whether the catalog is a folder."""
        return not self.address.startswith("http")

    def current(self) -> Catalog:
        """Return the catalog, verified again only when it changed or its signatures ran out.

        When it cannot be reached, the last one is good until it expires; what is
        reached and does not verify is never replaced by an older one.
        """
        with self._turn:
            now = self._checked_clock()
            held = self._held
            fresh = held is not None and now < held.expires
            if held is not None and fresh and not self.changed():
                return held
            try:
                return self.load()
            except Unavailable as error:
                if held is None or not fresh or error.code != "catalog-unreachable":
                    raise
                log.warning("The catalog is kept as of version %d: %s", held.version, error.message)
                return held

    def load(self) -> Catalog:
        """Return the catalog after verifying all of it.

        Raises `Untrusted` (`catalog-unsigned`, `-tampered`, `-expired`,
        `-rollback`, `clock-behind`, `trust-missing`), `catalog-invalid` when it is
        signed but unreadable, and `Unavailable` when it cannot be had.
        """
        # python-tuf takes a fifth of a second to import: not before it is needed.
        from jupyter_envguard.catalog import verification

        limits = self._limits
        with self._turn:
            self._checked_clock()
            mark, asked = self._look(), time.monotonic()
            root, state = self._trusted_root(verification.is_root), self._state_folder()
            fetcher = verification.fetcher_for(self.address, limits.pause_seconds, limits.total_seconds)
            with locked(state / ".lock", limits.lock_seconds):
                found = verification.verify(self.address, fetcher, root, state)
            self._remember(found.version, found.catalog.version, found.issued)
            self._held, self._mark, self._asked = found.catalog, mark, asked
            return found.catalog

    def signed(self) -> dict[str, bytes]:
        """Return the catalog in the bytes that were signed, and the signatures under `tuf/`, by file name.

        All of them belong together; raises as `current` does.
        """
        with self._turn:
            catalog, state = self.current(), self._state_folder()
            roots = {f"tuf/{path.name}": path for path in sorted(state.glob("root_history/*.root.json"))}
            roles = {f"tuf/{role}.json": state / f"{role}.json" for role in SIGNED_ROLES}
            with locked(state / ".lock", self._limits.lock_seconds), explained(f"read {state}"):
                found = {name: path.read_bytes() for name, path in (roots | roles).items()}
        return {"catalog.json": catalog.canonical(), **found}

    def changed(self) -> bool:
        """Return whether `load` could give something new: one stat for a folder, a timer for HTTP."""
        if self._held is None:
            return True
        if self.is_local:
            return self._mark is None or self._look() != self._mark
        return time.monotonic() - self._asked >= self._limits.refresh_seconds

    def _look(self) -> Mark | None:
        try:
            found = Path(self.address, "metadata", "timestamp.json").stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _remember(self, timestamp: int, catalog: int, issued: datetime) -> None:
        if timestamp < self._highest[0] or catalog < self._highest[1]:
            raise Untrusted(
                "catalog-rollback",
                f"The catalog {self.address} is at version {catalog}, after {self._highest[1]}.",
                "Do not use it; publish again from the machine that holds the keys.",
            )
        self._checked_clock(issued)
        self._highest = (timestamp, catalog)

    def _checked_clock(self, signed: datetime | None = None) -> datetime:
        """Return the time unless it is before what was seen or before `signed`: `clock-behind`."""
        now, latest = self._clock(), max(self._latest, signed or self._latest)
        if now < latest - self._limits.clock:
            raise Untrusted(
                "clock-behind",
                f"This machine's clock says {now:%Y-%m-%d %H:%M} UTC, before {latest:%Y-%m-%d %H:%M}.",
                "Set the clock, here or where the catalog was signed: expired signatures could pass.",
            )
        self._latest = max(latest, now)
        return now

    def _trusted_root(self, is_root: Callable[[bytes], bool]) -> bytes:
        path = self._root
        if isinstance(path, bytes):
            return path
        try:
            content = read_bounded(path, self._limits.root_bytes)
        except OSError as error:
            raise Untrusted(
                "trust-missing", f"The root of trust {path} cannot be read: {error.strerror}.", COPY_ROOT
            ) from error
        if not is_root(content):
            raise Untrusted("trust-missing", f"{path} does not hold a root of trust.", COPY_ROOT)
        self._root = content
        return content

    def _state_folder(self) -> Path:
        if self._state is None:
            with explained("make a private folder for the catalog's state"):
                self._state = Path(tempfile.mkdtemp(prefix="envguard-"))
            weakref.finalize(self, _discard, self._state, os.getpid())
        with explained(f"make the folder {self._state}"):
            self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._state


def address_of(source: str | Path) -> str:
    """Return `source` as an absolute path or an `http(s)` address, without a slash at its end."""
    text = str(source)
    scheme = urlsplit(text).scheme if "://" in text else "path"
    if scheme in ("http", "https"):
        return text.rstrip("/")
    if scheme in ("file", "path"):
        return str(Path(unquote(urlsplit(text).path) if scheme == "file" else text).absolute())
    raise InvalidInput(
        "invalid-argument",
        f"The catalog {text!r} has an unknown scheme.",
        "Use a path, file://, http:// or https://.",
    )


def _discard(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # A forked child must not take its parent's state away.
        shutil.rmtree(folder, ignore_errors=True)
