from __future__ import annotations

import pytest

from jupyter_envguard.catalog.logo import LOGO_BYTES, check_logo
from jupyter_envguard.errors import InvalidInput

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">{}</svg>'
HOSTILE = {
    "a script": SVG.format("<script>alert(1)</script>"),
    "a handler": SVG.format('<circle r="4" onload="alert(1)"/>'),
    "a handler on the root": '<svg onload="alert(1)"/>',
    "a link elsewhere": '<svg xmlns:xlink="x"><linearGradient xlink:href="https://example.org/x.svg#a"/></svg>',
    "a script link": SVG.format('<linearGradient href="javascript:alert(1)"/>'),
    "an image": SVG.format('<image href="data:image/png;base64,AAAA"/>'),
    "a foreign object": SVG.format("<foreignObject/>"),
    "a style sheet": SVG.format("<style>*{fill:red}</style>"),
    "a style": SVG.format('<circle style="fill:red"/>'),
    "a copy": SVG.format('<use href="#a"/>'),
    "a fill from elsewhere": SVG.format('<circle fill="url(https://example.org/x)"/>'),
    "a fill from elsewhere in disguise": SVG.format('<circle fill="URL (//example.org/x)"/>'),
    "an animation": SVG.format('<animate attributeName="href" values="javascript:alert(1)"/>'),
    "another root": "<html/>",
    "a prefixed root": '<s:svg xmlns:s="http://www.w3.org/2000/svg"/>',
    "entities": '<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>',
    "a style sheet instruction": '<?xml-stylesheet href="x.css"?><svg/>',
    "no XML": "<svg>",
    "nothing but space": " ",
    "half a character": "<svg>\ud800</svg>",
    "depth": SVG.format("<g>" * 40 + "</g>" * 40),
    "size": SVG.format("<g/>" * LOGO_BYTES),
    "a number": 7,
}


def test_no_logo_is_fine() -> None:
    assert check_logo("") == ""


def test_a_drawing_passes_unchanged() -> None:
    drawing = SVG.format(
        '<defs><linearGradient id="a"><stop offset="0" stop-color="#fff"/></linearGradient></defs>'
        '<title>Data é</title><g transform="scale(2)"><path d="M0 0h8v8z" fill="url(#a)"/></g>'
    )
    assert check_logo(drawing) == drawing


@pytest.mark.parametrize("logo", list(HOSTILE.values()), ids=list(HOSTILE))
def test_what_does_more_than_draw_is_refused(logo: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_logo(logo)
    assert caught.value.code == "logo-refused"
