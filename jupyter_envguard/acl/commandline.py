"""Which package operation a command line asks for: `operation_of`.

>>> operation_of(["python3.11", "-I", "-m", "pip", "install", "numpy"])
Operation(id='pip:install', command='pip install', inside=None)
>>> operation_of(["conda", "run", "-n", "x", "pip", "install", "numpy"]).inside.id
'pip:install'
>>> operation_of(["ls"])

Only the words are looked at: a shell, an alias or a script hides what it runs.
This is for kind answers, not for walls.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile

from jupyter_envguard.acl.grammar import COMMANDS, Node

DEPTH = 8
"""Commands inside of each other (`sudo conda run python -m pip`); what is deeper is unknown."""
UNKNOWN = "?"
"""The verb of an operation that nobody knows; no rule can name it."""
_VERSION = re.compile(r"[0-9.]+\Z")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_GLOBALLY = re.compile(r"-[A-Za-z]*g[A-Za-z]*\Z|--g|--loc")
"""Words that make npm work for everybody; npm takes abbreviations, so what might be one is one."""
_MODULE = "-m"
_SCRIPT = "-"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a package tool is asked to do."""

    id: str
    """As rules write it, `conda:install`; `conda:?` when nobody knows it."""
    command: str
    """As people write it, without options and arguments: `conda env update`."""
    inside: Operation | None = None
    """What it runs in turn, as `conda run` does."""


def operation_of(argv: Sequence[str]) -> Operation | None:
    """Return the operation that the words `argv` ask for, or None when they are no package tool's.

    Never raises: what cannot be understood is an unknown operation, which every
    rule set denies.
    """
    return _operation(list(argv), 0)


def _operation(words: Sequence[str], depth: int) -> Operation | None:
    words = list(dropwhile(_ASSIGNMENT.match, words))
    tool = _VERSION.sub("", words[0].rpartition("/")[2]) if words else ""
    node = COMMANDS.get(tool)
    if node is None:
        return None
    if depth == DEPTH:
        return _unknown([tool], "…")
    return _Walk(tool, words[1:], depth).from_node(node)


def _unknown(said: Sequence[str], word: str) -> Operation:
    return Operation(f"{said[0]}:{UNKNOWN}", " ".join([*said, word]))


class _Walk:
    """Goes through the words of one tool."""

    def __init__(self, tool: str, words: Sequence[str], depth: int) -> None:
        self.said = [tool]
        self.globally = any(map(_GLOBALLY.match, words))
        self.left = deque(words)
        self.depth = depth

    def from_node(self, node: Node) -> Operation | None:
        """Return the operation that the words mean from `node` on."""
        while not node.ends:
            word = self._past_options(node)
            if word is None:
                break
            if node.modules:
                return self._python(word)
            if node.runs and not _is_option(word):
                return self._found(node, _operation([word, *self.left], self.depth + 1))
            if word not in node.next:
                return _unknown(self.said, word)
            self.said.append(word)
            node = node.next[word]
        return self._found(node)

    def _found(self, node: Node, inside: Operation | None = None) -> Operation | None:
        """Return the operation at `node`; a tool that only runs others stands for nothing itself."""
        command = " ".join(self.said)
        if node.globally and self.globally:
            return Operation(node.globally, f"{command} -g")
        return Operation(node.operation, command, inside) if node.operation else inside

    def _python(self, word: str) -> Operation | None:
        """Return what Python does after its options: a module's operation; a script's is not known."""
        if word == _MODULE and self.left:
            module = self.left.popleft().partition(".")[0]
            return _operation([module, *self.left], self.depth + 1)
        return _unknown(self.said, word) if _is_option(word) and word != _MODULE else None

    def _past_options(self, node: Node) -> str | None:
        """Return the next word that is no option of `node`'s, or None at the end."""
        while self.left:
            word = self.left.popleft()
            if not _is_option(word):
                return word
            stop = "" if word == "--" and node.runs else self._long(node, word)
            if stop:
                return stop
        return None

    def _long(self, node: Node, word: str) -> str:
        """Skip the option `word` and its value; return what stops the walk, empty when nothing does."""
        name, joined, _ = word.partition("=")
        if name in node.flags:
            return ""
        if name in node.valued:
            if not joined and self.left:
                self.left.popleft()
            return ""
        return word if word.startswith("--") else self._short(node, word)

    def _short(self, node: Node, word: str) -> str:
        """Do as `_long` with short options that are joined, as in `-Im pip` or `-nbase`."""
        for place, letter in enumerate(word[1:], 2):
            rest = word[place:]
            if node.modules and letter in "cm":
                self.left.extendleft([rest] if rest else [])
                return _MODULE if letter == "m" else _SCRIPT
            if f"-{letter}" in node.valued:
                if not rest and self.left:
                    self.left.popleft()
                return ""
            if f"-{letter}" not in node.flags:
                return word
        return ""


def _is_option(word: str) -> bool:
    return word.startswith("-") and word != _SCRIPT
