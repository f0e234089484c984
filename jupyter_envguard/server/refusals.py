"""Jupyter's own kernel and session verbs, asked beforehand and answering refusals in words.

The kernel spec manager and the provisioner refuse whatever these handlers do.
Without them a refusal reaches the browser as `500` or `501`; with them it is
`403` with a code, a sentence and a hint. They also ask the Hub and read the
catalog in a thread before Jupyter's code, which would do so in the event loop.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from jupyter_server.services.kernels.handlers import (
    KernelActionHandler,
    MainKernelHandler,
    _kernel_action_regex,
    _kernel_id_regex,
)
from jupyter_server.services.kernelspecs.handlers import (
    KernelSpecHandler,
    MainKernelSpecHandler,
    kernel_name_regex,
)
from jupyter_server.services.sessions.handlers import SessionHandler, SessionRootHandler, _session_id_regex
from tornado import web

from jupyter_envguard.errors import EnvGuardError, InvalidInput
from jupyter_envguard.kernels.logo import logo
from jupyter_envguard.server.base import EnvGuardHandler

DRAWING_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""What a logo may do when a browser opens it by itself: be drawn."""

MAX_KERNEL_ID = 64
"""Characters of a kernel's id that a caller may choose; Jupyter's own have 36."""


class StartHandler(EnvGuardHandler):
    """A verb that starts kernels."""

    _model: dict[str, Any] | None = None

    def get_json_body(self) -> dict[str, Any] | None:
        """Return the body, parsed once and the same object for everybody.

        Raises `invalid-argument` when it is not a JSON object, or not even UTF-8.
        """
        if self._model is None:
            try:
                self._model = super().get_json_body()
            except UnicodeDecodeError as error:
                raise _unclear("The body is not text in UTF-8.") from error
        if not isinstance(self._model, dict | None):
            raise _unclear("The body is not a JSON object.")
        return self._model

    def status_of(self, error: EnvGuardError) -> int:
        """Return 400 for a request that cannot be meant, else 403: not now, or not you."""
        return 400 if isinstance(error, InvalidInput) and error.code == "invalid-argument" else 403

    def refusal(self, error: EnvGuardError) -> dict[str, Any]:
        """Return the body; JupyterLab shows nothing but `message`, so the hint is in there too."""
        return {
            "code": error.code,
            "message": f"{error.message} {error.hint}".strip(),
            "hint": error.hint,
            "short_message": error.message,
        }

    async def check(self, asked: dict[str, Any]) -> None:
        """Raise the refusal of the kernel that `asked` names, the default one when it names none."""
        await self.refresh()
        name = asked.get("name")
        if name is None:
            name = self.kernel_manager.default_kernel_name
        elif isinstance(name, str) and name:
            asked["name"] = name = name.lower()
        else:
            raise _unclear("The name of the kernel is not text, or is empty.")
        await asyncio.to_thread(self.guard.check, name)

    async def refresh(self) -> bytes:
        """Bring what the kernel spec manager knows up to date, without holding the event loop."""
        self.guarding.require()
        manager: Any = self.kernel_spec_manager
        body: bytes = await asyncio.to_thread(manager.refresh)
        return body


class KernelsHandler(StartHandler, MainKernelHandler):
    """`/api/kernels`."""

    @web.authenticated
    @authorized("write", resource="kernels")
    async def post(self) -> None:
        """Start a kernel if the guard agrees."""
        model = self.get_json_body() or {}
        if not isinstance(model.get("path"), str | None):
            raise _unclear("The path of the kernel is not text.")
        _check_kernel_id(model.get("kernel_id"))
        await self.check(model)
        await ensure_async(super().post())


class KernelActionsHandler(StartHandler, KernelActionHandler):
    """`/api/kernels/{id}/restart` and `/interrupt`."""

    @web.authenticated
    @authorized("write", resource="kernels")
    async def post(self, kernel_id: str, action: str) -> None:
        """Restart a kernel if the guard still agrees.

        It is asked before the kernel is stopped, so a refusal loses nobody's work.
        """
        if action == "restart" and kernel_id in self.kernel_manager:
            await self.check({"name": self.kernel_manager.get_kernel(kernel_id).kernel_name})
        await ensure_async(super().post(kernel_id, action))


class SessionsHandler(StartHandler, SessionRootHandler):
    """`/api/sessions`."""

    @web.authenticated
    @authorized("write", resource="sessions")
    async def post(self) -> None:
        """Make a session and its kernel if the guard agrees; one that is there already is only shown."""
        model = self.get_json_body() or {}
        kernel, path = _asked_kernel(model), model.get("path")
        exists = isinstance(path, str) and await ensure_async(self.session_manager.session_exists(path=path))
        if not exists and str(kernel.get("id") or "") not in self.kernel_manager:
            await self.check(kernel)
        await ensure_async(super().post())


class ChangeSessionHandler(StartHandler, SessionHandler):
    """`/api/sessions/{id}`."""

    @web.authenticated
    @authorized("write", resource="sessions")
    async def patch(self, session_id: str) -> None:
        """Give a session another kernel if the guard agrees.

        Jupyter's verb turns whatever a start raises into `501`, so the kernel is
        started here and Jupyter told its id.
        """
        kernel = _asked_kernel(self.get_json_body() or {})
        if kernel.get("id") is None and kernel.get("name") is not None:
            await self.check(kernel)
            before = await self.session_manager.get_session(session_id=session_id)
            kernel["id"] = await self.session_manager.start_kernel_for_session(
                session_id,
                path=before["path"],
                name=before["name"],
                type=before["type"],
                kernel_name=kernel["name"],
            )
        await ensure_async(super().patch(session_id))


class KernelSpecsHandler(StartHandler, MainKernelSpecHandler):
    """`/api/kernelspecs`."""

    @web.authenticated
    @authorized("read", resource="kernelspecs")
    async def get(self) -> None:
        """List the allowed kernels, and the default one of this moment.

        The body was made when the catalog changed; Jupyter's own verb would make
        it again for each request.
        """
        self.finish(await self.refresh())


class OneKernelSpecHandler(StartHandler, KernelSpecHandler):
    """`/api/kernelspecs/{name}`."""

    @web.authenticated
    @authorized("read", resource="kernelspecs")
    async def get(self, kernel_name: str) -> None:
        """Show an allowed kernel."""
        await self.refresh()
        await ensure_async(super().get(kernel_name))


class LogoHandler(StartHandler):
    """`/kernelspecs/{name}/logo-svg.svg`."""

    @web.authenticated
    @authorized("read", resource="kernelspecs")
    async def get(self, kernel_name: str) -> None:
        """Send the drawing of an allowed kernel."""
        offer = await asyncio.to_thread(self.guard.resolve, kernel_name)
        self.set_header("Cache-Control", "private, no-cache")
        self.finish(logo(offer.entry), set_content_type="image/svg+xml")

    @property
    def content_security_policy(self) -> str:
        """Keep a drawing from being anything else."""
        return DRAWING_POLICY


def _asked_kernel(model: dict[str, Any]) -> dict[str, Any]:
    kernel = model.setdefault("kernel", {})
    if not isinstance(kernel, dict):
        raise _unclear("The kernel of the session is not a JSON object.")
    for name in ("path", "name", "type"):
        if not isinstance(model.get(name, ""), str):
            raise _unclear(f"The {name} of the session is not text.")
    _check_kernel_id(kernel.get("id"))
    return kernel


def _check_kernel_id(wanted: object) -> None:
    """Raise `invalid-argument` for an id by which no kernel could be found, recorded and stopped again."""
    if wanted is None:
        return
    fits = isinstance(wanted, str) and len(wanted) <= MAX_KERNEL_ID
    if not fits or not re.fullmatch(_kernel_id_regex, str(wanted), re.ASCII):
        raise _unclear("The id of the kernel is none that a kernel can have.")


def _unclear(why: str) -> InvalidInput:
    return InvalidInput("invalid-argument", why, "Send what the Jupyter Server REST API describes.")


HANDLERS: list[tuple[str, type[EnvGuardHandler], dict[str, Any]]] = [
    (r"/api/kernels", KernelsHandler, {}),
    (rf"/api/kernels/{_kernel_id_regex}/{_kernel_action_regex}", KernelActionsHandler, {}),
    (r"/api/sessions", SessionsHandler, {}),
    (rf"/api/sessions/{_session_id_regex}", ChangeSessionHandler, {}),
    (r"/api/kernelspecs", KernelSpecsHandler, {}),
    (rf"/api/kernelspecs/{kernel_name_regex}", OneKernelSpecHandler, {}),
    (rf"/kernelspecs/{kernel_name_regex}/logo-svg\.svg", LogoHandler, {}),
]
