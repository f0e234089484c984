"""What reaches the screen: escaped text, columns, colour only where a person looks.

Names, reasons and findings come out of packs and files that strangers made.
Whatever is not printable (escape sequences, bidi overrides, line breaks) is
shown as an escape and never acted upon:

>>> escape("numpy\\x1b[2J")
'numpy\\\\x1b[2J'
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

COLOURS: Mapping[str, str] = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
    "bold": "1",
    "dim": "2",
}


def escape(text: object) -> str:
    """Return `text` on one line and with nothing in it that could drive a terminal."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in str(text)
    )


def width(text: str) -> int:
    """Return how many columns `text` takes, wide and combining characters considered."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


def columns(rows: Sequence[Sequence[object]], head: Sequence[str] = ()) -> list[str]:
    """Return `rows` as aligned lines, two spaces apart, every cell escaped."""
    table = [tuple(map(escape, row)) for row in ([head] if head else []) + list(rows)]
    if not table:
        return []
    widths = [max(map(width, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 package` or `2 packages`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def file_size(size: int) -> str:
    """Return a number of bytes the way people read it."""
    value, units = float(size), ("B", "kB", "MB", "GB", "TB")
    for unit in units:
        if value < 1000 or unit == units[-1]:
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


@dataclass(frozen=True, slots=True)
class Screen:
    """The two streams of a command, and how a person wants to see them."""

    out: TextIO
    """Where answers go."""
    err: TextIO
    """Where errors, warnings and progress go."""
    json: bool
    """Whether the answer is one JSON document."""

    @classmethod
    def of_process(cls, *, json: bool) -> Screen:
        """Return the screen of this process; text that its encoding lacks is escaped."""
        for stream in (sys.stdout, sys.stderr):
            # Anything else would turn a name into a traceback under LC_ALL=C or latin-1.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        return cls(sys.stdout, sys.stderr, json)

    def paint(self, text: str, colour: str, stream: TextIO | None = None) -> str:
        """Return `text` in `colour` when a person sees the stream and did not set NO_COLOR."""
        stream = stream or self.out
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty()
        return text if plain or not text else f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"

    def answer(self, document: Any, lines: Iterable[str]) -> None:
        """Write the JSON `document` or the `lines` meant for people, whichever was asked for."""
        if self.json:
            # ASCII only: no escape, bidi or C1 character can reach a terminal through JSON either.
            lines = [json.dumps(document, indent=2, ensure_ascii=True)]
        for line in lines:
            self.out.write(line + "\n")

    def exact(self, text: str) -> None:
        """Write `text` byte for byte, unless a terminal would act on what is in it."""
        if self.out.isatty():
            self.answer(None, map(escape, text.splitlines()))
        else:
            self.out.write(text)

    def refuse(self, document: Mapping[str, Any]) -> None:
        """Write a refusal: one line and a hint on stderr, or the document on stdout."""
        if self.json:
            self.answer(document, ())
            return
        label = self.paint(f"error[{document['code']}]:", "red", self.err)
        # Further lines are set in, so that no text from outside can pose as a line of ours.
        message = "\n  ".join(map(escape, str(document["message"]).split("\n")))
        self.err.write(f"{label} {message}\n")
        if document["hint"]:
            self.err.write(f"{self.paint('hint:', 'cyan', self.err)} {escape(document['hint'])}\n")

    def warn(self, sentence: str) -> None:
        """Write one line of warning on stderr, also when the answer is JSON."""
        self.err.write(f"{self.paint('warning:', 'yellow', self.err)} {escape(sentence)}\n")
