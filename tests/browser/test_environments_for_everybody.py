"""The panel and its pages for everybody: in any theme, size, language and direction of writing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import IMAGES, PATIENCE, RunningHub, log_in
from tests.browser.documents import AXE, still
from tests.browser.panels import open_panel, open_spec

pytestmark = [pytest.mark.browser, pytest.mark.packs]

SETTINGS = ".jupyter/lab/user-settings/@jupyterlab"


@pytest.fixture
def prefer(wide_hub: RunningHub) -> Iterator[Callable[[str, dict[str, Any]], None]]:
    """Return a function that writes a person's settings; they are forgotten after the test."""
    written: list[Path] = []

    def write(plugin: str, settings: dict[str, Any]) -> None:
        path = wide_hub.home / "analyst" / SETTINGS / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
        written.append(path)

    yield write
    for path in written:
        path.unlink()


def stumbles(page: Page) -> list[str]:
    """Return what axe finds in our parts of the page."""
    still(page)
    page.evaluate(AXE.read_text("utf-8") + "; undefined")
    found = page.evaluate(
        "() => axe.run({include: [['.jp-EnvGuard']]}, {rules: {region: {enabled: false}}})"
        ".then(({violations}) => violations.map(({id, nodes}) => `${id}: ${nodes.slice(0, 3)"
        ".map(node => `${node.html.slice(0, 160)} ${node.failureSummary}`).join(' ')}`))"
    )
    return list(found)


class TestForEverybody:
    @pytest.mark.parametrize(
        "theme", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"]
    )
    def test_nobody_stumbles_in_any_theme(
        self,
        page: Page,
        wide_hub: RunningHub,
        prefer: Callable[[str, dict[str, Any]], None],
        theme: str,
    ) -> None:
        prefer("apputils-extension/themes", {"theme": theme})
        panel = open_panel(page, wide_hub.url)
        expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
        panel.get_by_role("button", name="Not available to you (1)").click()
        spec = open_spec(panel, "Three Thousand")
        spec.get_by_role("searchbox").fill("colour:red")
        assert stumbles(page) == []
        spec.get_by_role("searchbox").fill("")
        spec.get_by_role("rowheader").nth(1).click()
        spec.get_by_role("button", name="Columns").click()
        assert stumbles(page) == []
        page.keyboard.press("Escape")
        if theme == "JupyterLab Dark":
            still(page)
            page.screenshot(path=IMAGES / "dark.png")
        for tab in ("Approval", "Integrity"):
            spec.get_by_role("tab", name=tab).click()
            assert stumbles(page) == []
        panel.locator(".jp-EnvGuard-card", has_text="Earth Observation").first.click(button="right")
        page.locator(".lm-Menu-itemLabel", has_text="Compare…").click()
        expect(page.locator("#jp-envguard-compare").get_by_role("rowheader", name="xarray")).to_be_visible()
        assert stumbles(page) == []

    @pytest.mark.parametrize(("width", "height", "scale"), [(760, 800, 1), (640, 480, 2)])
    def test_nothing_is_lost_in_a_narrow_window_or_at_twice_the_size(
        self, chromium: Browser, wide_hub: RunningHub, width: int, height: int, scale: int
    ) -> None:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, device_scale_factor=scale, locale="en-GB"
        )
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        spec = open_spec(open_panel(page, wide_hub.url), "Data Science")
        assert stumbles(page) == []
        for name in ("Export", "Compare", "Columns"):
            button = spec.get_by_role("button", name=name, exact=True)
            button.scroll_into_view_if_needed()
            expect(button).to_be_in_viewport()
        spec.get_by_role("searchbox").fill("name=numpy")
        spec.get_by_role("rowheader", name="numpy").click()
        details = spec.get_by_role("region", name="Details of numpy")
        details.scroll_into_view_if_needed()
        expect(details.get_by_role("heading", name="numpy")).to_be_in_viewport()
        cut = spec.get_by_role("columnheader").evaluate_all(
            "heads => heads.filter(head => head.scrollWidth > head.clientWidth + 1).map(head => head.id)"
        )
        assert cut == []
        assert spec.evaluate("page => page.scrollWidth <= page.clientWidth + 1")
        context.close()

    def test_speaks_german(
        self, page: Page, wide_hub: RunningHub, prefer: Callable[[str, dict[str, Any]], None]
    ) -> None:
        prefer("translation-extension/plugin", {"locale": "de_DE"})
        log_in(page, wide_hub.url, "analyst")
        page.get_by_role("tab", name="Freigegebene Umgebungen").click()
        panel = page.get_by_role("region", name="Freigegebene Umgebungen")
        expect(panel.get_by_text("Abgekündigt")).to_be_visible()
        expect(panel.get_by_text("Bis 31.01.2027")).to_be_visible()
        spec = open_spec(panel, "Three Thousand")
        expect(spec.get_by_role("tab", name="Pakete (3.000)")).to_be_visible()
        expect(spec.get_by_role("columnheader", name="Lizenz")).to_be_visible()

    def test_reads_from_right_to_left(self, page: Page, wide_hub: RunningHub) -> None:
        panel = open_panel(page, wide_hub.url)
        page.evaluate("document.documentElement.dir = 'rtl'")
        name = panel.locator(".jp-EnvGuard-cardName", has_text="Minimal Python")
        fold = panel.get_by_role("button", name=re.compile(r"^Available"))
        assert edges(name)[1] == pytest.approx(edges(panel)[1], abs=40), "names begin at the right"
        assert edges(fold.locator("svg"))[0] > middle(fold)
        spec = open_spec(panel, "Three Thousand")
        grid = spec.get_by_role("grid")
        headings = [middle(heading) for heading in spec.get_by_role("columnheader").all()]
        assert headings == sorted(headings, reverse=True)
        for cell in ("Package", "Version"):
            heading = spec.get_by_role("columnheader", name=cell)
            below = spec.get_by_role("row").nth(2).locator(f"[id$='-{headings.index(middle(heading))}']")
            assert middle(below) == pytest.approx(middle(heading), abs=1)
        grid.focus()
        page.keyboard.press("ArrowLeft")
        assert (grid.get_attribute("aria-activedescendant") or "").endswith("-0-1")
        page.keyboard.press("ArrowRight")
        assert (grid.get_attribute("aria-activedescendant") or "").endswith("-0-0")
        assert spec.evaluate("page => page.scrollWidth <= page.clientWidth + 1")


def edges(element: Locator) -> tuple[float, float]:
    """Return where an element begins and ends, in pixels from the left."""
    box = element.bounding_box()
    assert box
    return box["x"], box["x"] + box["width"]


def middle(element: Locator) -> float:
    """Return where the middle of an element is, in pixels from the left."""
    return sum(edges(element)) / 2
