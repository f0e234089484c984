"""Which package operation a command line asks for: `operation_of`.

>>> operation_of(["python3.11", "-I", "-m", "pip", "install", "numpy"])
Operation(id='pip:install', command='pip install', inside=None)
>>> operation_of(["conda", "run", "-n", "x", "pip", "install", "numpy"]).inside.id
'pip:install'
>>> operation_of(["ls"])

Only the words are looked at: a shell, an alias or a script hides what it runs.
This is for kind answers, not for walls. It is the hooks' own reader that reads, so that
what is explained here is what they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jupyter_envguard.acl.grammar import COMMANDS
from jupyter_envguard.hooks.commands import changes_of


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a package tool is asked to do."""

    id: str
    """As rules write it, `conda:install`; `conda:?` when nobody knows it."""
    command: str
    """As people write it, without options and arguments: `conda env update`."""
    inside: Operation | None = None
    """What it runs in turn, as `conda run` does."""


def operation_of(argv: Sequence[str]) -> Operation | None:
    """Return the operation that the words `argv` ask for, or None when they are no package tool's.

    Never raises: what cannot be understood is an unknown operation, which every
    rule set denies.
    """
    found = None
    for change in reversed(changes_of(argv, table())):
        found = Operation(change.operation, change.command, found)
    return found


@cache
def table() -> dict[str, Any]:
    """Return the grammar as hooks read it, by the name of the tool."""
    return {tool: node.as_json() for tool, node in COMMANDS.items()}
