"""A share behind a web server that knows ranges (RFC 9110 section 14)."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from email.message import Message
from http.client import HTTPException, HTTPResponse
from typing import IO
from urllib.parse import urljoin, urlsplit

from jupyter_envguard.errors import InvalidInput, Unavailable
from jupyter_envguard.transfer.limits import LIMITS, Limits
from jupyter_envguard.transfer.sources import CHUNK, Source, broken, check_name, not_shared

READ_BYTES = 256 * 1024
"""Read from a server at once, between two looks at the clock."""


class WebSource(Source):
    """A share at an `http` or `https` URL.

    Proxy variables of the environment are not followed: they belong to the user.
    """

    def __init__(self, url: str, limits: Limits = LIMITS) -> None:
        self._url = url.rstrip("/")
        self._limits = limits
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        self._shown = f"{parts.scheme}://{parts.hostname}{port}{parts.path}".rstrip("/")
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.UnknownHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            _Redirects(limits.redirects),
        ):
            self._opener.add_handler(handler)

    @property
    def address(self) -> str:
        """The URL without credentials."""
        return self._shown

    def stream(self, name: str, offset: int, length: int) -> Iterator[bytes]:
        """Yield bytes of a file below the URL, within the limits on time."""
        deadline = time.monotonic() + self._limits.patience_seconds + length / self._limits.slowest_bytes
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            f"{self._url}/{check_name(name)}", headers={"Range": f"bytes={offset}-{offset + length - 1}"}
        )
        try:
            with closing(self._opener.open(request, timeout=self._limits.pause_seconds)) as response:
                yield from self._body(response, offset, length, deadline)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (404, 410):
                raise not_shared(name, self._shown) from error
            raise self._failure(error.code, error.reason) from error
        except (OSError, ValueError, HTTPException) as error:
            raise broken(self._shown, str(error) or type(error).__name__) from error

    def _body(self, response: HTTPResponse, offset: int, length: int, deadline: float) -> Iterator[bytes]:
        self._check_range(response, offset)
        expected = response.length
        while length > 0 and (chunk := response.read1(min(READ_BYTES, length, CHUNK))):
            length -= len(chunk)
            yield chunk
            if time.monotonic() > deadline:
                raise Unavailable(
                    "source-slow",
                    f"{self._shown} sends fewer than {self._limits.slowest_bytes} bytes a second.",
                    "Use another share, or try again when it is less busy.",
                )
        if length and expected is not None and response.length:
            raise broken(self._shown, f"it ended {response.length} bytes early")

    def _check_range(self, response: HTTPResponse, offset: int) -> None:
        """Raise `source-no-ranges` unless what comes begins at `offset`."""
        begins = response.headers.get("Content-Range", "").startswith(f"bytes {offset}-")
        if not (begins if response.status == 206 else response.status == 200 and offset == 0):
            raise InvalidInput(
                "source-no-ranges",
                f"{self._shown} does not send parts of files.",
                "Publish to a server that knows ranges, such as nginx, Apache or an object store.",
            )

    def _failure(self, status: int, reason: str) -> Unavailable:
        if status in (408, 425, 429, 500, 502, 503, 504):
            found = broken(self._shown, f"it answered {status}")
            return Unavailable(found.code, found.message, found.hint)
        return Unavailable(
            "source-refused",
            f"{self._shown} answered {status} {reason}".strip() + ".",
            "Check the address and what the server lets this machine read.",
        )


class _Redirects(urllib.request.BaseHandler):
    """Follows few redirections, and none that leads out of the web or from https to http."""

    parent: urllib.request.OpenerDirector

    def __init__(self, most: int) -> None:
        self._most = most

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], _code: int, _message: str, headers: Message
    ) -> object:
        """Return the answer that the redirection leads to."""
        fp.close()
        count = getattr(req, "redirects", 0) + 1
        address = urljoin(req.full_url, headers.get("Location", ""))
        old, new = urlsplit(req.full_url), urlsplit(address)
        where = f"{old.scheme}://{old.hostname}"
        if count > self._most:
            raise _redirects(f"{where} redirects more than {self._most} times.")
        if new.scheme not in ("http", "https") or (old.scheme, new.scheme) == ("https", "http"):
            raise _redirects(f"{where} redirects to {new.scheme}://{new.hostname or ''}, which is less safe.")
        following = urllib.request.Request(address, headers=dict(req.header_items()))  # noqa: S310
        following.redirects = count  # type: ignore[attr-defined]
        return self.parent.open(following, timeout=req.timeout)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _redirects(message: str) -> Unavailable:
    return Unavailable("source-redirects", message, "Name the https address that holds the share.")
