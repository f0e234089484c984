"""What people type to find an environment by its packages: `torch>=2.4 numpy<3 sci*`.

    numpy               packages with that in their name, or environments named so
    numpy>=2,<3         the package of exactly this name, in these versions
    numpy=2.2           2.2 and everything that starts so;  numpy==2.2  only that
    numpy 2.2.*         as conda writes it;  numpy=2.2.6=py311*  with a build
    conda-forge::numpy  from a channel that ends so
    py*                 by pattern

Words stand for themselves: a release matches when each of them matches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from jupyter_envguard.dependencies import canonical
from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.spec import Package
from jupyter_envguard.versions import Constraint

QUERY_LENGTH = 200
"""Characters of a query."""
TERMS = 8
"""Words of a query."""
SUGGESTIONS = 5
"""Names that are offered instead of one that is nowhere."""

TERM = re.compile(r"(?:([^\s:\[\]]+)::)?([A-Za-z0-9_*](?:[A-Za-z0-9._*-]*[A-Za-z0-9_*])?)(.*)\Z")
BUILD = re.compile(r"==?([^=<>!~,|]+)=([A-Za-z0-9_.*+-]+)\Z")
VERSION = re.compile(r"[0-9<>=!~|,]")
"""How a word starts that belongs to the name before it."""


@dataclass(frozen=True, slots=True)
class Term:
    """One package that is looked for."""

    name: str
    """Canonical name, a part of one, or a pattern."""
    constraint: Constraint | None = None
    """Wanted versions; with it the name is meant exactly."""
    build: str = ""
    """Pattern of the build; empty for any."""
    channel: str = ""
    """What the channel has to end with; empty for any."""

    @property
    def is_plain(self) -> bool:
        """Whether it is a mere word, which may also be the name of an environment."""
        return self.constraint is None and not self.channel

    def names(self, name: str) -> bool:
        """Tell whether it means a package whose canonical name is `name`."""
        if "*" in self.name:
            return fnmatchcase(name, self.name)
        return self.name in name if self.constraint is None else self.name == name

    def finds(self, package: Package) -> bool:
        """Tell whether `package` is one that is looked for."""
        return (
            self.names(canonical(package.name))
            and (self.constraint is None or self.constraint.allows(package.version))
            and (not self.build or fnmatchcase(package.build, self.build))
            and (not self.channel or _comes_from(package.channel, self.channel))
        )


@dataclass(frozen=True, slots=True)
class Query:
    """Everything that is looked for at once."""

    text: str
    """As it was typed."""
    terms: tuple[Term, ...]
    """Each has to match; never empty."""

    @classmethod
    def parse(cls, text: str) -> Query:
        """Return the query that `text` writes; raise `invalid-argument` with a hint for anything else."""
        if len(text) > QUERY_LENGTH or not text.isprintable():
            raise _unclear(text, f"Use at most {QUERY_LENGTH} visible characters.")
        words = list(_words(text.split()))
        if not 0 < len(words) <= TERMS:
            raise _unclear(text, f"Name one to {TERMS} packages.")
        return cls(text, tuple(map(_term, words)))

    def find(self, packages: Iterable[Package], names: Iterable[str] = ()) -> tuple[Package, ...] | None:
        """Return the packages that match, or None when a word matches neither them nor one of `names`.

        `names` are those of the environment itself; a match of them alone gives an empty tuple.
        """
        found: dict[Package, None] = {}
        packages, called = tuple(packages), [canonical(name) for name in names]
        for term in self.terms:
            hits = [package for package in packages if term.finds(package)]
            if not hits and not (term.is_plain and any(map(term.names, called))):
                return None
            found |= dict.fromkeys(hits)
        return tuple(found)

    def near(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return those of the package `names` that hold a name which is meant exactly and is none of them."""
        known = {canonical(name): name for name in names}
        wanted = {term.name for term in self.terms if term.constraint and "*" not in term.name}
        close = {known[name] for name in known for part in wanted - known.keys() if part in name}
        return tuple(sorted(close, key=lambda name: (len(name), name))[:SUGGESTIONS])


def _words(parts: Iterable[str]) -> Iterator[str]:
    """Yield words, each with the conditions that stand behind it, also after a space as conda has it."""
    word = ""
    for part in parts:
        if word and (VERSION.match(part) or word[-1] in "<>=!~|,"):
            joined = part if word[-1] in "<>=!~|," or not part[0].isdigit() else f"=={part}"
            # conda: `numpy 2.2.6 py311_0` has its build as a third word.
            word += joined
        else:
            if word:
                yield word
            word = part
    if word:
        yield word


def _term(word: str) -> Term:
    found = TERM.match(word)
    if not found:
        raise _unclear(word, "Write it like numpy, numpy>=2,<3 or conda-forge::numpy.")
    channel, name, rest = found[1] or "", found[2], found[3]
    built = BUILD.match(rest)
    if built:
        rest = f"=={built[1]}"
    constraint = Constraint.parse(rest) if rest else None
    return Term(canonical(name), constraint, built[2] if built else "", channel.rstrip("/"))


def _comes_from(channel: str, wanted: str) -> bool:
    channel = channel.rstrip("/")
    return channel == wanted or channel.endswith(f"/{wanted}")


def _unclear(text: str, hint: str) -> InvalidInput:
    return InvalidInput("invalid-argument", f"{ascii(text[:60])[1:-1]!r} cannot be looked for.", hint)
