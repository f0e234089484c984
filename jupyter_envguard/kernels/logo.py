"""The drawing beside a kernel's name: the entry's own, or one made from its name.

The made one is the same everywhere and for ever: initials on a calm colour that
follows from the environment's name, so releases of one environment look related.
A release that is on its way out carries a mark, which does not rely on colour.
"""

from __future__ import annotations

import colorsys
import hashlib
import html
import re

from jupyter_envguard.catalog.entry import Entry, State

SATURATION = 0.36
LIGHTNESS = 0.33
"""Dark enough that white letters stand out by 4.5 to 1 whatever the hue."""

DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img">'
    "<title>{title}</title>"
    '<rect width="64" height="64" rx="12" fill="{colour}"/>'
    '<text x="32" y="42" font-family="sans-serif" font-size="28" font-weight="600"'
    ' text-anchor="middle" fill="#fff">{initials}</text>{mark}</svg>'
)

MARK = (
    '<path d="M48 38 64 64H32Z" fill="#fff"/><path d="M48 43 60 62H36Z" fill="#8a5a00"/>'
    '<path d="M47 48h2v7h-2zM47 57h2v2h-2z" fill="#fff"/>'
)
"""A warning triangle in the corner."""


def logo(entry: Entry) -> bytes:
    """Return the SVG that stands beside `entry` in launchers."""
    if entry.logo:
        return entry.logo.encode()
    mark = MARK if entry.state is State.DEPRECATED else ""
    drawing = DRAWING.format(
        title=html.escape(entry.display_name),
        colour=colour(entry.name),
        initials=html.escape(initials(entry.display_name)),
        mark=mark,
    )
    return drawing.encode()


def initials(text: str) -> str:
    """Return at most two characters that stand for `text`.

    >>> initials("Data Science"), initials("geospatial"), initials("R 4.5"), initials("—")
    ('DS', 'Ge', 'R4', '?')
    """
    words = re.findall(r"[^\W_]+", text)
    if len(words) > 1:
        return f"{words[0][0]}{words[1][0]}".upper()
    return f"{words[0][0].upper()}{words[0][1:2]}" if words else "?"


def colour(name: str) -> str:
    """Return the colour that belongs to the environment called `name`, as `#rrggbb`."""
    hue = hashlib.sha256(name.encode()).digest()[0] / 256
    red, green, blue = (round(part * 255) for part in colorsys.hls_to_rgb(hue, LIGHTNESS, SATURATION))
    return f"#{red:02x}{green:02x}{blue:02x}"
