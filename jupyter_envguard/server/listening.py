"""`GET events`: one long answer in which a browser hears what happens."""

from __future__ import annotations

from contextlib import aclosing

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from jupyter_envguard.server.base import EnvGuardHandler
from jupyter_envguard.server.stream import Line, cut, new_line, number_of

MEDIA_TYPE = "text/event-stream; charset=utf-8"


class EventsHandler(EnvGuardHandler):
    """What happens, as it happens."""

    # A window that is merely open keeps no server from being culled.
    _track_activity = False
    _line: Line | None = None

    @web.authenticated
    @authorized("read", resource="envguard")
    async def get(self) -> None:
        """Send events until one side goes."""
        await self.listen(number_of(self.request.headers.get("Last-Event-ID", "")))

    async def listen(self, after: int) -> None:
        """Send what happened after the event `after`, and what happens then."""
        stream, self._line = self.guarding.require_stream(), new_line()
        try:
            async with aclosing(stream.frames(self._line, after)) as frames:
                async for frame in frames:
                    if not self._headers_written:
                        self._set_headers()
                    self.write(frame)
                    await self.flush()
            self.finish(set_content_type=MEDIA_TYPE)
        except StreamClosedError:
            self.log.debug("A client went that listened to events.")

    def on_connection_close(self) -> None:
        """Stop when the browser goes; tornado calls this."""
        super().on_connection_close()
        if self._line is not None:
            cut(self._line)

    def _set_headers(self) -> None:
        self.set_header("Content-Type", MEDIA_TYPE)
        self.set_header("Cache-Control", "no-store")
        # nginx would collect events before it passes them on.
        self.set_header("X-Accel-Buffering", "no")
