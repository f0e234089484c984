"""Where releases are fetched from: `Source`, and its forms for folders and for web servers.

>>> source_at("https://hub.example.org/envguard")      # doctest: +SKIP
>>> source_at("/mnt/envguard").read("releases/….zst", limit=1024)      # doctest: +SKIP

A source may be broken or hostile. It is never trusted with a length: what is read
is bounded by what was asked for. Credentials in an address are never told to anybody.
"""

from __future__ import annotations

import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from jupyter_envguard.errors import EnvGuardError, InvalidInput, NotFound, Unavailable, Untrusted
from jupyter_envguard.files import explained
from jupyter_envguard.transfer.limits import KIB, LIMITS, Limits

CHUNK = 256 * KIB
"""Bytes read at a time: what the cache of a core holds until they are hashed and written."""

_NAME = re.compile(r"(releases/[0-9a-f]{64}\.zst|blobs/[0-9a-f]{64}|forms/[0-9a-f]{64}\.[0-9a-f]{64})\Z")


class Source(ABC):
    """A share, to be read."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it is, in words fit to be shown."""

    @abstractmethod
    def stream(self, name: str, offset: int, length: int) -> Iterator[bytes]:
        """Yield `length` bytes of the file `name` from `offset` on, or all there are when there are fewer.

        Raises `not-shared` when there is no such file, `source-broken` when the
        rest may come if it is asked for again, and other errors when it will not.
        """

    def read(self, name: str, limit: int) -> bytes:
        """Return the file `name`; raise `share-invalid` when it has more than `limit` bytes."""
        return whole(self.stream(name, 0, limit + 1), limit, f"{name} on {self.address}")


class FolderSource(Source):
    """A share in a folder: on this machine, or on a network file system."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def address(self) -> str:
        """The folder."""
        return str(self._folder)

    def stream(self, name: str, offset: int, length: int) -> Iterator[bytes]:
        """Yield bytes of a regular file below the folder."""
        path = self._folder / check_name(name)
        with explained(f"read {path}"):
            try:
                handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise not_shared(name, self.address) from error
            try:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise not_shared(name, self.address)
                while length > 0 and (chunk := os.pread(handle, min(CHUNK, length), offset)):
                    offset, length = offset + len(chunk), length - len(chunk)
                    yield chunk
            finally:
                os.close(handle)


def source_at(address: str, limits: Limits = LIMITS) -> Source:
    """Return the source at `address`: an absolute path, or a `file:`, `http:` or `https:` URL.

    Raises `invalid-argument` for any other.
    """
    from jupyter_envguard.transfer.web import WebSource  # costs what an HTTP client costs

    parts = urlsplit(address)
    if parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment):
        return WebSource(address, limits)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and not (parts.query or parts.fragment):
        return FolderSource(Path(unquote(parts.path)))
    if address.startswith("/"):
        return FolderSource(Path(address))
    raise InvalidInput(
        "invalid-argument",
        f"{address!r} is no place that releases can be fetched from.",
        "Name an absolute path, or a URL that begins with file:, http: or https:.",
    )


def whole(chunks: Iterable[bytes], limit: int, what: str) -> bytes:
    """Return all of `chunks`, which are `what`; raise `share-invalid` for more than `limit` bytes."""
    content = b"".join(chunks)
    if len(content) > limit:
        raise Untrusted(
            "share-invalid", f"{what} has more than {limit} bytes.", "Fetch the release from another share."
        )
    return content


def check_name(name: str) -> str:
    """Return `name` if it can be that of a file on a share; raise `invalid-argument` otherwise."""
    if not _NAME.match(name):
        raise InvalidInput("invalid-argument", f"{name!r} is no file of a share.", "Ask for another.")
    return name


def not_shared(name: str, where: str) -> EnvGuardError:
    """Return the error for a file that a share does not have."""
    return NotFound(
        "not-shared",
        f"There is no {name} on {where}.",
        "Publish the release there, or fetch it from another share.",
    )


def broken(where: str, why: str) -> EnvGuardError:
    """Return the error for a source that may do better next time."""
    return Unavailable(
        "source-broken",
        f"{where} did not send what was asked for: {why}.",
        "Try again, or use another share.",
    )
