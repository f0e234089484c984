"""The answer in a notebook's cell: what was refused, what is there already, and whom to ask.

It comes as HTML for a browser, without scripts and with everything from outside
escaped, and as plain text for a console. What is there already is known from specs
that the server names in the variable `ENVGUARD_SPECS`; without it nothing is said.
"""

from __future__ import annotations

import html
import json
import os
from collections.abc import Iterator
from typing import Any

LINKS = ("http://", "https://", "mailto:")
"""Addresses that become a link."""
MAX_SPEC_BYTES = 64 * 1024 * 1024
"""Size of one spec."""
MOST_FOUND = 6
"""How many packages in other kernels are named."""

_BOX = "border-left:4px solid var(--jp-warn-color1,currentColor);padding:.5em 1em;margin:.25em 0"


def card(message: str, hint: str, found: list[str], url: str) -> dict[str, str]:
    """Return the answer by MIME type."""
    link = url if url.lower().startswith(LINKS) and url.isprintable() else ""
    asking = f"Ask for a package: {url}" if link and url not in hint else ""
    lines = [message, *found, hint, asking]
    shown = [html.escape(line) for line in (message, *found, *([] if link else [hint])) if line]
    if link:
        address = html.escape(link, quote=True)
        shown.append(f'<a href="{address}" target="_blank" rel="noopener noreferrer">Ask for a package</a>')
    body = "".join(f"<div>{line}</div>" for line in shown)
    return {
        "text/plain": "\n".join(line for line in lines if line),
        "text/html": f'<div class="jp-EnvGuard-card" role="note" style="{_BOX}">{body}</div>',
    }


def already(packages: list[str], specs: str) -> list[str]:
    """Return a sentence for each of `packages` that a kernel has; `specs` is JSON of kernel to spec file."""
    wanted = {_canonical(name) for name in packages}
    if not wanted:
        return []
    said = [
        f"{name} {version} is already in kernel {kernel}."
        for kernel, path in _kernels(specs)
        for name, version in _packages(path)
        if _canonical(name) in wanted
    ]
    return said[:MOST_FOUND]


def _kernels(specs: str) -> Iterator[tuple[str, str]]:
    try:
        found = json.loads(specs) if specs else {}
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict):
        yield from ((str(name), path) for name, path in sorted(found.items()) if isinstance(path, str))


def _packages(path: str) -> Iterator[tuple[str, str]]:
    """Yield names and versions in the spec at `path`; nothing where it cannot be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            document: Any = json.loads(file.read(MAX_SPEC_BYTES))
        yield from [(str(package["name"]), str(package["version"])) for package in document["packages"]]
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
