"""Server-sent events: what happens, handed to every open connection of this server.

    stream, line = Stream(guard), new_line()
    async for frame in stream.frames(line, after=0): ...   # one connection
    cut(line)                                               # it ends
    stream.close()                                          # all of them end

Everything lives in the event loop, without a thread for each client. One task looks for
changes while somebody listens, and none when nobody does. A client that was away for
a moment says which event it saw last and gets those that it missed; a client that
does not read is cut off, and comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jupyter_envguard.errors import Unavailable
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.server.watch import Happening, Watch

MOST_STREAMS = 16
"""Connections at a time; a browser opens one for each window."""
POLL_SECONDS = 2.0
"""Between two looks for changes."""
HEARTBEAT_SECONDS = 20.0
"""Silence after which a comment is sent, so that nobody in between hangs up."""
RETRY_MILLISECONDS = 5000
"""How long browsers wait before they come back."""
LIFETIME_SECONDS = 3600.0
"""How long one connection lasts; whoever comes back has to prove again who they are."""
KEPT_EVENTS = 64
"""Events that a client can have missed."""
WAITING_EVENTS = 64
"""Events that one client may leave unread."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One event with its number."""

    number: int
    """Grows, also when the server is started again."""
    frame: str
    """As it goes over the wire."""


Line = asyncio.Queue[Sent | None]
"""What one client has not been sent yet; None is the end."""


class Stream:
    """The events of one server."""

    def __init__(
        self, guard: Guard, *, poll: float = POLL_SECONDS, heartbeat: float = HEARTBEAT_SECONDS
    ) -> None:
        """Watch nothing yet."""
        self._guard = guard
        self._poll = poll
        self._heartbeat = heartbeat
        self._numbers = itertools.count(time.time_ns() // 1_000_000)
        self._kept: deque[Sent] = deque(maxlen=KEPT_EVENTS)
        self._lines: set[Line] = set()
        self._watch = Watch(guard)
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._forget: Callable[[], None] = lambda: None

    @property
    def listeners(self) -> int:
        """How many connections are open."""
        return len(self._lines)

    async def frames(self, line: Line, after: int = 0) -> AsyncGenerator[str, None]:
        """Yield what the client at `line` is sent: what it missed since the event `after`, then what happens.

        Raises `streams-full` when too many listen. Ends when the line is cut, when
        its time is over, or when the client does not keep up.
        """
        if len(self._lines) >= MOST_STREAMS:
            raise Unavailable(
                "streams-full",
                f"{MOST_STREAMS} connections listen to this server already.",
                "Ask for the catalog now and then instead.",
            )
        self._lines.add(line)
        try:
            await self._begin()
            for frame in self._first(line, after):
                yield frame
            async for frame in self._until_over(line):
                yield frame
        finally:
            self._lines.discard(line)
            if not self._lines:
                self._end()

    def publish(self, happening: Happening) -> None:
        """Hand an event to every connection; to be called in the event loop."""
        sent = self._numbered(happening)
        self._kept.append(sent)
        for line in self._lines:
            if line.full():
                cut(line)
            else:
                line.put_nowait(sent)

    def close(self) -> None:
        """End all connections."""
        for line in self._lines:
            cut(line)
        self._end()

    def _first(self, line: Line, after: int) -> list[str]:
        """Return what a client is sent at once, in the order of its numbers."""
        while not line.empty():  # It came in the meantime, and is among what is kept.
            if line.get_nowait() is None:
                cut(line)
                return []
        missed = [sent.frame for sent in self._kept if 0 < after < sent.number]
        return [f"retry: {RETRY_MILLISECONDS}\n\n", *missed, self._numbered(self._watch.catalog()).frame]

    async def _begin(self) -> None:
        """Start to watch with the first listener."""
        if self._task is None:
            loop = asyncio.get_running_loop()
            self._forget = self._guard.notices.subscribe(
                lambda kernel: _in(loop, self.publish, Happening("kernel", kernel))
            )
            self._task = asyncio.create_task(self._keep_watching())
        # Whoever asks for the catalog after its first event sees at least this version.
        await self._look()

    async def _keep_watching(self) -> None:
        while True:
            await asyncio.sleep(self._poll)
            await self._look()

    async def _look(self) -> None:
        async with self._turn:  # a `Watch` is for one thread at a time
            found = await asyncio.to_thread(self._watch.look)
        for happening in found:
            self.publish(happening)

    def _end(self) -> None:
        """Stop watching when nobody listens."""
        self._forget()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _until_over(self, line: Line) -> AsyncIterator[str]:
        over = time.monotonic() + LIFETIME_SECONDS
        while time.monotonic() < over:
            try:
                sent = await asyncio.wait_for(line.get(), self._heartbeat)
            except TimeoutError:
                yield ": \n\n"
                continue
            if sent is None:
                return
            yield sent.frame

    def _numbered(self, happening: Happening) -> Sent:
        number = next(self._numbers)
        return Sent(number, framed(number, happening.event, happening.data))


def new_line() -> Line:
    """Return what a client is to be sent through."""
    return asyncio.Queue(WAITING_EVENTS)


def cut(line: Line) -> None:
    """Let the connection at `line` end, whatever the client has not read."""
    while not line.empty():
        line.get_nowait()
    line.put_nowait(None)


def framed(number: int, event: str, data: Mapping[str, Any]) -> str:
    """Return one event as the HTML standard writes it; JSON has no line feeds of its own."""
    return f"id: {number}\nevent: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


def number_of(text: str) -> int:
    """Return the number in a `Last-Event-ID` header, 0 for anything that is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0


def _in(loop: asyncio.AbstractEventLoop, call: Callable[[Happening], None], happening: Happening) -> None:
    """Call in the event loop, from any thread; one that has ended hears nothing."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, happening)
