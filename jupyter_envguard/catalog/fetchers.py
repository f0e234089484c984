"""How a client gets the files of a catalog: from a folder, or over HTTP within limits."""

from __future__ import annotations

import contextlib
import errno
import time
import urllib.error
import urllib.request
from abc import abstractmethod
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    SlowRetrievalError,
)
from tuf.ngclient.fetcher import FetcherInterface

from jupyter_envguard.catalog.document import CATALOG_BYTES
from jupyter_envguard.files import read_bounded

CHUNK_BYTES = 256 * 1024
"""Read from a server at once, between two looks at the clock."""


class BoundedFetcher(FetcherInterface):
    """Reads one whole file at a time, never more than it may hold."""

    @abstractmethod
    def read(self, url: str, limit: int) -> bytes:
        """Return the content of `url`, at most `limit` bytes; raise a `DownloadError`."""

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """Return the content of `url`, as python-tuf asks for metadata."""
        return self.read(url, max_length)

    def _fetch(self, url: str) -> Iterator[bytes]:
        return iter((self.read(url, CATALOG_BYTES),))


class FolderFetcher(BoundedFetcher):
    """Reads regular files; an address is simply a path."""

    def read(self, url: str, limit: int) -> bytes:
        """Return the content of the file `url`."""
        try:
            return read_bounded(Path(url), limit)
        except FileNotFoundError as error:
            raise DownloadHTTPError(f"{url} does not exist", 404) from error
        except OSError as error:
            if error.errno == errno.EFBIG:
                raise DownloadLengthMismatchError(f"{url} is {error.strerror}") from error
            raise DownloadError(f"{url}: {error.strerror}") from error


class HttpFetcher(BoundedFetcher):
    """Reads `http` and `https` addresses, and gives up at a deadline.

    python-tuf's own fetcher bounds the pause between two bytes but not the whole,
    so a server that drips one byte at a time holds its reader for hours. It also
    follows the proxy variables of the environment, which belongs to the user.
    """

    def __init__(self, pause_seconds: float, total_seconds: float) -> None:
        self._pause = pause_seconds
        self._total = total_seconds
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.UnknownHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
        ):
            self._opener.add_handler(handler)

    def read(self, url: str, limit: int) -> bytes:
        """Return the body of `url`; a redirection is an error."""
        deadline = time.monotonic() + self._total
        try:
            with contextlib.closing(self._opener.open(url, timeout=self._pause)) as response:
                content = b""
                while chunk := response.read1(CHUNK_BYTES):
                    content += chunk
                    if len(content) > limit:
                        raise DownloadLengthMismatchError(f"{url} has more than {limit} bytes")
                    if time.monotonic() > deadline:
                        raise SlowRetrievalError(f"{url} took longer than {self._total:g} seconds")
                if response.length:
                    raise DownloadError(f"{url} ended {response.length} bytes early")
                return content
        except urllib.error.HTTPError as error:
            error.close()
            raise DownloadHTTPError(f"{url} answered {error.code}", error.code) from error
        except (OSError, ValueError, HTTPException) as error:
            raise DownloadError(f"{url}: {error}") from error
