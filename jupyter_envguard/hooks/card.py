"""The answer in a notebook's cell: what was refused, what is there already, and whom to ask.

It comes as HTML for a browser, without scripts and with everything from outside
escaped, and as plain text for a console.
"""

from __future__ import annotations

import os

from . import trusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from .rules import Ruling

LINKS = ("http://", "https://", "mailto:")
"""Addresses that become a link, and so does a path on the page's own host."""
SPECS = "ENVGUARD_SPECS"
"""Names the variable in which a kernel is told where specs lie: JSON, from name of a kernel to file."""
RELEASE = "ENVGUARD_RELEASE"
"""Names the variable in which a kernel is told its release."""
MAX_SPEC_BYTES = 64 * 1024 * 1024
"""Size of one spec."""
MOST_FOUND = 6
"""How many packages in kernels are named."""

_BOX = (
    "border-left:4px solid var(--jp-warn-color1,currentColor);padding:.5em 1em;margin:.25em 0;"
    "background:var(--jp-layout-color2,transparent);color:var(--jp-content-font-color1,inherit)"
)
_ASK = "Ask for a package"


def card(ruling: Ruling, found: Sequence[str] = (), note: str = "") -> dict[str, str]:
    """Return the answer by MIME type: the refusal, a `note`, what was `found`, and how to ask."""
    import html

    lines = [line for line in (ruling.message, note, *found) if line]
    shown = [html.escape(line) for line in lines]
    if _is_link(ruling.link):
        address = html.escape(ruling.link, quote=True)
        shown.append(f'<a href="{address}" target="_blank" rel="noopener noreferrer">{_ASK}</a>')
    else:
        shown.append(html.escape(ruling.hint))
    body = "".join(f"<div>{line}</div>" for line in shown)
    return {
        "text/plain": "\n".join([*lines, ruling.hint]),
        "text/html": f'<div class="jp-EnvGuard-card" role="note" style="{_BOX}">{body}</div>',
    }


def already(packages: Sequence[str]) -> list[str]:
    """Return a sentence for each of `packages` that a kernel of this user has, this kernel's own first."""
    wanted = {_canonical(name) for name in packages}
    if not wanted:
        return []
    release = os.environ.get(RELEASE, "")
    own = {release, release.partition("@")[0], release.replace("@", "--")}
    found = sorted((kernel not in own, kernel, name, version) for kernel, name, version in _found(wanted))
    said = [
        f"{version} of {name} is already in {f'kernel {kernel}' if other else 'this kernel'}."
        for other, kernel, name, version in found
    ]
    return list(dict.fromkeys(said))[:MOST_FOUND]


def _found(wanted: set[str]) -> Iterator[tuple[str, str, str]]:
    """Yield kernel, name and version of what is `wanted`.

    A kernel is told where the specs of its user's kernels lie, as they are now; a
    terminal has the site's list, which is as old as the rules.
    """
    told = os.environ.get(SPECS, "")
    if told:
        for kernel, path in _kernels(told):
            for name, version in _packages(path):
                if _canonical(name) in wanted:
                    yield kernel, name, version
        return
    session = trusted.session()
    for package in sorted(wanted):
        for release in trusted.known(f'"{package}":[', session):
            if package in release["packages"]:
                name, version = release["packages"][package]
                yield str(release["kernel"]), str(name), str(version)


def _kernels(specs: str) -> Iterator[tuple[str, str]]:
    import json

    try:
        found = json.loads(specs)
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict):
        yield from ((str(name), path) for name, path in sorted(found.items()) if isinstance(path, str))


def _packages(path: str) -> Iterator[tuple[str, str]]:
    """Yield names and versions in the spec at `path`; nothing where it cannot be read."""
    import json

    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            document: Any = json.loads(file.read(MAX_SPEC_BYTES))
        yield from [(str(package["name"]), str(package["version"])) for package in document["packages"]]
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return


def _is_link(address: str) -> bool:
    local = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address.isprintable() and (local or address.lower().startswith(LINKS))


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
