"""What an environment contains, pinned: `Package` and `Spec`.

A spec is made from the records that the package managers left in the pack. It
has one canonical form (`Spec.canonical`), so that the same packages give the
same digest whatever order they were found in:

>>> numpy = Package(name="numpy", version="2.2.6", build="py311h0_0")
>>> pip = Package(name="pip", version="25.2", build="pyhd8ed1ab_0")
>>> Spec("linux-64", (numpy, pip)).digest() == Spec("linux-64", (pip, numpy)).digest()
True
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import zip_longest
from operator import attrgetter
from typing import Any, Literal

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.versions import version_key

Manager = Literal["conda", "pypi"]
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")


def canonical_json(document: object) -> bytes:
    """Return `document` as the bytes that we hash and sign.

    Keys sorted, no white space, UTF-8, no floats: a small subset of RFC 8785,
    which is enough because our documents hold strings, integers, booleans and
    null only.
    """
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sha256_digest(content: bytes) -> str:
    """Return the digest of `content` as we write it everywhere: `sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def check_digest(text: str, what: str = "digest") -> str:
    """Return `text` unchanged if it is a digest as we write it, else raise `invalid-digest`."""
    if not isinstance(text, str) or not DIGEST.match(text):
        raise InvalidInput(
            "invalid-digest",
            f"{what} {text!r} is not a digest.",
            "Write it as sha256: followed by 64 lower-case hexadecimal digits.",
        )
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One installed package, as its own record describes it."""

    name: str
    """Canonical name: conda's for conda, PEP 503's for pypi."""
    version: str
    """Version as recorded, never normalised."""
    build: str = ""
    """Conda build string; empty for pypi."""
    channel: str = ""
    """Channel without the subdir, or the index for pypi; empty when unknown."""
    subdir: str = ""
    """Conda subdir such as `linux-64` or `noarch`; empty for pypi."""
    manager: Manager = "conda"
    """Who installed it."""
    url: str = ""
    """Where the package file came from; empty when unknown."""
    sha256: str = ""
    """Bare hex SHA-256 of the package file; empty when unknown."""
    md5: str = ""
    """Bare hex MD5 of the package file, kept for `@EXPLICIT` files only."""
    license: str = ""
    """Licence as the record states it."""
    size: int = 0
    """Size of the package file in bytes; 0 when unknown."""
    depends: tuple[str, ...] = ()
    """Run requirements as recorded (MatchSpec for conda, PEP 508 for pypi)."""
    requested: bool = False
    """Whether a person asked for it, as opposed to the solver."""

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form; every field is always present."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Package:
        """Return the package that `as_json` wrote; raise `spec-invalid` for anything else."""
        wanted = {f.name: f for f in fields(cls)}
        if not isinstance(document, Mapping) or set(document) != set(wanted):
            raise _invalid("a package has missing or unknown fields")
        values = dict(document)
        for name in wanted:
            expected = {"depends": list, "requested": bool, "size": int}.get(name, str)
            if type(values[name]) is not expected:
                raise _invalid(f"package field {name!r} is not of type {expected.__name__}")
        if values["manager"] not in ("conda", "pypi"):
            raise _invalid(f"package manager {values['manager']!r} is unknown")
        if not all(isinstance(item, str) for item in values["depends"]):
            raise _invalid("package field 'depends' holds something that is not text")
        values["depends"] = tuple(values["depends"])
        return cls(**values)


_order = attrgetter(
    *("name", "manager", "version", "build", "subdir", "channel", "url", "sha256"),
    *("md5", "license", "size", "depends", "requested"),
)
"""Every field takes part, so that packages which differ in any have one order."""


@dataclass(frozen=True, slots=True)
class Spec:
    """Every package of an environment, and the platform it is for."""

    platform: str
    """Conda subdir the environment runs on, such as `linux-64`."""
    packages: tuple[Package, ...]
    """Sorted by name, manager, version and build; order given does not matter."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "packages", tuple(sorted(self.packages, key=_order)))

    @property
    def is_mixed(self) -> bool:
        """Whether pip put something on top of conda."""
        return len({package.manager for package in self.packages}) > 1

    def find(self, name: str) -> Package | None:
        """Return the package called `name`, or None."""
        return next((package for package in self.packages if package.name == name), None)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form (`schemas/spec.json`)."""
        return {
            "platform": self.platform,
            "mixed": self.is_mixed,
            "packages": [package.as_json() for package in self.packages],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Spec:
        """Return the spec that `as_json` wrote; raise `spec-invalid` for anything else."""
        if not isinstance(document, Mapping) or set(document) != {"platform", "mixed", "packages"}:
            raise _invalid("the document has missing or unknown fields")
        if not isinstance(document["platform"], str) or not isinstance(document["packages"], list):
            raise _invalid("'platform' must be text and 'packages' a list")
        spec = cls(document["platform"], tuple(map(Package.from_json, document["packages"])))
        if document["mixed"] is not spec.is_mixed:
            raise _invalid("'mixed' contradicts the packages")
        return spec

    def canonical(self) -> bytes:
        """Return the only bytes that are hashed for this spec."""
        return canonical_json(self.as_json())

    def digest(self) -> str:
        """Return the digest of `canonical`."""
        return sha256_digest(self.canonical())


Kind = Literal["rebuilt", "upgraded", "downgraded", "added", "removed", "changed"]
COMPARED = ("version", "build", "channel", "subdir", "manager", "sha256", "license")
"""Fields of a package that a comparison shows."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One package that two specs do not agree on."""

    name: str
    """Name of the package."""
    kind: Kind
    """`rebuilt` is the same version with another build, hash or address: look at it first."""
    before: Package | None
    """The package in the first spec, if it is there."""
    after: Package | None
    """The package in the second spec, if it is there."""

    @property
    def license_changed(self) -> bool:
        """Whether it is in both specs, under different licences."""
        return bool(self.before and self.after and self.before.license != self.after.license)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form (`schemas/comparison.json`)."""
        return {
            "name": self.name,
            "kind": self.kind,
            "from": _side(self.before),
            "to": _side(self.after),
            "license_changed": self.license_changed,
        }


def diff(before: Spec, after: Spec) -> tuple[Difference, ...]:
    """Return what changed from `before` to `after`, rebuilt packages first, then by name.

    Packages are paired by name and manager; a package that moved from conda to
    pip is one removed and one added. Several of one name hide none of each other.
    """
    old, new = Counter(before.packages), Counter(after.packages)
    gone, come = _by_name(old - new), _by_name(new - old)
    found = [
        Difference(name, _kind(one, two), one, two)
        for name, manager in sorted(gone.keys() | come.keys())
        for one, two in zip_longest(gone[name, manager], come[name, manager])
    ]
    return tuple(sorted(found, key=lambda item: item.kind != "rebuilt"))


def _by_name(packages: Counter[Package]) -> defaultdict[tuple[str, str], list[Package]]:
    found = defaultdict[tuple[str, str], list[Package]](list)
    for package in sorted_packages(packages.elements()):
        found[package.name, package.manager].append(package)
    return found


def _kind(before: Package | None, after: Package | None) -> Kind:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    old, new = version_key(before.version), version_key(after.version)
    if old != new:
        return "upgraded" if new > old else "downgraded"
    if (before.build, before.sha256, before.url) != (after.build, after.sha256, after.url):
        return "rebuilt"
    return "changed"


def _side(package: Package | None) -> dict[str, str] | None:
    return {name: getattr(package, name) for name in COMPARED} if package else None


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _invalid(why: str) -> InvalidInput:
    return InvalidInput(
        "spec-invalid", f"The spec cannot be read: {why}.", "Import the pack again to make a new spec."
    )


def sorted_packages(packages: Iterable[Package]) -> tuple[Package, ...]:
    """Return `packages` in the order in which specs list them."""
    return tuple(sorted(packages, key=_order))
