"""Events through a real server, as a browser gets them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from jupyter_envguard.server import stream as module
from jupyter_envguard.server.base import SETTING
from jupyter_envguard.server.listening import EventsHandler
from tests.server.conftest import Fetch
from tests.sites import SiteBuilder


class Listener:
    """One browser that listens."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.heard = ""
        self.headers: list[str] = []
        self.client = AsyncHTTPClient(force_instance=True)
        request = HTTPRequest(
            url,
            headers=headers,
            streaming_callback=self._hear,
            header_callback=self.headers.append,
            request_timeout=30,
        )
        self.reply = asyncio.ensure_future(self.client.fetch(request, raise_error=False))

    def _hear(self, chunk: bytes) -> None:
        self.heard += chunk.decode()

    async def until(self, text: str) -> None:
        while text not in self.heard:
            assert not self.reply.done(), str(self.reply.result().body)
            await asyncio.sleep(0.005)


@pytest.fixture
def listen(http_server_client: Any, jp_base_url: str, jp_auth_header: dict[str, str]) -> Any:
    """Open a stream; to be called in the server's event loop."""
    url = http_server_client.get_url(f"{jp_base_url}envguard/api/events")

    def open_one(**headers: str) -> Listener:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return Listener(url, {**jp_auth_header, **more})

    return open_one


Wait = Callable[[Any], Any]


def stream_of(app: Any) -> Any:
    found = app.web_app.settings[SETTING].stream
    found._poll = 0.02
    return found


def test_tells_of_a_revocation(listen: Any, offered: SiteBuilder, wait: Wait, jp_serverapp: Any):
    stream = stream_of(jp_serverapp)

    async def story() -> Listener:
        listener = listen()
        await listener.until("event: catalog")
        await asyncio.to_thread(offered.revoke, "datasci", "2026.05")
        await listener.until(f'{{"version":{offered.catalog.version}}}')
        stream.close()
        assert (await listener.reply).code == 200
        return listener

    listener = wait(story())
    headers = "".join(listener.headers).lower()
    assert "content-type: text/event-stream" in headers
    assert "cache-control: no-store" in headers
    assert listener.heard.startswith("retry: 5000\n\nid: ")


def test_what_is_told_is_as_described(
    listen: Any, offered: SiteBuilder, wait: Wait, jp_serverapp: Any, described_as: Any
):
    stream = stream_of(jp_serverapp)

    async def story() -> str:
        listener = listen()
        await listener.until("event: catalog")
        stream.publish(module.Happening("request", {"id": "a" * 13, "state": "approved"}))
        await listener.until("event: request")
        stream.close()
        await listener.reply
        return str(listener.heard)

    frames = [frame.split("\n") for frame in wait(story()).split("\n\n") if frame.startswith("id: ")]
    assert [kind for _, kind, _ in frames] == ["event: catalog", "event: request"]
    for _, kind, data in frames:
        described_as("events.json", {kind.removeprefix("event: "): json.loads(data.removeprefix("data: "))})


def test_lets_everybody_go_when_the_server_stops(
    listen: Any, offered: SiteBuilder, wait: Wait, jp_serverapp: Any
):
    async def story() -> int:
        listener = listen()
        await listener.until("event: catalog")
        await jp_serverapp.extension_manager.stop_all_extensions()
        return int((await listener.reply).code)

    assert wait(story()) == 200


def test_notices_when_a_browser_goes(
    http_server_client: Any,
    jp_base_url: str,
    jp_auth_header: dict[str, str],
    offered: SiteBuilder,
    wait: Wait,
    jp_serverapp: Any,
):
    stream = stream_of(jp_serverapp)
    port = http_server_client.get_http_port()
    head = f"GET {jp_base_url}envguard/api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in jp_auth_header.items())

    async def story() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{head}\r\n".encode())
        await reader.readuntil(b"event: catalog")
        assert stream.listeners == 1
        writer.close()
        while stream.listeners:
            await asyncio.sleep(0.005)

    wait(story())


def test_more_than_some_are_sent_away(
    listen: Any,
    offered: SiteBuilder,
    wait: Wait,
    fetch: Fetch,
    jp_serverapp: Any,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(module, "MOST_STREAMS", 0)
    reply = fetch("envguard/api/events")
    assert (reply.status, reply.json["code"]) == (503, "streams-full")


def test_who_is_not_logged_in_hears_nothing(fetch: Fetch, offered: SiteBuilder):
    reply = fetch("envguard/api/events", headers={"Authorization": ""}, follow_redirects=False)
    assert reply.status == 403


def test_what_was_missed_is_sent_first(listen: Any, offered: SiteBuilder, wait: Wait, jp_serverapp: Any):
    stream = stream_of(jp_serverapp)
    stream.publish(module.Happening("request", {"id": "missed", "state": "approved"}))

    async def story() -> str:
        listener = listen(Last_Event_ID="1")
        await listener.until("event: catalog")
        stream.close()
        await listener.reply
        return str(listener.heard)

    heard = wait(story())
    assert heard.index("missed") < heard.index("event: catalog")


def test_a_window_that_is_open_is_no_activity():
    assert EventsHandler._track_activity is False


class TestWithoutASite:
    @pytest.fixture
    def server_options(self) -> dict[str, Any]:
        return {}

    def test_there_is_nothing_to_hear(self, fetch: Fetch):
        reply = fetch("envguard/api/events")
        assert (reply.status, reply.json["code"]) == (503, "not-configured")
