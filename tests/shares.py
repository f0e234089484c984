"""A share in all its forms: two machines with one store path, and a web server that can misbehave.

>>> with machines(folder) as (old, new):       # doctest: +SKIP
...     Share(share).publish(old.image(pack))
"""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from jupyter_envguard.image import Image
from jupyter_envguard.pack import open_pack
from jupyter_envguard.store import Store
from jupyter_envguard.transfer import Digests
from tests.packs import SITE_PACKAGES, PackBuilder

Misbehaviour = Callable[["Handler", bytes], bytes | None]
"""Is given what would be sent; returns what is sent, or None when it has answered itself."""


class Machines:
    """Machines that take turns: all have their store at the same path, one of them at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root = folder / "s"
        self._here = "1"

    @property
    def store(self) -> Store:
        """The store of the machine whose turn it is."""
        return Store(self.root)

    def turn(self, name: str) -> Store:
        """Let the machine called `name` have its turn; it starts with an empty store."""
        if self.root.exists():
            self.root.rename(self._folder / self._here)
        self._here = name
        if (self._folder / name).exists():
            (self._folder / name).rename(self.root)
        return self.store

    def image(self, pack: Path) -> Image:
        """Bring a pack into the store of the machine whose turn it is."""
        with open_pack(pack) as opened:
            return self.store.add(opened)


def release(number: int) -> PackBuilder:
    """Return the pack of the release with this number: much is the same in all, something is not."""
    pack = PackBuilder.honest()
    for index in range(40):
        pack.file(f"{SITE_PACKAGES}/same/m{index}.txt", (f"{index} is in every release\n" * 200).encode())
    pack.file(f"{SITE_PACKAGES}/changed.txt", f"this is release {number}\n".encode() * 200)
    pack.file(f"{SITE_PACKAGES}/small.txt", f"release {number}\n".encode())
    return pack


def digests(image: Image) -> Digests:
    """Return what the catalog would say of `image`."""
    return Digests(image.pack, image.spec_digest, image.manifest_digest)


class Handler(http.server.BaseHTTPRequestHandler):
    """Sends files with ranges, as nginx does, unless the server misbehaves."""

    server: WebServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range", "")))
        path = self.server.folder / self.path.removeprefix("/share/")
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        first, last = self._range(len(content))
        part = content[first : last + 1]
        answered = self.server.misbehave(self, part)
        if answered is None:
            return
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(answered)
        if len(answered) < len(part):
            self.close_connection = True

    def _range(self, size: int) -> tuple[int, int]:
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        assert found, "we always ask for a range"
        return int(found[1]), min(int(found[2]), size - 1)

    def redirect(self, address: str) -> None:
        """Answer with a redirection."""
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def drip(self, seconds: float) -> None:
        """Send a byte now and then until the client has had enough."""
        self.send_response(200)
        self.send_header("Content-Length", str(10**9))
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"x")
                time.sleep(seconds)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


class WebServer(http.server.ThreadingHTTPServer):
    """Serves the files below `folder` at `url` of `host`; `asked` holds every request with its range."""

    daemon_threads = True

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), Handler)
        self.folder = folder
        self.asked: list[tuple[str, str]] = []
        self.misbehave: Misbehaviour = lambda handler, part: part
        self.url = f"http://{host}:{self.server_port}/share"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that go away."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[WebServer]:
    """Serve `folder` for the duration of a `with` block."""
    with WebServer(folder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
