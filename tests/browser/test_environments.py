"""Packages searched, explained, compared and taken along, at a real hub with a large environment."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from jupyter_envguard.kernels.logo import MARK
from tests.browser import large
from tests.browser.conftest import IMAGES, RunningHub, log_in
from tests.browser.documents import is_saved, still
from tests.browser.panels import open_panel, open_spec

pytestmark = [pytest.mark.browser, pytest.mark.packs]

WHOLE_HASH = re.compile(r"^[0-9a-f]{64}$")
TRAVELLED = """() => {
    const [found] = performance.getEntriesByType('resource').filter(({name}) => name.includes('/packages?'));
    return {sent: found.transferSize, encoded: found.encodedBodySize, decoded: found.decodedBodySize};
}"""
"""How many bytes the list of packages was on its way."""


def packages(spec: Locator) -> list[str]:
    """Return the names of the packages that are drawn."""
    return spec.get_by_role("rowheader").all_inner_texts()


def test_the_launcher_marks_what_is_on_its_way_out(page: Page, wide_hub: RunningHub) -> None:
    log_in(page, wide_hub.url, "analyst")
    cards = page.locator('.jp-LauncherCard[data-category="Notebook"]', has_text="Data Science")
    expect(cards).to_have_count(2)
    marked = {}
    for card in cards.all():
        logo = card.locator("img")
        assert logo.evaluate("async image => { await image.decode(); return image.naturalWidth; }") > 0
        drawing = page.request.get(logo.evaluate("image => image.src")).text()
        marked[card.inner_text().strip()] = MARK in drawing
    assert marked == {"Data Science": False, "Data Science (2026.05)": True}


class TestPanel:
    def test_finds_environments_by_what_is_in_them(self, page: Page, wide_hub: RunningHub) -> None:
        panel = open_panel(page, wide_hub.url)
        names = panel.locator(".jp-EnvGuard-cardName")
        page.get_by_role("searchbox", name="Search environments and packages").fill("pandas>=2")
        expect(names).to_have_text(["Data Science", "Data Science"])
        expect(panel.locator(".jp-EnvGuard-hit").first).to_contain_text("pandas ")
        page.get_by_role("searchbox", name="Search environments and packages").fill("pandas>=99")
        expect(panel.get_by_text("No environment that you may use has “pandas>=99”.")).to_be_visible()
        page.get_by_role("searchbox", name="Search environments and packages").fill("minimal")
        expect(names).to_have_text(["Minimal Python"])

    def test_says_what_is_not_available_and_what_to_use(self, page: Page, wide_hub: RunningHub) -> None:
        panel = open_panel(page, wide_hub.url)
        panel.get_by_role("button", name="Not available to you (1)").click()
        gone = panel.get_by_role("region", name="Not available to you (1)")
        expect(gone.get_by_text("Revoked", exact=True)).to_be_visible()
        expect(gone.get_by_text("CVE-2026-1")).to_be_visible()
        expect(gone.get_by_text("Use datasci@2026.11 instead")).to_have_count(1)
        page.set_viewport_size({"width": 1280, "height": 1000})
        last = gone.get_by_role("button", name="Use datasci@2026.11 instead")
        last.scroll_into_view_if_needed()
        expect(last).to_be_in_viewport(ratio=1)
        still(page)
        page.screenshot(path=IMAGES / "panel.png")
        last.click()
        expect(page.locator("#jp-envguard-spec-datasci--2026\\.11")).to_be_visible()

    def test_cuts_nothing_off_in_the_usual_width(self, page: Page, wide_hub: RunningHub) -> None:
        panel = open_panel(page, wide_hub.url)
        panel.get_by_role("button", name="Not available to you (1)").click()
        assert panel.evaluate("panel => panel.offsetWidth") <= 260
        cut = panel.locator("*").evaluate_all(
            "nodes => nodes.filter(node => node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 0"
            " && getComputedStyle(node).overflowX !== 'visible').map(node => node.outerHTML.slice(0, 200))"
        )
        assert cut == []

    def test_scrolls_where_the_window_is_low(self, page: Page, wide_hub: RunningHub) -> None:
        page.set_viewport_size({"width": 640, "height": 480})
        panel = open_panel(page, wide_hub.url)
        expect(panel.locator(".jp-EnvGuard-cardName").first).to_be_in_viewport()
        last = panel.get_by_role("button", name=re.compile("^My requests"))
        expect(last).not_to_be_in_viewport()
        last.scroll_into_view_if_needed()
        expect(last).to_be_in_viewport(ratio=1)

    def test_offers_in_its_menu_what_can_be_done(self, page: Page, wide_hub: RunningHub) -> None:
        panel = open_panel(page, wide_hub.url)
        panel.locator(".jp-EnvGuard-card", has_text="Humanize").click(button="right")
        menu = page.locator(".lm-Menu").last
        expect(menu.locator(".lm-Menu-itemLabel", has_text="Copy Digest")).to_be_visible()
        menu.locator(".lm-Menu-itemLabel", has_text="Export…").click()
        expect(page.locator(".lm-Menu-itemLabel", has_text="CycloneDX")).to_be_visible()
        page.keyboard.press("Escape")
        panel.locator(".jp-EnvGuard-card", has_text="Humanize").click(button="right")
        page.locator(".lm-Menu-itemLabel", has_text="Show Packages").click()
        expect(page.locator("#jp-envguard-spec-humane--2026\\.11")).to_be_visible()

    def test_keeps_the_last_good_list_while_the_server_cannot_be_reached(
        self, page: Page, wide_hub: RunningHub
    ) -> None:
        panel = open_panel(page, wide_hub.url)
        page.context.set_offline(True)
        panel.get_by_role("button", name="Refresh").click()
        expect(panel.get_by_role("alert")).to_contain_text("The list below is as of")
        expect(panel.locator(".jp-EnvGuard-card", has_text="Minimal Python")).to_be_visible()
        page.context.set_offline(False)
        panel.get_by_role("button", name="Try again").click()
        expect(panel.get_by_role("alert")).to_have_count(0)


class TestSpec:
    def test_explains_each_package(self, page: Page, wide_hub: RunningHub) -> None:
        spec = open_spec(open_panel(page, wide_hub.url), "Three Thousand")
        spec.get_by_role("searchbox").fill("arrow-0020")
        spec.get_by_role("rowheader", name="arrow-0020").click()
        details = spec.get_by_role("region", name="Details of arrow-0020")
        expect(details.get_by_text("Why is it here?")).to_be_visible()
        expect(details.locator("code").first).to_have_text(WHOLE_HASH)
        spec.get_by_role("searchbox").fill("")
        expect(details.locator(".jp-EnvGuard-way li").last).to_have_text("arrow-0020")
        expect(spec.get_by_role("rowheader").first).to_have_text("arrow-0000")
        page.mouse.move(0, 0)
        still(page)
        page.screenshot(path=IMAGES / "spec.png")

    def test_shows_three_thousand_packages_of_which_few_are_drawn(
        self, page: Page, wide_hub: RunningHub
    ) -> None:
        spec = open_spec(open_panel(page, wide_hub.url), "Three Thousand")
        grid = spec.get_by_role("grid")
        expect(grid).to_have_attribute("aria-rowcount", str(large.COUNT + 1))
        assert len(packages(spec)) < 80
        grid.focus()
        page.keyboard.press("End")
        expect(spec.get_by_role("rowheader").last).to_be_visible()
        active = grid.get_attribute("aria-activedescendant")
        assert active
        last = page.locator(f'[id="{active}"]')
        expect(last).to_be_in_viewport()
        assert last.locator("..").get_attribute("aria-rowindex") == str(large.COUNT + 1)

    def test_travels_compressed_and_only_once(self, page: Page, wide_hub: RunningHub) -> None:
        open_spec(open_panel(page, wide_hub.url), "Three Thousand")
        other = page.context.new_page()
        other.goto(f"{wide_hub.url}/user/analyst/lab/workspaces/{uuid4().hex}")
        other.get_by_role("tab", name="Approved environments").click()
        open_spec(other.get_by_role("region", name="Approved environments"), "Three Thousand")
        first, second = (each.evaluate(TRAVELLED) for each in (page, other))
        assert first["encoded"] * 4 < first["decoded"]
        assert (second["sent"], second["decoded"]) == (0, first["decoded"])

    def test_is_usable_by_keyboard_alone(self, page: Page, wide_hub: RunningHub) -> None:
        spec = open_spec(open_panel(page, wide_hub.url), "Three Thousand")
        grid = spec.get_by_role("grid")
        grid.focus()
        for key in ("ArrowDown", "ArrowDown", "PageDown", "Home", "ArrowDown", "Enter"):
            page.keyboard.press(key)
        name = packages(spec)[1]
        expect(spec.get_by_role("region", name=f"Details of {name}")).to_be_visible()
        expect(spec.get_by_role("heading", name=name)).to_be_focused()
        page.keyboard.press("Escape")
        expect(grid).to_be_focused()
        page.keyboard.press("/")
        expect(spec.get_by_role("searchbox")).to_be_focused()
        page.keyboard.type("is:other-channel")
        expect(spec.get_by_text(f"60 of {large.COUNT:,}")).to_be_visible()
        page.keyboard.press("ArrowDown")
        expect(grid).to_be_focused()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(spec.get_by_role("columnheader", name="Version")).to_have_attribute("aria-sort", "ascending")

    def test_cuts_no_column_off_when_details_are_open(self, page: Page, wide_hub: RunningHub) -> None:
        spec = open_spec(open_panel(page, wide_hub.url), "Three Thousand")
        spec.get_by_role("rowheader").nth(1).click()
        details = spec.get_by_role("region", name=re.compile("^Details of"))
        for width in (1280, 1500, 1900):
            page.set_viewport_size({"width": width, "height": 800})
            expect(details).to_be_in_viewport()
            expect(spec.get_by_role("columnheader", name="Size")).to_be_in_viewport(ratio=1)

    def test_remembers_filter_order_and_tab(self, page: Page, wide_hub: RunningHub) -> None:
        spec = open_spec(open_panel(page, wide_hub.url), "Data Science")
        spec.get_by_role("searchbox").fill("size>1MB")
        with page.expect_response(lambda answer: is_saved(answer, "size>1MB", '"sort":"size"')):
            spec.get_by_role("columnheader", name="Size").click()
        shown = packages(spec)
        page.reload()
        again = page.locator(".jp-EnvGuard-page:visible")
        expect(again.get_by_role("searchbox")).to_have_value("size>1MB")
        expect(again.get_by_role("columnheader", name="Size")).to_have_attribute("aria-sort", "ascending")
        expect(again.get_by_role("rowheader").first).to_have_text(shown[0])

    def test_follows_a_link_with_all_that_was_chosen(self, page: Page, wide_hub: RunningHub) -> None:
        query = "?envguard=datasci@2026.05&envguard-filter=is%3Arequested&envguard-sort=-size"
        log_in(page, wide_hub.url, "analyst", quote(f"lab{query}"), "#jp-envguard-spec-datasci--2026\\.05")
        spec = page.locator("#jp-envguard-spec-datasci--2026\\.05")
        expect(spec.get_by_role("searchbox")).to_have_value("is:requested")
        expect(spec.get_by_role("columnheader", name="Size")).to_have_attribute("aria-sort", "descending")
        spec.get_by_role("tab", name="Approval").click()
        expect(spec.get_by_role("tabpanel")).to_contain_text("boss")
        spec.get_by_role("tab", name="Integrity").click()
        expect(spec.get_by_role("tabpanel")).to_contain_text("sha256:")

    def test_every_export_is_an_address_that_any_program_can_fetch(
        self, page: Page, wide_hub: RunningHub
    ) -> None:
        panel = open_panel(page, wide_hub.url)
        spec = open_spec(panel, "Data Science")
        spec.get_by_role("button", name="Export", exact=True).click()
        expect(page.locator(".lm-Menu-itemLabel", has_text="@EXPLICIT")).to_be_visible()
        with page.expect_download() as downloading:
            page.locator(".lm-Menu-itemLabel", has_text="CSV").click()
        rows = list(csv.DictReader(io.StringIO(Path(downloading.value.path()).read_text())))
        assert "numpy" in {row["name"] for row in rows}
        assert "datasci" in downloading.value.suggested_filename


class TestPages:
    def test_whatever_was_closed_opens_again(self, page: Page, wide_hub: RunningHub) -> None:
        panel = open_panel(page, wide_hub.url)
        closing = page.locator(".lm-DockPanel-tabBar .jp-mod-current .lm-TabBar-tabCloseIcon")
        for _ in range(2):
            open_spec(panel, "Data Science")
            closing.click()
            expect(page.locator(".jp-EnvGuard-page")).to_have_count(0)
        for button, shown in (
            ("Compare environments", "#jp-envguard-compare"),
            ("Ask for a package or an environment", "#jp-envguard-request"),
        ):
            for _ in range(2):
                panel.get_by_role("button", name=button).click()
                expect(page.locator(shown)).to_be_visible()
                closing.click()
                expect(page.locator(shown)).to_have_count(0)


class TestCompare:
    def test_shows_what_differs_and_takes_it_along(self, page: Page, wide_hub: RunningHub) -> None:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        spec = open_spec(open_panel(page, wide_hub.url), "Earth Observation")
        spec.get_by_role("button", name="Compare", exact=True).click()
        compare = page.locator("#jp-envguard-compare")
        expect(compare.get_by_role("combobox", name="From")).to_have_value("earth@2026.05")
        expect(compare.get_by_role("combobox", name="To")).to_have_value("earth@2026.11")
        expect(compare.get_by_role("rowheader", name="xarray")).to_be_visible()
        expect(compare.get_by_role("rowheader").first).to_have_text("openssl")
        for sign in ("rebuilt", "upgraded, minor", "downgraded, patch", "added", "removed"):
            expect(compare.get_by_role("gridcell", name=sign).first).to_be_visible()
        cut = compare.locator(".jp-EnvGuard-cellText").evaluate_all(
            "cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth).map(cell => cell.textContent)"
        )
        assert cut == []
        still(page)
        page.screenshot(path=IMAGES / "compare.png")
        compare.get_by_role("button", name="Copy as Markdown").click()
        table = page.evaluate("navigator.clipboard.readText()")
        assert table.startswith("| Change | Package | earth@2026.05 | earth@2026.11 | Licence |")
        compare.get_by_role("button", name="Export").click()
        with page.expect_download() as downloading:
            compare.get_by_role("link", name="CSV").click()
        assert "xarray" in Path(downloading.value.path()).read_text()
        compare.get_by_role("button", name="The other way round").click()
        expect(compare.get_by_role("combobox", name="From")).to_have_value("earth@2026.11")

    def test_is_reached_read_and_left_by_keyboard_alone(self, page: Page, wide_hub: RunningHub) -> None:
        spec = open_spec(open_panel(page, wide_hub.url), "Earth Observation")
        spec.get_by_role("button", name="Compare", exact=True).focus()
        page.keyboard.press("Enter")
        compare = page.locator("#jp-envguard-compare")
        expect(compare.get_by_role("rowheader").first).to_have_text("openssl")
        expect(compare).to_be_focused()
        page.keyboard.press("Tab")
        expect(compare.get_by_role("combobox", name="From")).to_be_focused()
        grid = compare.get_by_role("grid")
        while not grid.evaluate("grid => grid === document.activeElement"):
            page.keyboard.press("Tab")
        page.keyboard.press("End")
        active = page.locator(f'[id="{grid.get_attribute("aria-activedescendant")}"]')
        expect(active).to_be_in_viewport()
        # The shortcut closes what is looked at, not what was left.
        page.keyboard.press("Alt+w")
        expect(compare).to_have_count(0)
        expect(spec).to_be_visible()

    def test_says_why_something_cannot_be_compared(self, page: Page, wide_hub: RunningHub) -> None:
        query = quote("lab?envguard=datasci@2026.11&vs=calc@1")
        log_in(page, wide_hub.url, "analyst", query, "#jp-envguard-compare")
        compare = page.locator("#jp-envguard-compare")
        expect(compare).to_contain_text("calc@1 is not available to you, so it cannot be compared.")
        expect(compare).to_contain_text("CVE-2026-1")
