"""What root leaves on a machine so that hooks can answer kindly: rules, environments, who has a session.

>>> session_file("ada", {"students"}, {"user"})
b'{"version":1,"user":"ada","groups":["students"],"roles":["user"]}\\n'

Hooks (`jupyter_envguard.hooks.trusted`) believe these files only while nobody but root can
write them. They hold nothing secret and decide nothing that the wall does not decide again:
a hook that cannot read them is stricter, and less helpful.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from jupyter_envguard.acl import compiled
from jupyter_envguard.catalog import Catalog, Entry
from jupyter_envguard.catalog.client import Client
from jupyter_envguard.catalog.decision import may_start
from jupyter_envguard.catalog.document import STANDING
from jupyter_envguard.catalog.names import kernel_name
from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.files import explained, read_bounded, write_atomically
from jupyter_envguard.hooks import trusted
from jupyter_envguard.hooks.trusted import ACL_FILE, ENVIRONMENTS, SESSIONS, VERSION
from jupyter_envguard.site import Site
from jupyter_envguard.spec import sha256_digest
from jupyter_envguard.store import Store

RULES_PLACE = Path(ACL_FILE)
"""Where hooks look for the rules; the list of environments lies beside it."""
SESSIONS_PLACE = Path(SESSIONS)
"""Where hooks look for who has a session."""
SPEC_BYTES = 64 * 1024 * 1024
"""Size of one spec."""


@dataclass(frozen=True, slots=True)
class Written:
    """What `write_rules` left on the machine."""

    rules: Path
    """The compiled rules."""
    environments: Path
    """The list of environments."""
    listed: int
    """How many releases it names."""
    problem: EnvGuardError | None
    """Why it names none, though there may be some."""


def rules_file(site: Site) -> bytes:
    """Return the rules of `site` as hooks read them."""
    return compiled(
        site.acl,
        site=site.name,
        source=site.digest,
        store=site.store_root,
        request=site.request_template,
    )


def environments_file(catalog: Catalog, store: Store, now: datetime) -> bytes:
    """Return a line for each release of `catalog` that is on this machine: folder, names, users, packages.

    Users and packages are those of releases that may start at the moment `now`.
    """
    lines = [{"version": VERSION}, *_releases(catalog, store, now)]
    return b"".join(_line(line) for line in lines)


def session_file(user: str, groups: Collection[str], roles: Collection[str]) -> bytes:
    """Return who uses one account of this machine, as the hub knows it."""
    found = {"version": VERSION, "user": user, "groups": sorted(groups), "roles": sorted(roles)}
    return _line(found)


def write_rules(site: Site, place: Path = RULES_PLACE) -> Written:
    """Write the rules of `site` to `place` and the list of its environments beside them.

    A catalog that cannot be read leaves an empty list: rules hold without names.
    """
    problem, listed = None, _line({"version": VERSION})
    try:
        listed = _listed(site)
    except EnvGuardError as error:
        problem = error
    environments = place.with_name(ENVIRONMENTS)
    for path, content in ((environments, listed), (place, rules_file(site))):
        _write(path, content)
    return Written(place, environments, listed.count(b"\n") - 1, problem)


def refresh(site: Site, place: Path | None = None) -> bool:
    """Write the list of environments anew, where hooks of this machine have the rules of `site` at `place`.

    Returns whether they have; raises what the catalog or the disk say against it.
    """
    rules = place or RULES_PLACE
    found = trusted.rules(str(rules))
    if found is None or found.get("store") != str(site.store_root):
        return False
    listed = _listed(site)
    _write(rules.with_name(ENVIRONMENTS), listed)
    return True


def _write(path: Path, content: bytes) -> None:
    with explained(f"write {path}"):
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_atomically(path, content)


def write_session(
    uid: int, user: str, groups: Collection[str], roles: Collection[str], place: Path = SESSIONS_PLACE
) -> Path:
    """Write who uses the account `uid`, for everybody on this machine to read; return the file's path."""
    path = place / f"{uid}.json"
    with explained(f"write {path}"):
        place.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_atomically(path, session_file(user, groups, roles))
    return path


def _listed(site: Site) -> bytes:
    catalog = Client(site.catalog, site.trust).current()
    return environments_file(catalog, Store(site.store_root), datetime.now(UTC))


def _releases(catalog: Catalog, store: Store, now: datetime) -> Iterator[dict[str, Any]]:
    for _, group in groupby(catalog.entries, key=lambda entry: entry.name):
        newest = sorted(group, key=lambda entry: _rank(entry, now), reverse=True)
        for index, entry in enumerate(newest):
            packages = _packages(entry, store)
            if packages is not None:
                usable = may_start(entry, now)
                yield {
                    "folder": store.path_of(entry.pack).name,
                    "name": entry.name,
                    "release": entry.release,
                    "kernel": entry.name if index == 0 else kernel_name(entry.name, entry.release),
                    "users": list(entry.users) if usable else [],
                    "groups": list(entry.groups) if usable else [],
                    "packages": packages if usable else {},
                }


def _packages(entry: Entry, store: Store) -> dict[str, list[str]] | None:
    """Return name and version of each package by its name as people may write it; None without an image."""
    try:
        path = store.get(entry.pack).meta / "spec.json"
        with explained(f"read {path}"):
            content = read_bounded(path, SPEC_BYTES)
    except EnvGuardError:
        return None
    if sha256_digest(content) != entry.spec:
        return None
    found = {package["name"]: package["version"] for package in json.loads(content)["packages"]}
    return {_canonical(name): [name, version] for name, version in found.items()}


def _canonical(name: str) -> str:
    """Return `name` as `hooks.card` looks it up."""
    return name.lower().replace("_", "-").replace(".", "-")


def _rank(entry: Entry, now: datetime) -> tuple[bool, int, str, str, str]:
    """Return where a release stands among those of its name, the current one last, as in `Catalog.offers`."""
    approved = entry.approval.when if entry.approval else ""
    return may_start(entry, now), STANDING.get(entry.state, 0), approved, entry.imported_at, entry.release


def _line(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"
