"""Licences as records state them, and as SPDX expressions where that is what they are.

>>> expression("mit AND (bsd-3-clause or Apache-2.0 WITH LLVM-exception)")
'MIT AND (BSD-3-Clause OR Apache-2.0 WITH LLVM-exception)'
>>> expression("BSD") is None
True

Identifiers and grammar are those of the SPDX specification, annex D; the lists beside
this module name the identifiers.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from importlib.resources import files

LENGTH = 1000
"""Characters of an expression; longer ones are taken for words."""
DEPTH = 32
"""Brackets inside each other."""
TOKEN = re.compile(r"\s*(?:([()])|([A-Za-z0-9.-]+)(\+?))")
REFERENCE = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+\Z")


def expression(text: str) -> str | None:
    """Return `text` as a valid SPDX expression in its usual spelling, or None when it is none."""
    tokens = _tokens(text) if len(text) <= LENGTH else None
    if not tokens:
        return None
    try:
        reader = _Reader(tokens)
        found = reader.alternatives(0)
        return found if reader.is_done else None
    except _NoExpression:
        return None


def references(text: str) -> tuple[str, ...]:
    """Return the `LicenseRef-…` names in the expression `text`, once each."""
    return tuple(dict.fromkeys(word for word in re.split(r"[\s()]+", text) if REFERENCE.match(word)))


class _NoExpression(Exception):
    """What is read is no expression."""


class _Reader:
    """Reads tokens by the grammar: OR binds weakest, then AND, then WITH."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens[::-1]

    @property
    def is_done(self) -> bool:
        """Whether nothing is left."""
        return not self._tokens

    def alternatives(self, depth: int) -> str:
        """Read what OR joins."""
        found = [self._together(depth)]
        while self._takes("OR"):
            found.append(self._together(depth))
        return " OR ".join(found)

    def _together(self, depth: int) -> str:
        found = [self._one(depth)]
        while self._takes("AND"):
            found.append(self._one(depth))
        return " AND ".join(found)

    def _one(self, depth: int) -> str:
        if self._takes("("):
            if depth >= DEPTH:
                raise _NoExpression
            inner = self.alternatives(depth + 1)
            if not self._takes(")"):
                raise _NoExpression
            return f"({inner})"
        name = self._identifier()
        if not self._takes("WITH"):
            return name
        return f"{name} WITH {self._known(_exceptions(), self._next())}"

    def _identifier(self) -> str:
        word = self._next()
        if REFERENCE.match(word):
            return word
        bare = word.removesuffix("+")
        # `GPL-2.0+` is itself on the list; elsewhere the sign is an operator.
        return self._known(_licenses(), word if word.lower() in _licenses() else bare) + (
            "+" if word != bare and word.lower() not in _licenses() else ""
        )

    def _next(self) -> str:
        if not self._tokens:
            raise _NoExpression
        return self._tokens.pop()

    def _takes(self, word: str) -> bool:
        if self._tokens and self._tokens[-1].upper() == word:
            self._tokens.pop()
            return True
        return False

    @staticmethod
    def _known(names: Mapping[str, str], word: str) -> str:
        found = names.get(word.lower())
        if found is None:
            raise _NoExpression
        return found


def _tokens(text: str) -> list[str] | None:
    """Return the words and brackets of `text`, or None when there is something else in it."""
    found, place, text = [], 0, text.rstrip()
    while place < len(text):
        token = TOKEN.match(text, place)
        if not token:
            return None
        found.append(token[1] or f"{token[2]}{token[3]}")
        place = token.end()
    return found


@functools.cache
def _licenses() -> Mapping[str, str]:
    return _names("spdx-licenses.txt")


@functools.cache
def _exceptions() -> Mapping[str, str]:
    return _names("spdx-exceptions.txt")


def _names(file: str) -> Mapping[str, str]:
    text = files("jupyter_envguard.formats").joinpath("resources", file).read_text("utf-8")
    return {name.lower(): name for name in text.split()}
