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
from jupyter_envguard.acl.commandline import table
from jupyter_envguard.acl.decision import NAMED, OTHERWISE, WHERE
from jupyter_envguard.acl.operations import OPERATIONS
from jupyter_envguard.acl.rules import UNCOVERED, UNKNOWN, Acl, Rule
from jupyter_envguard.hooks.trusted import VERSION


def compiled(acl: Acl, *, site: str, source: str, store: Path, request: str) -> bytes:
    """Return the file for the site called `site`, whose site file has the digest `source`.

    The same rules make the same bytes: sorted keys, ASCII, no white space, one
    final newline.
    """
    document = {
        "version": VERSION,
        "site": site,
        "source": source,
        "store": str(store),
        "request": request,
        **_decisions(acl),
        "places": {"named": NAMED, **{str(kind): text for kind, text in WHERE.items()}},
        "commands": table(),
    }
    return _bytes(document)


def grammar() -> bytes:
    """Return the file that hooks have where there are no rules: command lines, and what changes something."""
    changes = [operation for operation, kind in OPERATIONS.items() if kind == "changes"]
    return _bytes({"version": VERSION, "commands": table(), "changes": changes})


def _bytes(document: Any) -> bytes:
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
        "environments": list(rule.environments),
    }
