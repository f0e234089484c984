"""`Site`: what `site.yaml` says, checked.

>>> load(Path("/srv/envguard/site.yaml")).log  # doctest: +SKIP
PosixPath('/srv/envguard/log.sqlite')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

from yaml.nodes import Node

from jupyter_envguard.acl import SHIPPED, Acl
from jupyter_envguard.errors import InvalidInput, Unavailable
from jupyter_envguard.files import explained, read_bounded
from jupyter_envguard.hooks.links import ENVIRONMENT, SUBJECT, filled
from jupyter_envguard.policy import DEFAULT, Policy
from jupyter_envguard.site import reading
from jupyter_envguard.site.acl import acl
from jupyter_envguard.site.enforcement import USUAL, Enforcement, enforcement
from jupyter_envguard.site.reading import FILE_BYTES, Mistakes
from jupyter_envguard.site.rules import policy
from jupyter_envguard.site.successors import successors
from jupyter_envguard.spec import sha256_digest

VERSION = "1"
STORE_LENGTH = 120
"""Characters in the path of the store: prefixes are written into files that have room for 255."""
NAME_LENGTH = 80
"""Characters in the name of a site."""
CONTACT_LENGTH = 200
"""Characters of whom to ask."""
STORE = re.compile(r"/[A-Za-z0-9._/@+-]+\Z")
FOLDERS = ("catalog", "decisions", "keys", "store", "spool")
"""Places with their own owners: nothing else may lie inside one of them."""
OPTIONAL = frozenset(
    {"acl", "audit", "contact", "decisions", "guard", "keys", "policy", "request_url", "shares", "successors"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site, as its admin wrote it down."""

    path: Path
    """The file itself."""
    digest: str
    """Digest of the file's bytes, for the log."""
    name: str
    """What users read in refusals."""
    store_root: Path
    """Where images live, at the same path on every node."""
    catalog: str
    """Path or `http(s)` address of the catalog that nodes read."""
    trust: Path
    """Root metadata that nodes start to trust from."""
    keys: Path | None
    """Folder of private keys; only where decisions are made."""
    log: Path
    """The log of decisions."""
    spool: Path
    """Where sessions leave their own logs."""
    decisions: Path
    """Where users read what became of their requests: `decisions` beside the site file, if it is not said."""
    request_template: str = ""
    """Where users ask for a package, as the file says it: `{subject}` and `{environment}` may stand in it."""
    contact: str = ""
    """Whom users ask about environments, in words that they can read; empty when nobody is named."""
    successors: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Which environment or release stands in for a kernel that is not there, by the kernel's name."""
    shares: tuple[str, ...] = ()
    """Folders and URLs from which nodes fetch releases, the first that has one."""
    policy: Policy = DEFAULT
    """What a pack must meet."""
    guard: Enforcement = USUAL
    """How far sessions are confined."""
    acl: Acl = SHIPPED
    """Who may do which package operation in a session."""
    audit_required: bool = True
    """Whether a kernel that cannot be recorded may not start."""

    @property
    def request_url(self) -> str:
        """Where users ask for an environment; empty when there is no such place."""
        return filled(self.request_template)

    def protected(self) -> tuple[Path, ...]:
        """Return what no session may write to, whoever owns it; the spool is where they do write."""
        catalog = () if "://" in self.catalog else (Path(self.catalog),)
        keys = (self.keys,) if self.keys else ()
        return (self.path, self.store_root, self.trust, *catalog, *keys, self.log, self.decisions)

    def catalog_folder(self) -> Path:
        """Return the folder of the catalog; raise `invalid-argument` when it is an address."""
        if self.catalog.startswith(("http://", "https://")):
            raise InvalidInput(
                "invalid-argument",
                f"{self.path} names the catalog by the address {self.catalog}, which can only be read.",
                "Do this on the machine that holds the catalog's folder, with a site file that names it.",
            )
        return Path(self.catalog)

    def require_keys(self) -> Path:
        """Return the folder of keys; raise `keys-missing` when the site has none here."""
        if self.keys is None:
            raise Unavailable(
                "keys-missing",
                f"{self.path} names no folder of keys.",
                "Do this where the keys are kept, and name their folder there.",
            )
        return self.keys


def load(path: Path) -> Site:
    """Return the site that `path` describes; raise `site-invalid` with every mistake in it."""
    path = path.absolute()
    with explained(f"read the site file {path}"):
        content = read_bounded(path, FILE_BYTES)
    try:
        return parse(content.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        mistakes = Mistakes(str(path))
        line = content.count(b"\n", 0, error.start) + 1
        mistakes.at(line, 1, "This line is not UTF-8.")
        raise mistakes.error() from error


def parse(text: str, path: Path) -> Site:
    """Return the site that `text` describes as if it stood in the file `path`."""
    mistakes = Mistakes(str(path))
    nodes = reading.members(reading.tree_of(text, mistakes), READERS, mistakes)
    for key in sorted(READERS.keys() - OPTIONAL - nodes.keys()):
        mistakes.at(1, 1, f"The key {key!r} is missing.")
    values = {key: READERS[key](node, path.parent, mistakes) for key, node in nodes.items()}
    values.setdefault("decisions", path.parent / "decisions")
    _keep_apart(nodes, values, mistakes)
    mistakes.refuse()
    return Site(
        path=path,
        digest=sha256_digest(text.encode()),
        name=values["name"],
        store_root=values["store"],
        catalog=values["catalog"],
        trust=values["trust"],
        keys=values.get("keys"),
        log=values["log"],
        spool=values["spool"],
        decisions=values["decisions"],
        request_template=values.get("request_url", ""),
        contact=values.get("contact", ""),
        successors=values.get("successors", MappingProxyType({})),
        shares=values.get("shares", ()),
        policy=values.get("policy", DEFAULT),
        guard=values.get("guard", USUAL),
        acl=values.get("acl", SHIPPED),
        audit_required=values.get("audit", True),
    )


def _keep_apart(nodes: Mapping[str, Node], values: Mapping[str, Any], mistakes: Mistakes) -> None:
    """Note places inside other places: whoever may write the outer one owns the inner one."""
    places = {key: Path(values[key]) for key in ("trust", "log", *FOLDERS) if values.get(key)}
    for inner, path in places.items():
        for outer in FOLDERS:
            if outer in places and outer != inner and path.is_relative_to(places[outer]):
                mistakes.add(
                    nodes.get(inner, nodes[outer]),
                    f"{inner!r} must not lie inside {outer!r} ({places[outer]}).",
                )


def _version(node: Node, _folder: Path, mistakes: Mistakes) -> None:
    if getattr(node, "value", None) != VERSION:
        mistakes.add(node, f"This program reads version {VERSION} of the file.")


def _name(node: Node, _folder: Path, mistakes: Mistakes) -> str | None:
    return reading.checked(node, _printable, mistakes)


def _path(node: Node, folder: Path, mistakes: Mistakes) -> Path | None:
    return reading.checked(node, lambda text: reading.absolute(text, folder), mistakes)


def _store(node: Node, folder: Path, mistakes: Mistakes) -> Path | None:
    return reading.checked(node, lambda text: _short(reading.absolute(text, folder)), mistakes)


def _catalog(node: Node, folder: Path, mistakes: Mistakes) -> str | None:
    return reading.checked(node, lambda text: _source(text, folder), mistakes)


def _request_url(node: Node, _folder: Path, mistakes: Mistakes) -> str | None:
    return reading.checked(node, _template, mistakes)


def _contact(node: Node, _folder: Path, mistakes: Mistakes) -> str | None:
    return reading.checked(node, lambda text: _printable(text, CONTACT_LENGTH), mistakes)


def _successors(node: Node, _folder: Path, mistakes: Mistakes) -> Mapping[str, str]:
    return successors(node, mistakes)


def _shares(node: Node, folder: Path, mistakes: Mistakes) -> tuple[str, ...]:
    def address(item: Node, mistakes: Mistakes) -> str | None:
        return reading.checked(item, lambda text: _source(text, folder), mistakes)

    return reading.items(node, address, mistakes)


def _policy(node: Node, _folder: Path, mistakes: Mistakes) -> Policy:
    return policy(node, mistakes)


def _acl(node: Node, _folder: Path, mistakes: Mistakes) -> Acl:
    return acl(node, mistakes)


def _audit(node: Node, _folder: Path, mistakes: Mistakes) -> bool:
    found = reading.members(node, {"required"}, mistakes)
    return all(reading.boolean(value, mistakes) is not False for value in found.values())


READERS: Mapping[str, Callable[[Node, Path, Mistakes], Any]] = MappingProxyType(
    {
        "version": _version,
        "name": _name,
        "store": _store,
        "catalog": _catalog,
        "trust": _path,
        "keys": _path,
        "log": _path,
        "spool": _path,
        "request_url": _request_url,
        "contact": _contact,
        "decisions": _path,
        "successors": _successors,
        "shares": _shares,
        "policy": _policy,
        "guard": enforcement,
        "acl": _acl,
        "audit": _audit,
    }
)
"""The keys of the file, and what reads each."""


def _short(path: Path) -> Path:
    if len(str(path)) > STORE_LENGTH or not STORE.match(str(path)):
        raise _unusable(
            f"The store {str(path)!r} cannot be written into every file of an environment.",
            f"Use at most {STORE_LENGTH} letters, digits and ._/@+-, such as /opt/envguard.",
        )
    return path


def _source(text: str, folder: Path) -> str:
    if "://" not in text:
        return str(reading.absolute(text, folder))
    address = _address(text, ("file", "http", "https")).rstrip("/")
    if not address.startswith("file:"):
        return address
    return str(reading.absolute(unquote(urlsplit(text).path), folder))


def _address(text: str, schemes: tuple[str, ...]) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in schemes and bool(parts.hostname or parts.scheme in ("file", "mailto"))
        good = good and text.isprintable() and " " not in text and parts.password is None and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise _unusable(f"{text!r} is not an address of the kind {', '.join(schemes)}.", "Write it in full.")
    return text


def _template(text: str) -> str:
    """Return `text` if it is an address that asks for nothing but what is known."""
    _address(filled(text), ("http", "https", "mailto"))
    if "{" in filled(text) or "}" in filled(text):
        raise _unusable(
            f"{text!r} asks for something that nobody knows.",
            f"Write {SUBJECT} and {ENVIRONMENT} and no other braces.",
        )
    return text


def _printable(text: str, length: int = NAME_LENGTH) -> str:
    if len(text) > length or not text.isprintable():
        raise _unusable("The text is too long or holds invisible characters.", f"Use at most {length}.")
    return text


def _unusable(message: str, hint: str) -> InvalidInput:
    return InvalidInput("invalid-argument", message, hint)
