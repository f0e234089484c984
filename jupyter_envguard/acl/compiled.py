"""The rules as hooks read them: one small JSON file in which deciding is looking up.

Hooks run in the Pythons of others and have nothing but the standard library, so
the work is done here: patterns are spelt out, and for every operation and place
the file lists the rules in the order in which they decide. The format is
described in the reference, `docs/reference/acl.md`; a test reads the evaluator on
that page and compares it with `decide`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jupyter_envguard.acl.checks import PLACES
from jupyter_envguard.acl.decision import NAMED, OTHERWISE, WHERE, hint_for
from jupyter_envguard.acl.grammar import COMMANDS
from jupyter_envguard.acl.operations import OPERATIONS
from jupyter_envguard.acl.rules import UNCOVERED, UNKNOWN, Acl, Rule

VERSION = 1
"""Of the format; hooks deny what a file of another version says."""
PLACE = Path("/etc/jupyter/envguard/acl.json")
"""Where hooks look for the file unless they were installed with another path."""


def compiled(acl: Acl, *, site: str, source: str, store: Path, request_url: str) -> bytes:
    """Return the file for the site called `site`, whose site file has the digest `source`.

    The same rules make the same bytes: sorted keys, ASCII, no white space, one
    final newline.
    """
    document = {
        "version": VERSION,
        "site": site,
        "source": source,
        "store": str(store),
        "hint": hint_for(request_url),
        **_decisions(acl),
        "places": {"named": NAMED, **{str(kind): text for kind, text in WHERE.items()}},
        "commands": {tool: node.as_json() for tool, node in COMMANDS.items()},
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _decisions(acl: Acl) -> dict[str, Any]:
    rules = acl.in_force()
    index = {rule.id: place for place, rule in enumerate(rules)}
    return {
        "rules": [_rule(rule) for rule in rules],
        "operations": {
            operation: {place: [index[rule.id] for rule in acl.about(operation, place)] for place in PLACES}
            for operation in OPERATIONS
        },
        "uncovered": {"id": UNCOVERED, "effect": "deny", "message": OTHERWISE[UNCOVERED]},
        "unknown": {"id": UNKNOWN, "effect": "deny", "message": OTHERWISE[UNKNOWN]},
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "effect": rule.effect,
        "message": rule.sentence,
        "everybody": rule.everybody,
        "users": list(rule.users),
        "groups": list(rule.groups),
        "roles": list(rule.roles),
    }
