"""Which drawings may stand beside a kernel: SVG text without script, style sheet or outside reference.

A logo is served from the hub's own address, so one with a script in it would act
as the user who opens it. Only elements and attributes that draw are let through.
"""

from __future__ import annotations

import re
from xml.parsers import expat

from jupyter_envguard.errors import InvalidInput

LOGO_BYTES = 16 * 1024
"""Size of a logo; the catalog carries all of them."""
DEPTH = 32
"""Elements inside each other."""
_ELEMENTS = """
    circle clipPath defs desc ellipse g line linearGradient path polygon polyline radialGradient rect
    stop svg text title tspan
"""
_ATTRIBUTES = """
    class clip-path clip-rule clipPathUnits color cx cy d dx dy fill fill-opacity fill-rule font-family
    font-size font-weight fx fy gradientTransform gradientUnits height href id letter-spacing offset
    opacity points preserveAspectRatio r role rx ry spreadMethod stop-color stop-opacity stroke
    stroke-dasharray stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity stroke-width
    text-anchor transform version viewBox width x x1 x2 xlink:href xml:space xmlns xmlns:xlink y y1 y2
"""
ELEMENTS = frozenset(_ELEMENTS.split())
"""Without `use`: copies of copies make a small drawing endless."""
ATTRIBUTES = frozenset(_ATTRIBUTES.split())
REFERENCE = re.compile(r"url\s*\(", re.IGNORECASE)
OWN_REFERENCE = re.compile(r"url\(#[\w-]+\)\Z")
OWN_LINK = re.compile(r"#[\w-]+\Z")


def check_logo(text: object) -> str:
    """Return `text` if it is empty or a harmless drawing, else raise `logo-refused`."""
    if text == "":
        return ""
    if not isinstance(text, str) or len(text.encode("utf-8", "replace")) > LOGO_BYTES:
        raise _refused(f"it is not text of at most {LOGO_BYTES} bytes")
    _Reader().read(text)
    return text


class _Reader:
    """Walks one drawing; the first thing that does not only draw ends it."""

    def __init__(self) -> None:
        self._depth = 0
        self._parser = parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._doctype
        parser.ProcessingInstructionHandler = self._instruction

    def read(self, text: str) -> None:
        try:
            self._parser.Parse(text.encode(), True)
        except (expat.ExpatError, UnicodeEncodeError) as error:
            raise _refused(f"it is not well-formed XML ({error})") from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and name != "svg":
            raise _refused(f"it starts with <{name}>, not <svg>")
        if name not in ELEMENTS or self._depth > DEPTH:
            raise _refused(f"<{name}> is not allowed there")
        for attribute, value in attributes.items():
            self._check(name, attribute, value)

    def _check(self, name: str, attribute: str, value: str) -> None:
        if attribute not in ATTRIBUTES:
            raise _refused(f"<{name}> has the attribute {attribute!r}")
        if attribute in ("href", "xlink:href") and not OWN_LINK.match(value):
            raise _refused(f"<{name}> refers to {value[:80]!r} outside the drawing")
        if REFERENCE.search(value) and not OWN_REFERENCE.match(value):
            raise _refused(f"<{name}> loads {value[:80]!r}")

    def _end(self, _name: str) -> None:
        self._depth -= 1

    def _doctype(self, *_declaration: object) -> None:
        raise _refused("it has a document type")

    def _instruction(self, target: str, _text: str) -> None:
        raise _refused(f"it has the processing instruction {target!r}")


def _refused(why: str) -> InvalidInput:
    return InvalidInput(
        "logo-refused", f"The logo cannot be used: {why}.", "Give a plain SVG drawing without scripts."
    )
