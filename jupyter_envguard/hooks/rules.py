"""Asks the site's rules, compiled to one file, whether a change to an environment may be made.

>>> ruling = decide("pip:install", "pip install", "/opt/envguard/3f0c")     # doctest: +SKIP
>>> ruling.allowed, str(ruling)                                             # doctest: +SKIP
(False, "'pip install' is turned off for approved environments; … Ask for a package: https://…")

The file is believed when nobody but root (or whoever owns this hook) can have
written it. Without a file that can be believed every change of a frozen environment
is refused, and nothing else: a conda on a machine without rules works as before.
"""

from __future__ import annotations

import errno
import json
import os
import pwd
import stat
from typing import Any, NamedTuple

ACL_FILE = "/etc/jupyter/envguard/acl.json"
"""Where the compiled rules lie. Never named by a variable: users own those."""
MAX_BYTES = 1024 * 1024
"""Size of the compiled rules."""
VERSION = 1
"""Version of their format."""
FROZEN = "conda-meta/frozen"
"""Marks an environment that must not change (CEP 22)."""
ASK = "Ask the people who run this hub for a package."


class Ruling(NamedTuple):
    """What the rules say about one change; as text, the sentence of its refusal."""

    allowed: bool
    """Whether the change may be made."""
    rule: str
    """Id of the rule that decided."""
    message: str
    """What is refused and where, in one sentence; empty where nothing is."""
    hint: str
    """What to do in its place."""
    effect: str = "deny"
    """What the rule says: `allow`, `record` (allow, and tell), or `deny`."""
    place: str = ""
    """Whose the environment is, see `place_of`; empty where nothing was asked about it."""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


def decide(operation: str, command: str, prefix: str, name: str = "") -> Ruling:
    """Return whether `operation` may change the environment at `prefix`.

    `command` is how the refusal calls it, `name` the environment's where it is known.
    """
    acl = load()
    try:
        if acl is not None:
            return evaluate(acl, operation, command, place_of(prefix, acl["store"]), user_name(), name)
    except (AttributeError, IndexError, KeyError, TypeError):
        pass  # The file is not in its own format, so it is as good as none.
    return _without_rules(command, prefix, name)


def load(path: str = "") -> dict[str, Any] | None:
    """Return the compiled rules, or None where there are none that can be believed."""
    try:
        # A pipe or a device in its place cannot make a command wait for ever.
        handle = os.open(path or ACL_FILE, os.O_RDONLY | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            found = os.fstat(handle)
            if not _is_believed(found):
                raise OSError(errno.EPERM, "others can write it")
            acl = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return acl if isinstance(acl, dict) and acl.get("version") == VERSION else None


def evaluate(
    acl: dict[str, Any], operation: str, command: str, place: str, user: str, name: str = ""
) -> Ruling:
    """Return what `acl` says; groups and roles are not known here, so denials that name any hold."""
    places = acl["operations"].get(operation)
    rules = [acl["rules"][index] for index in (places or {}).get(place, ())]
    otherwise = acl["unknown"] if places is None else acl["uncovered"]
    rule = next((rule for rule in rules if _concerns(rule, user)), otherwise)
    named = name and place == "environment"
    where = acl["places"]["named"].replace("{name}", name) if named else acl["places"][place]
    message = rule["message"].replace("{place}", where).replace("{command}", command)
    # Anything that is not an allowance by its name is a refusal.
    effect = rule["effect"] if rule["effect"] in ("allow", "record") else "deny"
    return Ruling(effect != "deny", rule["id"], message, acl["hint"], effect, place)


def place_of(prefix: str, store: str) -> str:
    """Return whose `prefix` is: an approved `environment`, the user's `own`, or `anywhere` else."""
    real = os.path.realpath(prefix)
    root = os.path.realpath(store)
    if real == root or real.startswith(root.rstrip("/") + "/"):
        return "environment"
    while not os.path.lexists(real):
        real = os.path.dirname(real)
    return "own" if os.stat(real).st_uid == os.geteuid() else "anywhere"


def user_name() -> str:
    """Return the name of the account that this process runs as, or its number when it has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _concerns(rule: dict[str, Any], user: str) -> bool:
    unknown = rule["effect"] == "deny" and bool(rule["groups"] or rule["roles"])
    return bool(rule["everybody"] or user in rule["users"] or unknown)


def _is_believed(found: os.stat_result) -> bool:
    owners = (0, os.stat(__file__).st_uid)
    others = stat.S_IWGRP | stat.S_IWOTH
    return stat.S_ISREG(found.st_mode) and found.st_uid in owners and not found.st_mode & others


def _without_rules(command: str, prefix: str, name: str) -> Ruling:
    if not os.path.lexists(os.path.join(prefix, FROZEN)):
        return Ruling(True, "not-frozen", "", "", "allow")
    where = f"for the approved environment '{name}'" if name else "for approved environments"
    message = f"'{command}' is turned off {where}; nothing was changed."
    return Ruling(False, "frozen", message, ASK, "deny", "environment")
