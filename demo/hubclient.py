"""A person at a JupyterHub, as a program: logs in, starts a server, runs a cell.

It goes the way a browser goes, over HTTP with cookies and cross-site tokens, so
what it is refused a browser is refused too.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import requests
import websocket

TIMEOUT = 60.0
"""Seconds that any single answer may take."""

SERVER_TIMEOUT = 120.0
"""Seconds that a server or a kernel may take to start."""


class Refused(Exception):
    """The hub or a server answered with an error status."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body[:500]}")
        self.status = status
        self.body = body

    def json(self) -> dict[str, Any]:
        """Return the answer as JSON, empty when it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class HubClient:
    """One user's session with the hub at `url`."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url.rstrip("/")
        self.user = user
        self._password = password
        self._session = requests.Session()
        self._session.trust_env = False

    @property
    def server_url(self) -> str:
        """Where the user's server answers."""
        return f"{self.url}/user/{quote(self.user)}"

    def log_in(self) -> None:
        """Log in through the hub's login form; raise `Refused` when it does not let us in."""
        form = self._session.get(f"{self.url}/hub/login", timeout=TIMEOUT)
        fields = {"username": self.user, "password": self._password, "_xsrf": self._xsrf(form.url)}
        answer = self._session.post(
            f"{self.url}/hub/login", data=fields, timeout=TIMEOUT, allow_redirects=False
        )
        if answer.status_code != 302:
            raise Refused(answer.status_code, "the login was not accepted")

    def start_server(self) -> None:
        """Start the user's server, wait until it is ready, and sign in to it."""
        self._session.get(f"{self.url}/hub/home", timeout=TIMEOUT)
        with contextlib.suppress(_AlreadyRunning):
            self._hub("POST", f"users/{quote(self.user)}/server")
        for _ in _until(SERVER_TIMEOUT, "the server to start"):
            server = self._hub("GET", f"users/{quote(self.user)}")["servers"].get("", {})
            if server.get("ready"):
                break
            if not server.get("pending") and not server:
                raise Refused(500, "the hub gave up starting the server")
        self._session.get(f"{self.server_url}/tree", timeout=TIMEOUT).raise_for_status()

    def stop_server(self) -> None:
        """Stop the user's server and wait until the hub has seen it go."""
        self._hub("DELETE", f"users/{quote(self.user)}/server")
        for _ in _until(SERVER_TIMEOUT, "the server to stop"):
            if not self._hub("GET", f"users/{quote(self.user)}")["servers"]:
                return

    def get(self, path: str) -> Any:
        """Return what the user's server answers to GET `path`, as JSON."""
        return self._ask("GET", f"{self.server_url}/{path}")

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Return what the user's server answers to POST `path`, as JSON."""
        return self._ask("POST", f"{self.server_url}/{path}", body)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """Return what the user's server answers to PUT `path`, as JSON."""
        return self._ask("PUT", f"{self.server_url}/{path}", body)

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """Return what the user's server answers to PATCH `path`, as JSON."""
        return self._ask("PATCH", f"{self.server_url}/{path}", body)

    def delete(self, path: str) -> None:
        """Ask the user's server to DELETE `path`."""
        self._ask("DELETE", f"{self.server_url}/{path}")

    def run_cell(self, kernel_id: str, code: str) -> str:
        """Run `code` in the kernel and return its text output; an error in it is raised as `Refused`."""
        with self._channel(f"api/kernels/{kernel_id}/channels") as channel:
            return _run(channel, code)

    def run_in_terminal(self, command: str) -> str:
        """Run `command` in a new terminal and return what the terminal showed until it was done."""
        name = self.post("api/terminals", {})["name"]
        try:
            with self._channel(f"terminals/websocket/{name}") as channel:
                channel.send(json.dumps(["stdin", f"{command}; echo $((6 * 7))done\r"]))
                shown = ""
                while "42done" not in shown:
                    kind, *rest = json.loads(channel.recv())
                    shown += rest[0] if kind == "stdout" else ""
                return shown
        finally:
            self.delete(f"api/terminals/{name}")

    @contextlib.contextmanager
    def _channel(self, path: str) -> Iterator[Any]:
        """Open a websocket to the user's server until the block ends."""
        url = f"{self.server_url}/{path}"
        header = {"Cookie": self._cookies(url)}
        channel = websocket.create_connection(
            "ws" + url.removeprefix("http"), header=header, timeout=SERVER_TIMEOUT, origin=self.url
        )
        try:
            yield channel
        finally:
            channel.close()

    def _hub(self, method: str, path: str) -> Any:
        try:
            return self._ask(method, f"{self.url}/hub/api/{path}")
        except Refused as error:
            if error.status == 400 and "already running" in error.body:
                raise _AlreadyRunning from error
            raise

    def _ask(self, method: str, url: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"X-XSRFToken": self._xsrf(url), "Referer": url}
        answer = self._session.request(method, url, json=body, headers=headers, timeout=TIMEOUT)
        if answer.status_code >= 400:
            raise Refused(answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def _xsrf(self, url: str) -> str:
        """Return the cross-site token for `url`: the cookie with the longest path that covers it."""
        path = urlsplit(url).path
        covering = [k for k in self._session.cookies if k.name == "_xsrf" and path.startswith(k.path)]
        return max(covering, key=lambda cookie: len(cookie.path)).value or "" if covering else ""

    def _cookies(self, url: str) -> str:
        request = requests.Request("GET", url).prepare()
        return requests.cookies.get_cookie_header(self._session.cookies, request) or ""


class _AlreadyRunning(Exception):
    pass


def _until(seconds: float, what: str) -> Iterator[None]:
    """Yield again and again, a little apart, for `seconds`; then raise TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.2)
    raise TimeoutError(f"waited {seconds:.0f} s for {what}")


def _run(channel: Any, code: str) -> str:
    """Send one execute request over `channel` and gather its output."""
    request = uuid.uuid4().hex
    header = {
        "msg_id": request,
        "msg_type": "execute_request",
        "username": "",
        "session": request,
        "version": "5.3",
    }
    content = {
        "code": code,
        "silent": False,
        "store_history": False,
        "allow_stdin": False,
        "stop_on_error": True,
    }
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    channel.send(json.dumps(message))
    output: list[str] = []
    while True:
        answer = json.loads(channel.recv())
        if answer["parent_header"].get("msg_id") != request:
            continue
        kind, content = answer["msg_type"], answer["content"]
        if kind == "stream":
            output.append(content["text"])
        elif kind == "execute_result":
            output.append(content["data"]["text/plain"])
        elif kind == "error":
            raise Refused(500, f"{content['ename']}: {content['evalue']}")
        elif kind == "status" and content["execution_state"] == "idle":
            return "".join(output)
