"""Reads what command lines ask of package tools: `pip install x`, `cd y && conda update --all`.

>>> [change.operation for change in changes_in("cd y && pip install x", grammar)]    # doctest: +SKIP
['pip:install']

Which words mean what is the grammar: one table, `jupyter_envguard.acl.grammar`, which comes
with the site's rules, and without any as `resources/grammar.json`. `jupyter_envguard.acl`
reads command lines with `changes_of` too, so hooks and rules cannot disagree.
"""

from __future__ import annotations

from .shell import commands_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

DEPTH = 8
"""Commands inside of each other (`sudo conda run python -m pip`); what is deeper is unknown."""
UNKNOWN = "?"
"""The verb of an operation that nobody knows; no rule can name it."""

_HELP = ("-h", "--help")
_MODULE = "-m"
_SCRIPT = "-"


class Change:
    """One thing that a line asks of a package tool, though it may only read."""

    __slots__ = ("command", "operation", "program", "rest", "tool", "words")

    def __init__(self, tool: str, operation: str, command: str, words: Sequence[str], rest: Sequence[str]):
        self.tool = tool
        """Name of the tool in the grammar."""
        self.operation = operation
        """What the rules call it, `pip:install`; `pip:?` when nobody knows it."""
        self.command = command
        """As people write it, without options and arguments: `pip install`."""
        self.program = words[0]
        """What is started, as it was written: `pip`, or the Python of `python -m pip`."""
        self.words = tuple(words[1:])
        """Every word after the tool."""
        self.rest = tuple(rest)
        """The words after the verb."""

    @property
    def line(self) -> str:
        """The command with all of its words."""
        return " ".join((self.tool, *self.words))

    @property
    def is_known(self) -> bool:
        """Whether the grammar knows the operation."""
        return not self.operation.endswith(f":{UNKNOWN}")


def changes_in(line: str, grammar: dict[str, Any]) -> list[Change]:
    """Return what the commands of a shell's `line` would do, in their order."""
    return [change for words in commands_in(line) for change in changes_of(words, grammar)]


def changes_of(words: Sequence[str], grammar: dict[str, Any]) -> list[Change]:
    """Return what one command of these `words` does, and after it what it runs in turn.

    Empty when no package tool is asked. Never raises: what cannot be understood is
    an unknown operation, which every rule set denies.
    """
    found: list[Change] = []
    left: list[str] = list(words)
    program = ""
    for depth in range(DEPTH + 1):
        while left and _assigns(left[0]):
            del left[0]
        tool = left[0].rpartition("/")[2].rstrip("0123456789.") if left else ""
        if tool not in grammar:
            break
        walk = _Walk(tool, [program or left[0], *left[1:]])
        if depth == DEPTH:
            return [*found, walk.unknown("…")]
        change = walk.follow(grammar[tool])
        found += [change] if change else []
        left, program = walk.inside, walk.program
    return found


def _assigns(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isascii() and name.isidentifier()


def _globally(word: str) -> bool:
    """Return whether `word` makes npm work for everybody; what might be an abbreviation of it does."""
    letters = word[1:]
    short = word.startswith("-") and letters.isascii() and letters.isalpha() and "g" in letters
    return short or word.startswith(("--g", "--loc"))


def _is_option(word: str) -> bool:
    return word.startswith("-") and word != _SCRIPT


class _Walk:
    """Goes through the words of one tool."""

    def __init__(self, tool: str, words: list[str]) -> None:
        self.tool = tool
        self.words = words
        self.said = [tool]
        self.left = words[:0:-1]  # the next word is the last one, so that taking it is quick
        self.inside: list[str] = []  # the command that is run in turn
        self.program = ""  # what starts it, where that is not its own first word

    def follow(self, node: dict[str, Any]) -> Change | None:
        """Return what the words mean from `node` on; None for a tool that only runs others."""
        while any(node.get(way) for way in ("next", "runs", "modules")):
            word = self._past_options(node)
            if word is None:
                break
            if node.get("modules"):
                return self._python(word)
            if node.get("runs") and not _is_option(word):
                self.inside = [word, *self.left[::-1]]
                break
            if word not in node.get("next", ()):
                return self.unknown(word)
            self.said.append(word)
            node = node["next"][word]
        return self._found(node)

    def unknown(self, word: str) -> Change:
        """Return that nobody knows what `word` means here."""
        return self._change(f"{self.tool}:{UNKNOWN}", [*self.said, word])

    def _change(self, operation: str, said: list[str]) -> Change:
        return Change(self.tool, operation, " ".join(said), self.words, self.left[::-1])

    def _found(self, node: dict[str, Any]) -> Change | None:
        options = [] if self.inside else self._options()
        if node.get("help") and any(word in _HELP for word in options):
            return self._change(node["help"], [*self.said, "--help"])
        if node.get("global") and any(map(_globally, self.words[1:])):
            return self._change(node["global"], [*self.said, "-g"])
        return self._change(node["operation"], self.said) if node.get("operation") else None

    def _options(self) -> list[str]:
        """Return the words after the verb and before `--`."""
        rest = self.left[::-1]
        return rest[: rest.index("--")] if "--" in rest else rest

    def _python(self, word: str) -> Change | None:
        """Go on as the module that Python runs after its options; what a script does is not known."""
        if word == _MODULE and self.left:
            module = self.left.pop().partition(".")[0]
            self.inside, self.program = [module, *self.left[::-1]], self.words[0]
            return None
        return self.unknown(word) if _is_option(word) and word != _MODULE else None

    def _past_options(self, node: dict[str, Any]) -> str | None:
        """Return the next word that is no option of `node`'s, or None at the end."""
        while self.left:
            word = self.left.pop()
            if not _is_option(word):
                return word
            stop = "" if word == "--" and node.get("runs") else self._long(node, word)
            if stop:
                return stop
        return None

    def _long(self, node: dict[str, Any], word: str) -> str:
        """Skip the option `word` and its value; return what stops the walk, empty when nothing does."""
        name, joined, _ = word.partition("=")
        if name in node.get("stops", ()):
            self.left.clear()
            return ""
        if name in node.get("flags", ()):
            return ""
        if name in node.get("valued", ()):
            if not joined and self.left:
                self.left.pop()
            return ""
        return word if word.startswith("--") else self._short(node, word)

    def _short(self, node: dict[str, Any], word: str) -> str:
        """Do as `_long` with short options that are joined, as in `-Im pip` or `-nbase`."""
        for place, letter in enumerate(word[1:], 2):
            rest = word[place:]
            if node.get("modules") and letter in "cm":
                self.left += [rest] if rest else []
                return _MODULE if letter == "m" else _SCRIPT
            if f"-{letter}" in node.get("valued", ()):
                if not rest and self.left:
                    self.left.pop()
                return ""
            if f"-{letter}" not in node.get("flags", ()):
                return word
        return ""
