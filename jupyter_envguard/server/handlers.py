"""The REST API of a session, under `{base_url}envguard/api/`; described in `rest-api.yml`.

It says to the user what the guard says about the user. Nothing here changes what may be started.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.server import exporting, presenter, requesting, resolution
from jupyter_envguard.server.base import EnvGuardHandler
from jupyter_envguard.server.compression import compressed, is_worth_it
from jupyter_envguard.server.listening import EventsHandler
from jupyter_envguard.server.presenter import Answer

PREFIX = "envguard/api"

NAME = r"(?P<name>[^/]+)"
RELEASE = rf"{NAME}/releases/(?P<release>[^/]+)"

CHECKED_EACH_TIME = "private, no-cache"
KEPT_FOR_EVER = "private, max-age=31536000, immutable"
WHOSE_AND_HOW = "Accept-Encoding, Authorization, Cookie"
"""What an answer varies with: what a browser keeps for one person is not for the next one at its address."""


class ReadHandler(EnvGuardHandler):
    """Finds an answer in a thread and sends it with its digest as the entity tag."""

    echoes = False
    """Whether answers repeat what was asked: they are not compressed, or their length would tell the rest."""

    _tag = ""

    async def answer(self, present: Callable[..., Answer], *args: Any) -> None:
        """Send what `present` says, or 304 when the browser has it already."""
        found = await asyncio.to_thread(present, self.guard, *args)
        self._tag = found.digest
        self.set_header("Cache-Control", KEPT_FOR_EVER if found.is_pinned else CHECKED_EACH_TIME)
        self.set_header("Vary", WHOSE_AND_HOW)
        if found.file_name:
            self.set_header("Content-Disposition", f'attachment; filename="{found.file_name}"')
        content = found.as_bytes()
        accepted = "" if self.echoes else self.request.headers.get("Accept-Encoding", "")
        if is_worth_it(content, found.media_type, accepted):
            content = await asyncio.to_thread(compressed, content)
            self.set_header("Content-Encoding", "gzip")
            self._tag = self._tag and f"{self._tag}-gzip"
        self.finish(content, set_content_type=found.media_type)

    def compute_etag(self) -> str | None:
        """Return the digest of what is sent, or what tornado computes from the bytes."""
        return f'"{self._tag}"' if self._tag else super().compute_etag()

    def asked(self, name: str) -> str:
        """Return a query argument, empty when it is not there."""
        return str(self.get_query_argument(name, ""))


class EnvironmentsHandler(ReadHandler):
    """All environments of this user."""

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self) -> None:
        """List what may be started, and what may not be any more."""
        await self.answer(presenter.environments)


class EnvironmentHandler(ReadHandler):
    """One environment."""

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self, name: str) -> None:
        """List the releases of an environment."""
        await self.answer(presenter.environment, name)


class ReleaseHandler(ReadHandler):
    """One release."""

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self, name: str, release: str) -> None:
        """Show a release."""
        await self.answer(presenter.release, name, release)


class SpecHandler(ReadHandler):
    """The spec of a release, as it was signed."""

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self, name: str, release: str) -> None:
        """Send the canonical bytes."""
        await self.answer(presenter.spec, name, release, self.asked("digest"))


class PackagesHandler(ReadHandler):
    """The packages of a release."""

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self, name: str, release: str) -> None:
        """List the packages."""
        await self.answer(presenter.packages, self.guarding.contents, name, release, self.asked("digest"))


class ExportsHandler(ReadHandler):
    """The formats of a release."""

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self, name: str, release: str) -> None:
        """List the formats."""
        await self.answer(exporting.exports, self.guarding.contents, name, release)


class ExportHandler(ReadHandler):
    """A release as a file for other tools."""

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self, name: str, release: str, form: str) -> None:
        """Send the file."""
        asked = (name, release, form, self.asked("digest"))
        await self.answer(exporting.export_file, self.guarding.contents, *asked)


class ExplicitHandler(ReadHandler):
    """A release for conda's hands."""

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self, name: str, release: str) -> None:
        """Send the `@EXPLICIT` file."""
        await self.answer(presenter.explicit_file, name, release, self.asked("digest"))


class DifferenceHandler(ReadHandler):
    """What changed between two releases."""

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self, name: str, release: str) -> None:
        """List what changes on the way to the release in `to`."""
        if not self.asked("to"):
            raise InvalidInput(
                "invalid-argument",
                "It is not said what to compare with.",
                "Add ?to=name@release to the address.",
            )
        form = self.asked("format") or "json"
        await self.answer(presenter.difference, name, release, self.asked("to"), form)


class SearchHandler(ReadHandler):
    """Releases by what they contain."""

    echoes = True

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self) -> None:
        """List the releases that have what is looked for."""
        await self.answer(presenter.search, self.guarding.contents, self.asked("q"))


class ResolveHandler(ReadHandler):
    """What to start for a notebook."""

    echoes = True

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self) -> None:
        """Say what a notebook that names a kernel should get."""
        await self.answer(resolution.resolution, self.asked("kernel"), self.asked("digest"))


class RequestsHandler(ReadHandler):
    """What this user asks for."""

    echoes = True

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self) -> None:
        """List the requests and what became of them."""
        await self.answer(requesting.requests)

    @web.authenticated
    @authorized("write", resource="envguard")
    async def post(self) -> None:
        """Make a request."""
        self.set_status(201)
        await self.answer(requesting.make, self.json_document())


class MeHandler(ReadHandler):
    """The user of this session."""

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self) -> None:
        """Show name and groups, and who says so."""
        await self.answer(presenter.me)


HANDLERS: list[tuple[str, type[EnvGuardHandler], dict[str, Any]]] = [
    (rf"/{PREFIX}/environments", EnvironmentsHandler, {}),
    (rf"/{PREFIX}/environments/{NAME}", EnvironmentHandler, {}),
    (rf"/{PREFIX}/environments/{RELEASE}", ReleaseHandler, {}),
    (rf"/{PREFIX}/environments/{RELEASE}/spec", SpecHandler, {}),
    (rf"/{PREFIX}/environments/{RELEASE}/packages", PackagesHandler, {}),
    (rf"/{PREFIX}/environments/{RELEASE}/explicit", ExplicitHandler, {}),
    (rf"/{PREFIX}/environments/{RELEASE}/exports", ExportsHandler, {}),
    (rf"/{PREFIX}/environments/{RELEASE}/exports/(?P<form>[^/]+)", ExportHandler, {}),
    (rf"/{PREFIX}/environments/{RELEASE}/diff", DifferenceHandler, {}),
    (rf"/{PREFIX}/search", SearchHandler, {}),
    (rf"/{PREFIX}/resolve", ResolveHandler, {}),
    (rf"/{PREFIX}/requests", RequestsHandler, {}),
    (rf"/{PREFIX}/events", EventsHandler, {}),
    (rf"/{PREFIX}/me", MeHandler, {}),
]
