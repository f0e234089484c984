"""The package operations that rules can speak of, and what kind each is.

An operation is written `tool:verb`. What is not in the table is unknown, and
unknown operations are denied.

>>> OPERATIONS["conda:install"]
'changes'
>>> closeness("conda:*", "conda:install"), closeness("reads", "conda:install")
(2, 0)
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from jupyter_envguard.errors import InvalidInput, did_you_mean

Kind = Literal["changes", "settings", "reads"]
KINDS: tuple[Kind, ...] = get_args(Kind)
EVERYTHING = "everything"
"""What a rule says to mean every operation there is."""

_VERBS: Mapping[Kind, Mapping[str, str]] = {
    # Installed packages or whole environments become other than they were.
    "changes": {
        "conda": "install update remove create rename env-vars package build develop",
        "mamba": "install update remove create rename env-vars package self-update",
        "pip": "install uninstall",
        "pipx": "install uninstall update run",
        "uv": "install uninstall sync add remove init run venv tool python self-update",
        "pixi": "add remove install update init run global self-update build",
        "npm": "global install uninstall update exec init",
        "venv": "create",
        "virtualenv": "create",
        "ensurepip": "install",
    },
    # Only the caller's own settings, caches and downloads.
    "settings": {
        "conda": "config clean init",
        "mamba": "config clean init auth",
        "pip": "config cache download wheel lock",
        "pipx": "config",
        "uv": "lock cache build publish config",
        "pixi": "config clean lock publish",
        "npm": "config cache publish",
    },
    "reads": {
        "conda": "run list info search export compare doctor notices activate help",
        "mamba": "run list info search export activate help",
        "pip": "list help",
        "pipx": "list help",
        "uv": "list help",
        "pixi": "list help",
        "npm": "run list help",
    },
}

OPERATIONS: Mapping[str, Kind] = MappingProxyType(
    {
        f"{tool}:{verb}": kind
        for kind, tools in _VERBS.items()
        for tool, verbs in tools.items()
        for verb in verbs.split()
    }
)
"""Every operation that is known, and its kind."""

PATTERNS = frozenset(
    {*OPERATIONS, *KINDS, EVERYTHING, *(f"{operation.split(':')[0]}:*" for operation in OPERATIONS)}
)
"""Everything that a rule can write under `what`."""


def check_pattern(text: str) -> str:
    """Return `text` if a rule can say it of operations, else raise `acl-invalid`."""
    if text in PATTERNS:
        return text
    hint = did_you_mean(text, PATTERNS) or f"Write tool:verb, tool:*, {', '.join(KINDS)} or {EVERYTHING}."
    raise InvalidInput("acl-invalid", f"There is no operation {text!r}.", hint)


def closeness(pattern: str, operation: str) -> int:
    """Return how closely `pattern` means `operation`: 0 when not at all, 3 when it names it."""
    if pattern == operation:
        return 3
    if pattern == f"{operation.split(':')[0]}:*":
        return 2
    return int(pattern in (OPERATIONS[operation], EVERYTHING))
