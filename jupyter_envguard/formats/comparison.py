"""Comparisons for tickets and spreadsheets: what changed between two releases as Markdown or CSV."""

from __future__ import annotations

from collections.abc import Iterable

from jupyter_envguard.formats.csv import written
from jupyter_envguard.spec import Difference, Package

HEAD = ("package", "change", "from", "from build", "to", "to build", "licence from", "licence to")


def comparison_markdown(before: str, after: str, changes: Iterable[Difference]) -> str:
    """Return the changes from the release called `before` to the one called `after` as a Markdown table."""
    rows = [
        f"| {_cell(c.name)} | {c.kind} | {_pin(c.before)} | {_pin(c.after)} | {_licence(c)} |"
        for c in changes
    ]
    if not rows:
        return f"`{before}` and `{after}` have the same packages.\n"
    head = ["| package | change | from | to | licence |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([f"Changes from `{before}` to `{after}`:", "", *head, *rows]) + "\n"


def comparison_csv(changes: Iterable[Difference]) -> str:
    """Return the changes as CSV."""
    return written(HEAD, [(c.name, c.kind, *_both(c, "version", "build"), *_licences(c)) for c in changes])


def _both(change: Difference, *names: str) -> list[str]:
    return [getattr(p, name) if p else "" for p in (change.before, change.after) for name in names]


def _licences(change: Difference) -> list[str]:
    return _both(change, "license")


def _licence(change: Difference) -> str:
    before, after = map(_cell, _licences(change))
    return f"{before or '?'} → {after or '?'}" if change.license_changed else after or before


def _pin(package: Package | None) -> str:
    return _cell(" ".join(filter(None, (package.version, package.build)))) if package else "-"


def _cell(text: str) -> str:
    """Return `text` of a package so that it stays in its cell and is no markup."""
    text = " ".join(text.split())
    return "".join("\\" + c if c in "\\|*_`<>[]~#&!" else c for c in text)
