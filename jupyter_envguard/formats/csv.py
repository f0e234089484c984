"""CSV for spreadsheets (RFC 4180): every package of a spec, one a line.

Spreadsheets take a cell that begins with `=` and some other characters for a
formula. Names and versions come from packs, so such a cell gets a `'` in front.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from jupyter_envguard.spec import Spec

FORMULA = ("=", "+", "-", "@", "\t", "\r")
HEAD = (
    "name",
    "version",
    "build",
    "channel",
    "subdir",
    "manager",
    "license",
    "sha256",
    "size",
    "requested",
    "url",
)


def csv_table(spec: Spec) -> str:
    """Return the packages of `spec` as CSV with a head line."""
    return written(HEAD, ([_plain(getattr(package, name)) for name in HEAD] for package in spec.packages))


def written(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return CSV with `head` on its first line, every cell a text and no formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def harmless(cell: str) -> str:
    """Return `cell` so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _plain(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
