"""How a client gets the files of a catalog: from a folder, or over HTTP within limits."""

from __future__ import annotations

import os
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient.fetcher import FetcherInterface

CHUNK_BYTES = 256 * 1024


class FolderFetcher(FetcherInterface):
    """Reads regular files; an address is simply a path."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            # A pipe planted in place of a file must not make the reader wait.
            file = open(os.open(url, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")  # noqa: SIM115
        except FileNotFoundError as error:
            raise DownloadHTTPError(f"{url} does not exist", 404) from error
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise DownloadError(f"{url} is not a regular file")
        return _chunks(file)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
        except OSError as error:
            raise DownloadError(f"reading {file.name} failed: {error.strerror}") from error


class _Response(Protocol):
    def read1(self, amount: int) -> bytes: ...
    def close(self) -> None: ...


class HttpFetcher(FetcherInterface):
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
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
        ):
            self._opener.add_handler(handler)

    def _fetch(self, url: str) -> Iterator[bytes]:
        deadline = time.monotonic() + self._total
        try:
            response = self._opener.open(url, timeout=self._pause)
        except urllib.error.HTTPError as error:
            error.close()
            raise DownloadHTTPError(f"{url} answered {error.code}", error.code) from error
        return self._body(url, response, deadline)

    def _body(self, url: str, response: _Response, deadline: float) -> Iterator[bytes]:
        try:
            while chunk := response.read1(CHUNK_BYTES):
                if time.monotonic() > deadline:
                    raise SlowRetrievalError(f"{url} took longer than {self._total:g} seconds")
                yield chunk
        except (OSError, ValueError) as error:
            raise DownloadError(f"reading {url} failed: {error}") from error
        finally:
            response.close()
