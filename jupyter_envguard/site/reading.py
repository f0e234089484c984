"""Reading YAML that a person wrote: every mistake with its line and column, nothing clever allowed.

Anchors, aliases, tags and merge keys are refused: a site file needs none, and a
few lines of them can fill the memory. A scalar keeps the place where it stands:

>>> mistakes = Mistakes("site.yaml")
>>> tree = tree_of("name: Lab\\n", mistakes)
>>> members(tree, {"name"}, mistakes)["name"].value
'Lab'
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol, TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from jupyter_envguard.errors import EnvGuardError, InvalidInput, did_you_mean

FILE_BYTES = 64 * 1024
"""Size of a site file."""
DEPTH = 8
"""Mappings and lists inside each other."""
KINDS = {"str": "text", "int": "a number", "float": "a number", "bool": "true or false", "null": "nothing"}
"""What YAML makes of a bare word, as people say it."""
T = TypeVar("T")


class _Mark(Protocol):
    line: int
    column: int


class Mistakes:
    """Everything that is wrong with one file, gathered before anything is said."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: list[tuple[int, int, str]] = []

    def add(self, node: Node, text: str) -> None:
        """Note that `text` is wrong where `node` stands."""
        self.at(*_place(node.start_mark), text)

    def at(self, line: int, column: int, text: str) -> None:
        """Note that `text` is wrong at a place, counted from 1."""
        self.found.append((line, column, text))

    def refuse(self) -> None:
        """Raise `site-invalid` with all mistakes in the order of the file, if there is one."""
        if self.found:
            raise self.error()

    def error(self) -> EnvGuardError:
        """Return all mistakes as one error, a line each."""
        lines = [f"{self.name}:{line}:{column}: {text}" for line, column, text in sorted(set(self.found))]
        mistakes = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
        return InvalidInput("site-invalid", "\n".join(lines), f"Correct the {mistakes} in {self.name}.")


def tree_of(text: str, mistakes: Mistakes) -> Node:
    """Return the YAML tree of `text`; raise `site-invalid` when it has none that we accept."""
    try:
        _refuse_cleverness(text, mistakes)
        tree = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line, column = _place(error.problem_mark)
        mistakes.at(line, column, f"This is not YAML: {error.problem}.")
        raise mistakes.error() from error
    except yaml.YAMLError as error:
        mistakes.at(1, 1, f"This is not YAML: {error}.")
        raise mistakes.error() from error
    if tree is None:
        mistakes.at(1, 1, "The file is empty.")
        raise mistakes.error()
    return tree


def members(node: Node, known: Collection[str], mistakes: Mistakes) -> dict[str, Node]:
    """Return the members of a mapping by key, noting keys that are unknown, doubled or no text."""
    if not isinstance(node, MappingNode):
        mistakes.add(node, f"Expected keys and values, found {_kind(node)}.")
        return {}
    found: dict[str, Node] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode) or key.value not in known:
            name = key.value if isinstance(key, ScalarNode) else _kind(key)
            close = did_you_mean(str(name), known) or f"Known keys: {', '.join(sorted(known))}."
            mistakes.add(key, f"Unknown key {name!r}. {close}")
        elif key.value in found:
            first = found[key.value].start_mark.line + 1
            mistakes.add(key, f"{key.value!r} is there twice, first in line {first}.")
        else:
            found[key.value] = value
    return found


def named(node: Node, check: Callable[[str], str], mistakes: Mistakes) -> dict[str, Node]:
    """Return the members of a mapping by keys that `check` accepts, noting the wrong and the doubled."""
    if not isinstance(node, MappingNode):
        mistakes.add(node, f"Expected keys and values, found {_kind(node)}.")
        return {}
    found: dict[str, Node] = {}
    for key, value in node.value:
        name = checked(key, check, mistakes)
        if name in found:
            mistakes.add(key, f"{name!r} is there twice.")
        elif name is not None:
            found[name] = value
    return found


def text(node: Node, mistakes: Mistakes) -> str | None:
    """Return a scalar that is text and not empty, else note what it is."""
    if isinstance(node, ScalarNode) and _tag(node) == "str" and node.value.strip():
        return str(node.value)
    quotes = ' Put it in "quotes" to make it text.' if isinstance(node, ScalarNode) and node.value else ""
    mistakes.add(node, f"Expected text, found {_kind(node)}.{quotes}")
    return None


def boolean(node: Node, mistakes: Mistakes) -> bool | None:
    """Return a scalar that is `true` or `false`, else note what it is."""
    if isinstance(node, ScalarNode) and node.value in ("true", "false") and _tag(node) == "bool":
        return bool(node.value == "true")
    mistakes.add(node, f"Expected true or false, found {_kind(node)}.")
    return None


def items(node: Node, read: Callable[[Node, Mistakes], T | None], mistakes: Mistakes) -> tuple[T, ...]:
    """Return the items of a list, each by `read`; note when it is no list or repeats itself."""
    if not isinstance(node, SequenceNode):
        mistakes.add(node, f"Expected a list, found {_kind(node)}.")
        return ()
    found: list[T] = []
    for item in node.value:
        value = read(item, mistakes)
        if value is not None and value in found:
            mistakes.add(item, f"{value!r} is there twice.")
        elif value is not None:
            found.append(value)
    return tuple(found)


def checked(node: Node, check: Callable[[str], T], mistakes: Mistakes) -> T | None:
    """Return what `check` makes of a text, noting the message of the error it raises."""
    value = text(node, mistakes)
    if value is None:
        return None
    try:
        return check(value)
    except EnvGuardError as error:
        mistakes.add(node, f"{error.message} {error.hint}".strip())
        return None


def absolute(text: str, folder: Path) -> Path:
    """Return the path that `text` is in a file that lies in `folder`; raise `invalid-argument` for others."""
    if text.startswith("~") or "$" in text or not text.isprintable():
        raise InvalidInput(
            "invalid-argument", f"{text!r} is not a plain path.", "Write it out, without ~ or variables."
        )
    return Path(os.path.normpath(folder / text))


def _refuse_cleverness(text: str, mistakes: Mistakes) -> None:
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line, column = _place(event.start_mark)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if getattr(event, "anchor", None) is not None:
            mistakes.at(line, column, "Anchors and aliases are not allowed: write the value out.")
            raise mistakes.error()
        tag = getattr(event, "tag", None)
        if tag is not None:
            mistakes.at(line, column, f"The tag {tag!r} is not allowed.")
            raise mistakes.error()
        if depth > DEPTH:
            mistakes.at(line, column, f"Nested more than {DEPTH} deep.")
            raise mistakes.error()


def _place(mark: _Mark | None) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _tag(node: Node) -> str:
    return str(node.tag).rsplit(":", 1)[-1]


def _kind(node: Node) -> str:
    if isinstance(node, MappingNode):
        return "keys and values"
    if isinstance(node, SequenceNode):
        return "a list"
    if _tag(node) == "str" and not node.value.strip():
        return "empty text"
    return KINDS.get(_tag(node), "a date")
