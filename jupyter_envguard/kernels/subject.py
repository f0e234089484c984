"""Who the session belongs to, and in which groups that person is.

Under a JupyterHub the Hub says so: the single-user server asks `GET /user` with
the token that the spawner gave it. Without a hub it is the account that the
process runs as. Nothing that a user can write has a say.

Asking the Hub takes time and may fail, so `Subjects` remembers the answer:

    subjects = Subjects(hub_lookup(os.environ))
    subjects.latest()   # the last answer, refreshed in the background; waits for the first only
    subjects.fresh()    # waits a moment for an answer that is not older than `max_age`

While the Hub is down the last answer holds for `grace` seconds, then it is as if
nobody were known (`groups-unknown`). When the Hub says no to the token, the last
answer is forgotten at once.
"""

from __future__ import annotations

import grp
import http.client
import json
import os
import pwd
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from jupyter_envguard.errors import Denied, EnvGuardError, Unavailable

MAX_AGE_SECONDS = 60.0
"""How old an answer may be before it is asked for again."""

GRACE_SECONDS = 3600.0
"""How long the last answer holds while the Hub cannot be reached."""

FIRST_WAIT_SECONDS = 1.0
"""How long a caller who does not want to wait waits all the same while nobody was ever asked."""

RETRY_SECONDS = 5.0
"""How long to leave a Hub alone that did not answer."""

TIMEOUT_SECONDS = 5.0
"""How long one question to the Hub may take, connection included, per read."""

MAX_ANSWER_BYTES = 1 << 20
"""A user model is a few hundred bytes; ten thousand groups fit in this."""

Lookup = Callable[[], "Subject"]


@dataclass(frozen=True, slots=True)
class Subject:
    """The person for whom everything is decided."""

    user: str
    """Name at the Hub, or of the account."""
    groups: frozenset[str]
    """Groups at the Hub, or of the account."""
    source: Literal["hub", "system"]
    """Who says so."""


class Subjects:
    """Remembers what `lookup` said, safely for several threads."""

    def __init__(
        self,
        lookup: Lookup,
        *,
        max_age: float = MAX_AGE_SECONDS,
        grace: float = GRACE_SECONDS,
        first_wait: float = FIRST_WAIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lookup = lookup
        self._max_age = max_age
        self._grace = grace
        self._first_wait = first_wait
        self._clock = clock
        self._asking = threading.Lock()
        self._asked = threading.Event()
        self._known: Subject | None = None
        self._known_at = 0.0
        self._failure: EnvGuardError | None = None
        self._failed_at = 0.0

    def latest(self) -> Subject:
        """Return the last answer and start a refresh when it is old, without waiting for it.

        Only the very first answer is waited for, `first_wait` seconds at most.
        Raises as `fresh` does.
        """
        if self._age() > self._max_age and not self._asking.locked():
            threading.Thread(target=self._refresh, name="envguard-subject", daemon=True).start()
        self._asked.wait(self._first_wait)
        return self._remembered()

    def fresh(self) -> Subject:
        """Return an answer not older than `max_age`, or the last one while the Hub is down.

        Raises `groups-unknown` when there is none within the grace, and
        `token-refused` when the Hub does not accept the server's token.
        """
        self._refresh()
        return self._remembered()

    def _refresh(self) -> None:
        with self._asking:
            now = self._clock()
            if self._age() <= self._max_age or (self._failure and now - self._failed_at < RETRY_SECONDS):
                return
            try:
                self._known = self._lookup()
                self._known_at, self._failure = self._clock(), None
            except EnvGuardError as error:
                self._failure, self._failed_at = error, self._clock()
                if not isinstance(error, Unavailable):
                    self._known = None
            finally:
                self._asked.set()

    def _remembered(self) -> Subject:
        known = self._known
        if known is not None and self._age() <= self._grace:
            return known
        if self._failure is not None:
            raise self._failure
        raise Unavailable(
            "groups-unknown",
            "The user's groups have not been learnt yet.",
            "Try again in a moment.",
        )

    def _age(self) -> float:
        return self._clock() - self._known_at if self._known else float("inf")


def lookup_for(environ: Mapping[str, str]) -> Lookup:
    """Return the lookup that fits this process: the Hub's if a hub started it, else the system's."""
    if environ.get("JUPYTERHUB_API_URL") or environ.get("JUPYTERHUB_API_TOKEN"):
        return hub_lookup(environ)
    return system_subject


def system_subject() -> Subject:
    """Return the account that this process runs as and the groups it is in."""
    uid = os.getuid()
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        raise Unavailable(
            "groups-unknown",
            f"User id {uid} has no account on this machine.",
            "Run as a user that the machine knows.",
        ) from None
    ids = os.getgrouplist(account.pw_name, account.pw_gid)
    return Subject(account.pw_name, frozenset(filter(None, map(_group_name, ids))), "system")


def hub_lookup(environ: Mapping[str, str]) -> Lookup:
    """Return a lookup that asks the Hub named in `environ`, where the spawner put address and token."""
    address = urlsplit(environ.get("JUPYTERHUB_API_URL", ""))
    token = environ.get("JUPYTERHUB_API_TOKEN", "")
    certificates = tuple(
        environ.get(f"JUPYTERHUB_SSL_{name}", "") for name in ("KEYFILE", "CERTFILE", "CLIENT_CA")
    )

    def ask() -> Subject:
        if address.scheme not in ("http", "https", "http+unix") or not address.netloc or not token:
            raise _unknown("JUPYTERHUB_API_URL or JUPYTERHUB_API_TOKEN is not set as a spawner sets it")
        try:
            status, body = _get(address, token, certificates)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _unknown(f"{address.scheme}://{address.netloc} did not answer ({error})") from error
        return _read(status, body)

    return ask


def _group_name(gid: int) -> str | None:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return None


def _get(address: SplitResult, token: str, certificates: tuple[str, ...]) -> tuple[int, bytes]:
    """Ask for the owner of `token`; no redirect is followed and no proxy is used."""
    connection = _connection(address, certificates)
    try:
        path = address.path.rstrip("/") + "/user"
        connection.request("GET", path, headers={"Authorization": f"token {token}", "Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read(MAX_ANSWER_BYTES + 1)
    finally:
        connection.close()


def _connection(address: SplitResult, certificates: tuple[str, ...]) -> http.client.HTTPConnection:
    if address.scheme == "http+unix":
        return _UnixConnection(unquote(address.netloc))
    host = address.hostname or ""
    if address.scheme == "http":
        return http.client.HTTPConnection(host, address.port, timeout=TIMEOUT_SECONDS)
    key, certificate, authority = certificates
    context = ssl.create_default_context(cafile=authority or None)
    if key and certificate:
        context.load_cert_chain(certificate, key)
    return http.client.HTTPSConnection(host, address.port, timeout=TIMEOUT_SECONDS, context=context)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket in the file system, as JupyterHub 6 may offer it."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(self._path)


def _read(status: int, body: bytes) -> Subject:
    if status in (401, 403):
        raise Denied(
            "token-refused",
            f"The Hub does not accept this server's token (status {status}).",
            "Stop the server and start it again from the Hub's home page.",
        )
    if status != 200 or len(body) > MAX_ANSWER_BYTES:
        raise _unknown(f"the Hub answered with status {status} and {len(body)} bytes")
    try:
        model: Any = json.loads(body)
    except ValueError as error:
        raise _unknown("the Hub's answer is not JSON") from error
    name, groups = (model.get("name"), model.get("groups")) if isinstance(model, dict) else (None, None)
    if not isinstance(name, str) or not name or not isinstance(groups, list):
        raise _unknown("the Hub's answer names no user with groups", "read:users:groups!user")
    return Subject(name, frozenset(group for group in groups if isinstance(group, str)), "hub")


def _unknown(why: str, scope: str = "") -> Unavailable:
    hint = "Tell your hub's administrator; kernels start again when the Hub answers."
    if scope:
        hint = f"The server's token needs the scope {scope} (Spawner.server_token_scopes)."
    return Unavailable("groups-unknown", f"The user's groups are not known: {why}.", hint)
