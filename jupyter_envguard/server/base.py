"""The base of every handler here: it knows the guard, and turns our errors into JSON and a status.

So a verb asks, answers and is done; nothing else here needs a `try`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado import web

from jupyter_envguard.errors import (
    Conflict,
    Denied,
    EnvGuardError,
    InvalidInput,
    NotFound,
    Unavailable,
    Untrusted,
)
from jupyter_envguard.kernels.guard import Guard, not_configured
from jupyter_envguard.kernels.kernelspecs import KernelRefused
from jupyter_envguard.requests import RequestInvalid
from jupyter_envguard.server.contents import Contents
from jupyter_envguard.server.stream import Stream

SETTING = "envguard"
"""Where the web application keeps its `Guarding`."""

BODY_BYTES = 64 * 1024
"""Size of the body of a request."""

STATUS: Mapping[type[EnvGuardError], int] = MappingProxyType(
    {InvalidInput: 400, Denied: 403, NotFound: 404, Conflict: 409, Untrusted: 503, Unavailable: 503}
)
"""What each family of errors is over HTTP. A catalog that cannot be trusted is the server's trouble."""


@dataclass(frozen=True, slots=True)
class Guarding:
    """Whether this server is guarded, and by what."""

    guard: Guard | None
    """The guard, if kernels are listed by it."""
    problem: EnvGuardError | None = None
    """Why no kernel may start and nothing can be said."""
    contents: Contents = field(default_factory=Contents)
    """What releases contain, kept parsed."""
    stream: Stream | None = None
    """What happens, if there is a guard to hear it from."""

    def require(self) -> Guard:
        """Return the guard, or raise the problem."""
        if self.problem is not None:
            raise self.problem
        if self.guard is None:
            raise not_configured()
        return self.guard

    def require_stream(self) -> Stream:
        """Return the stream of events, or raise the problem."""
        self.require()
        if self.stream is None:
            raise not_configured()
        return self.stream


class EnvGuardHandler(APIHandler):
    """A handler whose refusals are `{code, message, hint}`."""

    auth_resource = "envguard"

    @property
    def guarding(self) -> Guarding:
        """Whether this server is guarded."""
        found: Guarding = self.settings[SETTING]
        return found

    @property
    def guard(self) -> Guard:
        """The guard of this session; raises what keeps it from being asked."""
        return self.guarding.require()

    def status_of(self, error: EnvGuardError) -> int:
        """Return the HTTP status that `error` has here."""
        return next((status for family, status in STATUS.items() if isinstance(error, family)), 500)

    def refusal(self, error: EnvGuardError) -> dict[str, Any]:
        """Return the body that tells of `error`."""
        body: dict[str, Any] = dict(error.as_json())
        return body | {"fields": dict(error.fields)} if isinstance(error, RequestInvalid) else body

    def json_document(self) -> object:
        """Return what the body of the request says; raise `invalid-argument` when it is not JSON."""
        body = self.request.body
        try:
            if len(body) <= BODY_BYTES:
                return json.loads(body)
        except (ValueError, RecursionError):  # UnicodeDecodeError is one of the former
            pass
        raise InvalidInput(
            "invalid-argument",
            f"The body is not JSON of at most {BODY_BYTES} bytes.",
            "Send what the description of the interface says.",
        )

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with our error if one is behind this, else as Jupyter does."""
        error = _ours(kwargs.get("exc_info", (None, None, None))[1])
        if error is None:
            super().write_error(status_code, **kwargs)
            return
        self.set_status(status_code if 400 <= status_code < 500 else self.status_of(error))
        self.finish(json.dumps(self.refusal(error)))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log a refusal in one line; anything else with its traceback."""
        error = _ours(value)
        if error is None:
            super().log_exception(typ, value, tb)
        else:
            self.log.warning("%s refused: [%s] %s", self._request_summary(), error.code, error.message)


def _ours(error: BaseException | None) -> EnvGuardError | None:
    """Return our error that `error` is or was raised from, or None."""
    while error is not None:
        if isinstance(error, EnvGuardError):
            return error
        if isinstance(error, KernelRefused):
            return error.error
        # Jupyter wraps what a start raises; a plain HTTP error of its own has no cause.
        error = error.__cause__ if isinstance(error, web.HTTPError) else None
    return None
