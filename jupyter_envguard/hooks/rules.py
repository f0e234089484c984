"""Asks the site's rules, compiled to one file, whether a change to an environment may be made.

>>> ruling = decide("pip:install", "pip install", "/opt/envguard/3f0c", ["xgboost>=2"])  # doctest: +SKIP
>>> ruling.allowed, str(ruling)                                                         # doctest: +SKIP
(False, "'pip install' is turned off for the approved environment 'nlp@1'; … Ask for a package: https://…")

Without a file that can be believed every change of a frozen environment is refused, and
nothing else: a conda on a machine without rules works as before.
"""

from __future__ import annotations

import os

from . import links, trusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

FROZEN = "conda-meta/frozen"
"""Marks an environment that must not change (CEP 22)."""
ASK = "Ask the people who run this hub for it."
"""What to do where no address is known."""
MOST_PACKAGES = 8
"""Packages that a link asks for."""


class Ruling:
    """What the rules say about one change; as text, the sentence of its refusal."""

    __slots__ = ("effect", "environment", "hint", "link", "message", "place", "rule")

    def __init__(self, effect: str, rule: str, message: str = "", place: str = "", environment: str = ""):
        self.effect = effect
        """What the rule says: `allow`, `record` (allow, and tell), or `deny`."""
        self.rule = rule
        """Id of the rule that decided."""
        self.message = message
        """What is refused and where, in one sentence; empty where nothing is."""
        self.place = place
        """Whose the environment is, see `place_of`; empty where nothing was asked about it."""
        self.environment = environment
        """Name of the approved environment that it is about, without its release."""
        self.hint = ASK if effect == "deny" else ""
        """What to do in its place."""
        self.link = ""
        """Where to ask, as an address; empty when there is none."""

    @property
    def allowed(self) -> bool:
        """Whether the change may be made."""
        return self.effect != "deny"

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


def decide(operation: str, command: str, prefix: str, packages: Sequence[str] = (), name: str = "") -> Ruling:
    """Return whether `operation` may change the environment at `prefix`.

    `command` is how the refusal calls it, `packages` what it asks for, `name` the release
    that the session calls the environment, which is used where the site does not say it.
    """
    acl = trusted.rules()
    try:
        ruling = _by_rules(acl, operation, command, prefix, name) if acl is not None else None
    except (AttributeError, IndexError, KeyError, TypeError):
        ruling = None  # The file is not in its own format, so it is as good as none.
    if ruling is None:
        acl, ruling = None, _without_rules(operation, command, prefix, name)
    if not ruling.allowed:
        ruling.link = _link(acl, packages, ruling.environment)
        ruling.hint = _hint(ruling.link)
    return ruling


def whom_to_ask(packages: Sequence[str] = ()) -> str:
    """Return what to do where something was refused that the rules were not asked about."""
    return _hint(_link(trusted.rules(), packages, ""))


def grammar() -> dict[str, Any]:
    """Return how command lines are built, by tool."""
    found = (trusted.rules() or {}).get("commands")
    if not isinstance(found, dict) or not found:
        found = trusted.grammar()["commands"]
    return found


def evaluate(
    acl: dict[str, Any],
    operation: str,
    command: str,
    place: str,
    session: trusted.Session,
    names: Sequence[str] = (),
) -> Ruling:
    """Return what `acl` says about `session`; `names` are releases with the environment that is meant."""
    places = acl["operations"].get(operation)
    rules = [acl["rules"][index] for index in (places or {}).get(place, ())]
    environments = {name.partition("@")[0] for name in names} if place == "environment" else None
    otherwise = acl["unknown"] if places is None else acl["uncovered"]
    fitting = (rule for rule in rules if _concerns(rule, session) and _holds_in(rule, environments))
    rule = next(fitting, otherwise)
    where = acl["places"]["named"].replace("{name}", names[0]) if environments else acl["places"][place]
    message = rule["message"].replace("{place}", where).replace("{command}", command)
    # Anything that is not an allowance by its name is a refusal.
    effect = rule["effect"] if rule["effect"] in ("allow", "record") else "deny"
    environment = names[0].partition("@")[0] if environments else ""
    return Ruling(effect, rule["id"], message, place, environment)


def place_of(prefix: str, store: str) -> str:
    """Return whose `prefix` is: an approved `environment`, the user's `own`, or `anywhere` else."""
    real = os.path.realpath(prefix)
    root = os.path.realpath(store)
    if real == root or real.startswith(root.rstrip("/") + "/"):
        return "environment"
    while not os.path.lexists(real):
        real = os.path.dirname(real)
    # Not followed: what is still a link leads to itself, and following it is an error.
    return "own" if os.lstat(real).st_uid == os.geteuid() else "anywhere"


def releases_at(prefix: str, store: str) -> list[str]:
    """Return what the site calls the environment around `prefix`: `datasci@2026.11`, perhaps several."""
    inside = os.path.relpath(os.path.realpath(prefix), os.path.realpath(store))
    folder = inside.partition("/")[0]
    return [f"{one['name']}@{one['release']}" for one in trusted.environments(f'"folder":"{folder}",')]


def _by_rules(acl: dict[str, Any], operation: str, command: str, prefix: str, name: str) -> Ruling:
    store = acl["store"]
    place = place_of(prefix, store)
    names = releases_at(prefix, store) if place == "environment" else []
    if name and (name in names or not names):
        names = [name, *names]
    return evaluate(acl, operation, command, place, trusted.session(), names)


def _concerns(rule: dict[str, Any], session: trusted.Session) -> bool:
    unknown = rule["effect"] == "deny" and (
        (session.groups is None and rule["groups"]) or (session.roles is None and rule["roles"])
    )
    return bool(
        rule["everybody"]
        or session.user in rule["users"]
        or unknown
        or (session.groups and not session.groups.isdisjoint(rule["groups"]))
        or (session.roles and not session.roles.isdisjoint(rule["roles"]))
    )


def _holds_in(rule: dict[str, Any], environments: set[str] | None) -> bool:
    """Return whether `rule` holds in one of `environments`; where none is known, a denial does."""
    if environments is None or not rule["environments"]:
        return True
    return not environments.isdisjoint(rule["environments"]) if environments else rule["effect"] == "deny"


def _without_rules(operation: str, command: str, prefix: str, name: str) -> Ruling:
    changes = operation in trusted.grammar()["changes"]
    if not changes or not os.path.lexists(os.path.join(prefix, FROZEN)):
        return Ruling("allow", "not-frozen")
    where = f"for the approved environment '{name}'" if name else "for approved environments"
    message = f"'{command}' is turned off {where}; nothing was changed."
    return Ruling("deny", "frozen", message, "environment", name.partition("@")[0])


def _link(acl: dict[str, Any] | None, packages: Sequence[str], environment: str) -> str:
    address = str((acl or {}).get("request") or "") or links.own_form()
    return links.filled(address, " ".join(packages[:MOST_PACKAGES]), environment)


def _hint(link: str) -> str:
    return f"Ask for a package: {link}" if link else ASK
