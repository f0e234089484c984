from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    SlowRetrievalError,
)

from jupyter_envguard.catalog.fetchers import FolderFetcher, HttpFetcher


class TestFolderFetcher:
    def test_reads_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"content")
        assert FolderFetcher().download_bytes(str(tmp_path / "a"), 7) == b"content"

    def test_streams_a_file_as_the_interface_asks(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"content")
        assert list(FolderFetcher().fetch(str(tmp_path / "a"))) == [b"content"]

    def test_answers_as_a_server_would_when_there_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(DownloadHTTPError) as caught:
            FolderFetcher().read(str(tmp_path / "a"), 1)
        assert caught.value.status_code == 404

    def test_stops_at_the_limit(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"content")
        with pytest.raises(DownloadLengthMismatchError, match="larger than 6 bytes"):
            FolderFetcher().read(str(tmp_path / "a"), 6)

    def test_does_not_wait_for_a_pipe(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a")
        with pytest.raises(DownloadError, match="not a regular file"):
            FolderFetcher().read(str(tmp_path / "a"), 6)

    def test_does_not_read_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DownloadError):
            FolderFetcher().read(str(tmp_path), 6)


@contextmanager
def answering(*parts: bytes, drip: bool = False) -> Iterator[str]:
    """Serve one connection with `parts`; with `drip` the last part is repeated until the reader leaves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                try:
                    for part in parts:
                        connection.sendall(part)
                    while drip:
                        connection.sendall(parts[-1])
                except OSError:
                    pass  # The reader has had enough.

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/timestamp.json"
        thread.join()


class TestHttpFetcher:
    def test_reads_a_body(self) -> None:
        with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", b"con", b"tent") as url:
            assert HttpFetcher(5, 5).read(url, 7) == b"content"

    def test_reports_the_status(self) -> None:
        with (
            answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") as url,
            pytest.raises(DownloadHTTPError, match="answered 404") as caught,
        ):
            HttpFetcher(5, 5).read(url, 7)
        assert caught.value.status_code == 404

    def test_follows_no_redirection(self) -> None:
        with (
            answering(
                b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"
            ) as url,
            pytest.raises(DownloadHTTPError, match="answered 302"),
        ):
            HttpFetcher(5, 5).read(url, 7)

    def test_stops_at_the_limit(self) -> None:
        with (
            answering(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 100, drip=True) as url,
            pytest.raises(DownloadLengthMismatchError, match="more than 1000 bytes"),
        ):
            HttpFetcher(5, 5).read(url, 1000)

    def test_stops_at_the_deadline(self) -> None:
        with (
            answering(b"HTTP/1.1 200 OK\r\n\r\n", b"x", drip=True) as url,
            pytest.raises(SlowRetrievalError, match="longer than 0 seconds"),
        ):
            HttpFetcher(5, 0).read(url, 10**9)

    def test_notices_a_body_that_ends_early(self) -> None:
        with (
            answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"content") as url,
            pytest.raises(DownloadError, match="ended 2 bytes early"),
        ):
            HttpFetcher(5, 5).read(url, 10)

    def test_gives_up_on_silence(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            with pytest.raises(DownloadError, match="timed out"):
                HttpFetcher(0.05, 5).read(url, 10)

    def test_reports_an_answer_that_is_no_http(self) -> None:
        with answering(b"SSH-2.0-OpenSSH\r\n") as url, pytest.raises(DownloadError):
            HttpFetcher(5, 5).read(url, 10)

    @pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "nothing"])
    def test_reads_nothing_but_http(self, url: str) -> None:
        with pytest.raises(DownloadError):
            HttpFetcher(5, 5).read(url, 10)

    def test_follows_no_proxy_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok") as url:
            assert HttpFetcher(5, 5).read(url, 7) == b"ok"
