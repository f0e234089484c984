"""The table of verbs, and what a verb is made of.

The table is all that `jupyter envguard --help` needs, so it holds no code: a
verb's module is imported when its arguments are parsed.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from jupyter_envguard.errors import EnvGuardError

if TYPE_CHECKING:
    from jupyter_envguard.cli.context import Context

SUMMARIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "init": ("init", "make a new site: keys, catalog, store, log and site.yaml"),
        "inspect": ("packs", "show what is in a pack, without a site"),
        "check": ("imports", "judge a pack by the site's policy and change nothing"),
        "import": ("imports", "check a pack, seal it in the store and put it up for review"),
        "approve": ("decisions", "allow a release to its groups and users"),
        "reject": ("decisions", "turn a release down that waits for review"),
        "deprecate": ("decisions", "keep a release usable and tell people to move on"),
        "revoke": ("decisions", "withdraw a release: it starts nowhere any more"),
        "archive": ("decisions", "put a release away that nobody needs any more"),
        "list": ("catalog", "list environments and releases with their state"),
        "show": ("catalog", "show one release: digests, approval, packages"),
        "diff": ("catalog", "compare the packages of two releases"),
        "export": ("export", "write the pinned spec of a release in another format"),
        "publish": ("transfer", "put a release where other machines can fetch it"),
        "fetch": ("transfer", "bring releases to this machine: only what it lacks, all of it verified"),
        "verify": (
            "evidence",
            "compare images with their manifests, notebooks with the catalog; check the log",
        ),
        "log": ("evidence", "read the log of decisions and kernel starts"),
        "store": ("store", "look after the images on this machine: mount, collect, scrub"),
        "doctor": ("doctor", "check this machine and say what to repair"),
        "requests": ("requests", "list what users have asked for, and answer it"),
        "hooks": ("hooks", "install, show or remove the files that make conda, pip and uv refuse kindly"),
        "renew": ("decisions", "sign the catalog again before it expires"),
        "acl": ("acl", "say who may change which packages, and why"),
        "rules": ("rules", "list the rules of the policy, or explain one"),
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb found out or did, for programs and for people."""

    document: Any
    """The JSON document that `--json` prints."""
    lines: Iterable[str] = ()
    """The same for people, already escaped, a line each."""
    exact: str = ""
    """Text for stdout that programs read as well, written as it is in place of `lines`."""
    refusal: EnvGuardError | None = None
    """Set when the verb did its work and the answer is no: it decides the exit code."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: which arguments it takes and what it does with them."""

    arguments: Callable[[ArgumentParser], None]
    """Adds the verb's own arguments to its parser."""
    run: Callable[[Namespace, Context], Answer]
    """Does the work; every failure is an `EnvGuardError`."""


def load(name: str) -> Verb:
    """Import the module of the verb called `name` and return the verb."""
    module = import_module(f"jupyter_envguard.cli.{SUMMARIES[name][0]}")
    verb: Verb = module.VERBS[name]
    return verb
