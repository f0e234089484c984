"""Reads what only root can have written: the site's rules, its environments, who has a session.

    /etc/jupyter/envguard/acl.json             the rules
    /etc/jupyter/envguard/environments.jsonl   a line for each release: its folder, packages and users
    /run/jupyter-envguard/sessions/1000.json   the hub's user of the account 1000, with groups and roles

A file that others than root (or whoever owns this hook) could have written is as good as
none, and so is one of another version.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

ACL_FILE = "/etc/jupyter/envguard/acl.json"
"""Where the compiled rules lie. Never named by a variable: users own those."""
ENVIRONMENTS = "environments.jsonl"
"""Name of the list of environments, in the folder of the rules."""
SESSIONS = "/run/jupyter-envguard/sessions"
"""Where the hub leaves who has a session on this machine, one file an account."""
GRAMMAR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "resources", "grammar.json")
"""How command lines are built, where no rules say it."""
VERSION = 1
"""Version of the format of all of them."""
RULES_BYTES = 1024 * 1024
"""Size of the compiled rules."""
ENVIRONMENTS_BYTES = 64 * 1024 * 1024
"""Size of the list of environments."""
SESSION_BYTES = 64 * 1024
"""Size of what is known about one account."""


class Session:
    """Who uses this account, as the hub says."""

    __slots__ = ("groups", "roles", "user")

    def __init__(self, user: str, groups: frozenset[str] | None, roles: frozenset[str] | None):
        self.user = user
        """Name of the hub's user; of the account where the hub left no word."""
        self.groups = groups
        """The user's groups; None when they are not known."""
        self.roles = roles
        """The user's roles at the hub; None when they are not known."""


def rules(path: str = "") -> dict[str, Any] | None:
    """Return the compiled rules, or None where there are none that can be believed."""
    return _document(path or ACL_FILE, RULES_BYTES)


def session() -> Session:
    """Return who uses the account that this process runs as."""
    uid = os.geteuid()
    found = _document(os.path.join(SESSIONS, f"{uid}.json"), SESSION_BYTES)
    try:
        if found is not None and isinstance(found["user"], str):
            return Session(found["user"], frozenset(found["groups"]), frozenset(found["roles"]))
    except (KeyError, TypeError):
        pass
    return Session(_account(uid), None, None)


def environments(part: str) -> list[dict[str, Any]]:
    """Return the releases in whose line `part` stands, a piece of JSON without spaces between its members."""
    path = os.path.join(os.path.dirname(ACL_FILE), ENVIRONMENTS)
    first, *lines = _read(path, ENVIRONMENTS_BYTES).splitlines() or [b""]
    if first != b'{"version":%d}' % VERSION:
        return []
    try:
        found = [parsed(line) for line in lines if part.encode() in line]
    except (ValueError, RecursionError):
        return []
    return [line for line in found if isinstance(line, dict)]


def grammar() -> dict[str, Any]:
    """Return how command lines are built and which operations change something, without rules of a site."""
    with open(GRAMMAR, "rb") as file:
        found: dict[str, Any] = parsed(file.read())
    return found


class _Plain:
    """What `json` asks of a decoder."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int

    @staticmethod
    def parse_constant(name: str) -> Any:
        """Refuse `NaN` and its like, which are no JSON."""
        raise ValueError(name)


def parsed(content: bytes) -> Any:
    """Return what a text in JSON says; raise `ValueError` for any other.

    It asks the part of `json` that is written in C. The rest brings regular expressions along,
    and to load those takes longer than all else that a front door does.
    """
    text = content.decode().strip()
    try:
        from _json import make_scanner
    except ImportError:  # another Python than CPython
        import json

        return json.loads(text)
    try:
        found, end = make_scanner(_Plain)(text, 0)  # type: ignore[arg-type]
    except StopIteration:
        raise ValueError(text[:80]) from None
    if end != len(text):
        raise ValueError(text[end : end + 80])
    return found


def _document(path: str, limit: int) -> dict[str, Any] | None:
    content = _read(path, limit)
    if not content:
        return None
    try:
        found = parsed(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("version") == VERSION else None


def _read(path: str, limit: int) -> bytes:
    """Return what the file at `path` says, nothing when it cannot be believed."""
    try:
        # A pipe or a device in its place cannot make a command wait for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            return file.read(limit) if _is_believed(os.fstat(handle)) else b""
    except OSError:
        return b""


def _is_believed(found: os.stat_result) -> bool:
    owners = (0, os.stat(__file__).st_uid)
    others = stat.S_IWGRP | stat.S_IWOTH
    return stat.S_ISREG(found.st_mode) and found.st_uid in owners and not found.st_mode & others


def _account(uid: int) -> str:
    """Return the name of the account `uid`, its number when it has none."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def known(part: str, found: Session) -> Iterator[dict[str, Any]]:
    """Yield the releases in whose line `part` stands and which the user of the session `found` may start."""
    for release in environments(part):
        groups = release["groups"]
        public = "*" in groups or found.user in release["users"]
        if public or (found.groups and not found.groups.isdisjoint(groups)):
            yield release
