from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.transfer.limits import LIMITS
from jupyter_envguard.transfer.web import WebSource
from tests.shares import Handler, WebServer, served

BLOB = "blobs/" + "a" * 64
CONTENT = b"0123456789" * 1000
SHORT = replace(LIMITS, pause_seconds=0.2, patience_seconds=0.1, slowest_bytes=10**9)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WebServer]:
    (tmp_path / "blobs").mkdir()
    (tmp_path / BLOB).write_bytes(CONTENT)
    with served(tmp_path) as server:
        yield server


def refusal(source: WebSource, offset: int = 0, length: int = len(CONTENT)) -> EnvGuardError:
    with pytest.raises(EnvGuardError) as caught:
        b"".join(source.stream(BLOB, offset, length))
    return caught.value


class TestWebSource:
    def test_asks_for_a_range(self, server: WebServer):
        assert b"".join(WebSource(server.url).stream(BLOB, 5, 10)) == CONTENT[5:15]
        assert server.asked == [(f"/share/{BLOB}", "bytes=5-14")]

    def test_is_known_by_its_address_without_credentials(self):
        assert (
            WebSource("https://me:secret@example.org:8443/share/").address == "https://example.org:8443/share"
        )

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_says_that_a_busy_server_may_do_better(self, server: WebServer, status: int):
        server.misbehave = lambda handler, part: handler.send_error(status)
        assert refusal(WebSource(server.url)).code == "source-broken"

    @pytest.mark.parametrize("status", [401, 403, 416])
    def test_says_that_a_server_refuses(self, server: WebServer, status: int):
        server.misbehave = lambda handler, part: handler.send_error(status)
        assert refusal(WebSource(server.url)).code == "source-refused"

    def test_says_that_nobody_is_there(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            assert refusal(WebSource(f"http://127.0.0.1:{unused.getsockname()[1]}")).code == "source-broken"

    def test_notices_that_an_answer_is_cut(self, server: WebServer):
        server.misbehave = lambda handler, part: part[:-1]
        assert refusal(WebSource(server.url)).code == "source-broken"

    def test_takes_no_more_than_it_asked_for(self, server: WebServer):
        server.misbehave = whole_file
        assert b"".join(WebSource(server.url).stream(BLOB, 0, 10)) == CONTENT[:10]

    def test_needs_a_server_that_sends_parts(self, server: WebServer):
        server.misbehave = whole_file
        assert refusal(WebSource(server.url), offset=10).code == "source-no-ranges"

    def test_gives_up_on_a_server_that_drips(self, server: WebServer):
        server.misbehave = lambda handler, part: handler.drip(0.02)
        assert refusal(WebSource(server.url, SHORT)).code == "source-slow"

    def test_gives_up_on_a_server_that_says_nothing(self, server: WebServer):
        server.misbehave = lambda handler, part: handler.drip(30)
        assert refusal(WebSource(server.url, replace(SHORT, patience_seconds=60))).code == "source-broken"

    def test_follows_a_redirection_and_keeps_the_range(self, server: WebServer):
        def once(handler: Handler, part: bytes) -> bytes | None:
            return part if handler.path.endswith("?2") else handler.redirect(f"{handler.path}?2")

        (server.folder / f"{BLOB}?2").write_bytes(CONTENT)
        server.misbehave = once
        assert b"".join(WebSource(server.url).stream(BLOB, 5, 10)) == CONTENT[5:15]
        assert [asked for _, asked in server.asked] == ["bytes=5-14", "bytes=5-14"]

    def test_follows_few_redirections(self, server: WebServer):
        server.misbehave = lambda handler, part: handler.redirect(handler.path)
        assert refusal(WebSource(server.url)).code == "source-redirects"
        assert len(server.asked) == LIMITS.redirects + 1

    @pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://example.org/x", "data:,x"])
    def test_follows_no_redirection_out_of_the_web(self, server: WebServer, address: str):
        server.misbehave = lambda handler, part: handler.redirect(address)
        assert refusal(WebSource(server.url)).code == "source-redirects"

    def test_minds_no_proxy_of_the_user(self, server: WebServer, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        assert b"".join(WebSource(server.url).stream(BLOB, 0, 10)) == CONTENT[:10]


def whole_file(handler: Handler, part: bytes) -> None:
    """Answer as a server that has never heard of ranges."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT)
