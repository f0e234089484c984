"""The files of a machine that hooks read: rules, environments and sessions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_envguard.hooks import trusted


def rule(effect: str, message: str = "", **who: Any) -> dict[str, Any]:
    """A rule as it is compiled, about everybody unless told otherwise."""
    environments = who.pop("environments", [])
    whom = {"everybody": not who, "users": [], "groups": [], "roles": []} | who
    return {"id": f"{effect}-it", "effect": effect, "message": message, "environments": environments} | whom


def compiled(
    *found: dict[str, Any], store: str = "/opt/envguard", place: str = "environment"
) -> dict[str, Any]:
    """Compiled rules about `pip:install` at `place`, and about nothing else."""
    by_place = {"environment": [], "own": [], "anywhere": []} | {place: list(range(len(found)))}
    return {
        "version": 1,
        "store": store,
        "request": "https://example.org/ask?for={subject}&in={environment}",
        "rules": list(found),
        "operations": {"pip:install": by_place},
        "unknown": rule("deny", "{command} is unknown."),
        "uncovered": rule("deny", "{command} is covered by no rule {place}."),
        "places": {
            "environment": "for approved environments",
            "named": "for '{name}'",
            "own": "for your own",
            "anywhere": "at this site",
        },
    }


@dataclass(frozen=True)
class Machine:
    """Where the files lie."""

    folder: Path

    @property
    def acl(self) -> Path:
        return self.folder / "acl.json"

    @property
    def environments(self) -> Path:
        return self.folder / trusted.ENVIRONMENTS

    @property
    def session(self) -> Path:
        import os

        return self.folder / "sessions" / f"{os.geteuid()}.json"

    def write(self, path: Path, *lines: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
        path.chmod(0o644)

    def rule(self, *rules: dict[str, Any], **about: Any) -> None:
        self.write(self.acl, compiled(*rules, **about))

    def list(self, *releases: dict[str, Any]) -> None:
        self.write(self.environments, {"version": 1}, *releases)

    def join(self, user: str, *groups: str, roles: tuple[str, ...] = ()) -> None:
        self.write(self.session, {"version": 1, "user": user, "groups": list(groups), "roles": list(roles)})


def release(name: str, number: str = "1", folder: str = "f0", **changes: Any) -> dict[str, Any]:
    """A line of the list of environments."""
    return {
        "folder": folder,
        "name": name,
        "release": number,
        "kernel": name,
        "users": [],
        "groups": ["*"],
        "packages": {},
    } | changes
