"""Reads what hooks say, from processes that are the user's and may say anything.

>>> parse(b'{"about":"drift","kind":"foreign-package","name":"x 1.0","where":"/home/ada/x"}')
Looked(finding=Finding(kind='foreign-package', name='x 1.0', where='/home/ada/x'))
>>> parse(b'{"about":"drift"}'), parse(b"nonsense")
(Looked(finding=None), None)

Every text is cut and freed of characters that do not print, and of passwords in
addresses; what is not exactly a message of ours is nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeGuard

from jupyter_envguard.acl.commandline import operation_of
from jupyter_envguard.kernels.drift import KINDS, Finding, Kind

MAX_BYTES = 8192
"""Size of one message, as hooks keep it."""

TEXT_LENGTH = 256
"""Characters of one text of a message that are kept."""

CREDENTIALS = re.compile(r"://[^/\s@]*@")
"""What stands before the host in an address."""

SYSLOG = re.compile(rb"<[0-9]{1,3}>[^{]{1,128}")
"""What logger(1) puts before a message; terminals in lockdown tell by it what they refuse."""

UNREAD = ":?"
"""How an operation ends that whoever reports it could not read from the command."""

OPERATION = re.compile(r"[a-z0-9?][a-z0-9:_.-]{0,62}\??\Z", re.ASCII)
"""How operations, rules and places are written; what nobody knows of a tool is `pip:?`."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A kernel has looked for drift."""

    finding: Finding | None
    """What it found; None when there was nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """A hook has asked the rules about a change of an environment, and they did not simply allow it."""

    effect: Literal["deny", "record"]
    """What they said."""
    operation: str
    """What was to be done, such as `pip:install`."""
    rule: str
    """Id of the rule that decided."""
    place: str
    """Whose the environment is: `environment`, `own` or `anywhere`; empty when nobody asked."""
    command: str
    """The command line, as far as it is kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A kernel's guard of imports has kept something from loading."""

    finding: Finding
    """What it was."""
    why: str
    """Why it is not loaded, as the end of a sentence."""


Report = Looked | Change | Kept


def parse(content: bytes) -> Report | None:
    """Return the report that `content` is, or None for anything else."""
    if len(content) > MAX_BYTES:
        return None
    before = SYSLOG.match(content)
    try:
        message: Any = json.loads(content[before.end() :] if before else content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not all(isinstance(value, str) for value in message.values()):
        return None
    about = message.pop("about", "")
    if about == "drift":
        return _looked(message)
    if about == "import":
        return _kept(message)
    return _change(message) if about == "package" else None


def cleaned(text: str) -> str:
    """Return `text` as it is recorded and shown."""
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    shown = CREDENTIALS.sub("://…@", shown)
    return shown if len(shown) <= TEXT_LENGTH else shown[: TEXT_LENGTH - 1] + "…"


def _looked(message: dict[str, str]) -> Looked | None:
    if not message:
        return Looked(None)
    kind = message.get("kind", "")
    if message.keys() != {"kind", "name", "where"} or not _is_kind(kind):
        return None
    return Looked(Finding(kind, cleaned(message["name"]), cleaned(message["where"])))


def _kept(message: dict[str, str]) -> Kept | None:
    if message.keys() != {"name", "where", "why"}:
        return None
    texts = {key: cleaned(text) for key, text in message.items()}
    return Kept(Finding("denied-import", texts["name"], texts["where"]), texts["why"])


def _is_kind(text: str) -> TypeGuard[Kind]:
    return text in KINDS and text != "denied-import"


def _change(message: dict[str, str]) -> Change | None:
    if message.keys() != {field.name for field in fields(Change)}:
        return None
    words = [message[name] for name in ("operation", "rule")]
    if message["effect"] not in ("deny", "record") or not all(map(OPERATION.match, words)):
        return None
    if message["place"] not in ("", "anywhere", "environment", "own"):
        return None
    message["command"] = cleaned(message["command"])
    if message["operation"].endswith(UNREAD) and (found := operation_of(message["command"].split())):
        message["operation"] = found.id
    return Change(**message)  # type: ignore[arg-type]
