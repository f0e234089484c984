"""Takes a shell's line apart into commands, as far as a kind answer needs it.

>>> commands_in("cd y && A=1 pip install 'x>=2' 2>&1 | tail")
[['cd', 'y'], ['A=1', 'pip', 'install', 'x>=2'], ['tail']]
>>> commands_in("$(which pip) install x")
[['which', 'pip'], ['pip', 'install', 'x']]

Quotes, escapes, comments, redirections, here-documents, substitutions and variables of
this process are understood; loops, functions and `eval` are not run in the mind. A line
whose quotes do not close is no line. This is courtesy: a shell has more ways to write a
command than a parser has to read it.
"""

from __future__ import annotations

import os

DEPTH = 8
"""Substitutions inside of each other that are looked into."""

_SEPARATORS = ";&|()\n"
_KEYWORDS = frozenset(("!", "do", "elif", "else", "if", "then", "until", "while", "{"))
"""Words of the shell's own that a command may follow."""
_LOOKUPS = (("which",), ("command", "-v"), ("type", "-p"), ("type", "-P"))
"""Commands that print the path of the program that they are given."""


class Unclosed(ValueError):
    """A quote or a substitution has no end."""


def commands_in(line: str) -> list[list[str]]:
    """Return the words of every command in `line`, those of substitutions before the one that uses them."""
    try:
        return _Reader(line, 0).read()
    except Unclosed:
        return []


class _Reader:
    """Reads one text from its start to its end."""

    def __init__(self, text: str, depth: int) -> None:
        self.text = text.replace("\\\n", "")
        self.depth = depth
        self.at = 0
        self.found: list[list[str]] = []
        self.words: list[str] = []
        self.word: str | None = None  # None between words: `''` is one, though an empty one
        self.skipped = False  # whether the word that is read is where something is redirected to
        self.documents: list[str] = []  # what ends the here-documents that begin at the next line

    def read(self) -> list[list[str]]:
        """Return the commands."""
        while self.at < len(self.text):
            self._step(self.text[self.at])
        self._end_command()
        return self.found

    def _step(self, char: str) -> None:
        self.at += 1
        if char in " \t\r":
            self._end_word()
        elif char == "#" and self.word is None:
            end = self.text.find("\n", self.at)
            self.at = end if end >= 0 else len(self.text)
        elif char in "<>" or (char == "&" and self.text[self.at : self.at + 1] == ">"):
            self._redirect()
        elif char in _SEPARATORS:
            self._end_command()
            if char == "\n":
                self._pass_documents()
        else:
            self.word = (self.word or "") + self._part(char)

    def _part(self, char: str) -> str:
        """Return what `char`, and what belongs to it, adds to a word."""
        if char == "'":
            return self._until("'")
        if char == '"':
            return self._quoted()
        if char == "\\":
            self.at += 1
            return self.text[self.at - 1 : self.at]
        return self._value(char)

    def _quoted(self) -> str:
        """Return what stands between double quotes."""
        parts: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            if char == '"':
                return "".join(parts)
            if char == "\\" and self.text[self.at : self.at + 1] in ("$", "`", '"', "\\"):
                char = self.text[self.at]
                self.at += 1
                parts.append(char)
            else:
                parts.append(self._value(char))
        raise Unclosed

    def _value(self, char: str) -> str:
        """Return what a variable or a substitution stands for, or `char` itself."""
        if char == "`":
            return self._substituted(self._until("`"))
        if char != "$":
            return char
        following = self.text[self.at : self.at + 1]
        if following == "(":
            self.at += 1
            inner = self._nested()
            return "0" if inner.startswith("(") and inner.endswith(")") else self._substituted(inner)
        if following == "{":
            self.at += 1
            name = self._until("}")
            return os.environ.get(name, "${" + name + "}")
        start = self.at
        while self.at < len(self.text) and (self.text[self.at] == "_" or self.text[self.at].isalnum()):
            self.at += 1
        name = self.text[start : self.at]
        return os.environ.get(name, "$" + name)

    def _substituted(self, text: str) -> str:
        """Return what the commands in `text` would print, if they only look a program up."""
        if self.depth == DEPTH:
            return ""
        inner = _Reader(text, self.depth + 1).read()
        self.found += inner
        last = tuple(inner[-1]) if inner else ()
        return last[-1] if last[:-1] in _LOOKUPS else ""

    def _nested(self) -> str:
        """Return what stands before the parenthesis that closes."""
        start, open_ = self.at, 1
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            if char == "\\":
                self.at += 1
            elif char in "'\"":
                self._until(char)
            open_ += (char == "(") - (char == ")")
            if not open_:
                return self.text[start : self.at - 1]
        raise Unclosed

    def _until(self, end: str) -> str:
        at = self.text.find(end, self.at)
        if at < 0:
            raise Unclosed
        text, self.at = self.text[self.at : at], at + len(end)
        return text

    def _redirect(self) -> None:
        """Pass over `2>`, `>>`, `<<<`, `>&`; the word that follows is no argument."""
        if self.word is not None and not self.word.isdigit():
            self._end_word()
        self.word = None
        start = self.at - 1
        while self.text[self.at : self.at + 1] in ("<", ">", "&", "|", "-") and self.at - start < len("<<<"):
            self.at += 1
        operator = self.text[start : self.at]
        if operator.startswith("<<") and operator != "<<<":
            self.documents.append("")
        self.skipped = operator not in (">&-", "<&-")

    def _pass_documents(self) -> None:
        for end in self.documents:
            while self.at < len(self.text):
                line, _, _ = self.text[self.at :].partition("\n")
                self.at = min(self.at + len(line) + 1, len(self.text))
                if line.strip("\t") == end:
                    break
        self.documents = []

    def _end_word(self) -> None:
        if self.word is None:
            return
        if self.skipped:
            if self.documents and not self.documents[-1]:
                self.documents[-1] = self.word
        elif self.words or self.word not in _KEYWORDS:
            self.words.append(self.word)
        self.word, self.skipped = None, False

    def _end_command(self) -> None:
        self._end_word()
        self.skipped = False
        if self.words:
            self.found.append(self.words)
        self.words = []
