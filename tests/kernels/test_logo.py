from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from jupyter_envguard.catalog.entry import Entry, State, Statement, Verdict
from jupyter_envguard.catalog.logo import check_logo
from jupyter_envguard.kernels.logo import colour, initials, logo

DIGEST = "sha256:" + "0" * 64
SAID = Statement("root", "2026-11-01T00:00:00Z", "why")


def entry(**fields: object) -> Entry:
    return Entry(
        **{
            "name": "datasci",
            "release": "2026.05",
            "state": State.APPROVED,
            "display_name": "Data Science",
            "pack": DIGEST,
            "spec": DIGEST,
            "manifest": DIGEST,
            "verdict": Verdict(DIGEST, True),
            "imported_at": "2026-11-01T00:00:00Z",
            "imported_by": "root",
            "changed": SAID,
            "approval": SAID,
        }
        | fields
    )


def test_is_well_formed_and_the_same_every_time():
    assert logo(entry()) == logo(entry())
    assert ET.fromstring(logo(entry())).tag.endswith("svg")


@pytest.mark.parametrize("name", ['<script>"&', "数据科学", "—", "a" * 80])
def test_any_display_name_makes_a_harmless_drawing(name: str):
    check_logo(logo(entry(display_name=name)).decode())


def test_releases_of_one_environment_look_alike():
    assert logo(entry()) == logo(entry(release="2026.11"))


def test_a_deprecated_release_carries_a_mark():
    assert logo(entry(state=State.DEPRECATED)) != logo(entry())


def test_the_entrys_own_drawing_comes_first():
    own = '<svg xmlns="http://www.w3.org/2000/svg"/>'
    assert logo(entry(logo=own)) == own.encode()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("Data Science", "DS"), ("geo", "Ge"), ("R", "R"), ("R 4.5", "R4"), ("  ", "?"), ("数据 科学", "数科")],
)
def test_initials(text: str, wanted: str):
    assert initials(text) == wanted


def test_white_letters_stand_out_on_every_colour():
    def luminance(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    for name in map(str, range(2000)):
        text = colour(name)
        red, green, blue = (luminance(int(text[at : at + 2], 16)) for at in (1, 3, 5))
        assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5
