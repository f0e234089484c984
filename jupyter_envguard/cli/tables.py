"""Specs and their differences as tables for people."""

from __future__ import annotations

from collections.abc import Iterator

from jupyter_envguard.cli.terminal import Screen, columns, count
from jupyter_envguard.spec import Difference, Package, Spec


def packages(spec: Spec) -> list[str]:
    """Return the packages of `spec` as a table."""
    rows = [
        (p.name, p.version, p.build or "-", p.channel or "-", p.manager, p.license or "-")
        for p in spec.packages
    ]
    return columns(rows, ("PACKAGE", "VERSION", "BUILD", "CHANNEL", "MANAGER", "LICENCE"))


def differences(found: tuple[Difference, ...], screen: Screen) -> Iterator[str]:
    """Yield a table of what changed; rebuilt packages, which stand first, are marked."""
    rows = [(change.kind, change.name, _pin(change.before), _pin(change.after)) for change in found]
    head, *lines = columns(rows, ("CHANGE", "PACKAGE", "BEFORE", "AFTER"))
    yield screen.paint(head, "bold")
    for change, line in zip(found, lines, strict=True):
        yield screen.paint(line, "yellow") if change.kind == "rebuilt" else line
    yield f"{count(len(found), 'difference')}."


def _pin(package: Package | None) -> str:
    if package is None:
        return "-"
    return " ".join(
        filter(None, (package.version, package.build, "(pip)" if package.manager == "pypi" else ""))
    )
