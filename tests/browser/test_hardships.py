"""What a person meets on bad days: slow networks, servers that end, and files that are locked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

import jupyter_envguard
from demo.hubclient import HubClient
from tests.browser.conftest import RunningHub, log_in
from tests.browser.documents import (
    fresh_lab,
    notebook_at,
    put_notebook,
    run_cell,
    signed_in,
    stamp_of,
    still,
)

pytestmark = [pytest.mark.browser, pytest.mark.packs]

GERMAN = Path(jupyter_envguard.__file__).parent / "locale/de_DE/LC_MESSAGES/jupyter_envguard.json"
LANGUAGE = "lab/api/settings/@jupyterlab/translation-extension:plugin"


@pytest.fixture
def german(analyst: HubClient) -> Iterator[None]:
    """Let JupyterLab speak German until the test ends."""
    analyst.put(LANGUAGE, {"raw": json.dumps({"locale": "de_DE"})})
    yield
    analyst.put(LANGUAGE, {"raw": "{}"})


def badge_of(page: Page) -> Locator:
    """Return the badge of the notebook in front."""
    return page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-EnvGuard-badge")


def open_panel(page: Page) -> Locator:
    page.get_by_role("tab", name="Approved environments").click()
    panel = page.locator("#jp-envguard-environments")
    expect(panel).to_be_visible()
    return panel


def save(page: Page) -> None:
    """Save and wait until nothing is left to save; JupyterLab notes the language of a kernel late."""
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle")
    page.keyboard.press("Control+s")
    expect(page.locator(".lm-DockPanel-tabBar .jp-mod-current.jp-mod-dirty")).to_have_count(0)


class TestNotebooks:
    def test_each_tells_of_its_own_kernel(
        self, page: Page, storied_hub: RunningHub, analyst: HubClient
    ) -> None:
        put_notebook(analyst, "one.ipynb", "minimal")
        put_notebook(analyst, "two.ipynb", "datasci--2026.05")
        log_in(page, storied_hub.url, "analyst", fresh_lab("one.ipynb"), ".jp-Notebook")
        expect(badge_of(page)).to_contain_text("minimal 2026.11")
        page.locator(".jp-DirListing-item", has_text="two.ipynb").dblclick()
        expect(badge_of(page)).to_contain_text("datasci 2026.05")
        expect(badge_of(page)).to_have_attribute("data-mark", "deprecated")
        status = page.locator(".jp-EnvGuard-statusItem")
        expect(status).to_have_text("Deprecated")
        open_panel(page)
        section = page.get_by_role("region", name="This notebook")
        expect(section).to_contain_text("2026.05")
        page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text="one.ipynb").click()
        expect(section).to_contain_text("Minimal Python")
        expect(section).not_to_contain_text("2026.05")
        expect(status).to_have_text("Approved")
        expect(badge_of(page)).to_contain_text("minimal 2026.11")

    def test_one_that_is_renamed_goes_on_as_it_was(
        self, page: Page, storied_hub: RunningHub, analyst: HubClient
    ) -> None:
        older = stamp_of(analyst, "datasci", "2026.05")
        put_notebook(analyst, "draft.ipynb", "datasci", stamp=older, output="42\n")
        log_in(page, storied_hub.url, "analyst", fresh_lab("draft.ipynb"), ".jp-Notebook")
        toast = page.locator(".Toastify__toast", has_text="were made with")
        expect(toast).to_contain_text("draft.ipynb")
        toast.get_by_role("button", name="Keep").click()
        page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text="draft.ipynb").click(button="right")
        page.get_by_role("menuitem", name="Rename Notebook…").click()
        page.locator(".jp-Dialog input").fill("final.ipynb")
        page.locator(".jp-Dialog .jp-mod-accept").click()
        expect(page.locator(".lm-DockPanel-tabBar .jp-mod-current")).to_contain_text("final.ipynb")
        expect(badge_of(page)).to_have_attribute("data-mark", "approved")
        run_cell(page)
        save(page)
        # The kernel is the same, so that nothing is told again.
        expect(toast).to_have_count(0)
        stamp = notebook_at(analyst, "final.ipynb")["metadata"]["envguard"]
        assert stamp == stamp_of(analyst, "datasci", "2026.11")

    def test_one_that_may_only_be_read_is_left_alone(
        self, page: Page, storied_hub: RunningHub, analyst: HubClient
    ) -> None:
        older = stamp_of(analyst, "datasci", "2026.05")
        source = "print('seen')"
        put_notebook(analyst, "locked.ipynb", "datasci", stamp=older, output="42\n", source=source)
        before = notebook_at(analyst, "locked.ipynb")

        def lock(route: Route) -> None:
            # Tests run as root, who may write whatever the mode of a file says.
            response = route.fetch()
            route.fulfill(response=response, json={**response.json(), "writable": False})

        page.route("**/api/contents/locked.ipynb?*", lock)
        log_in(page, storied_hub.url, "analyst", fresh_lab("locked.ipynb"), ".jp-Notebook")
        expect(badge_of(page)).to_have_attribute("data-mark", "approved")
        expect(page.locator(".Toastify__toast", has_text="were made with")).to_have_count(1)
        expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle")
        page.locator(".jp-Notebook .jp-InputPrompt").first.click()
        page.keyboard.press("Control+Enter")
        expect(page.locator(".jp-OutputArea-output").first).to_have_text("seen")
        expect(page.get_by_role("button", name="Document is read-only")).to_be_disabled()
        page.keyboard.press("Control+s")
        assert notebook_at(analyst, "locked.ipynb") == before


class TestServer:
    def test_one_that_is_slow_is_waited_for(self, page: Page, storied_hub: RunningHub) -> None:
        held: list[Route] = []
        is_over = False

        def hold(route: Route) -> None:
            if is_over:
                route.continue_()
            else:
                held.append(route)

        page.route("**/envguard/api/environments", hold)
        log_in(page, storied_hub.url, "analyst")
        panel = open_panel(page)
        expect(panel.get_by_role("status", name="Reading the catalog…")).to_be_visible()
        expect(panel).not_to_contain_text("No environment")
        while not held:
            page.wait_for_timeout(50)
        is_over = True
        for route in held:
            route.continue_()
        expect(panel.locator(".jp-EnvGuard-cardName").first).to_be_visible()
        expect(panel.get_by_role("status", name="Reading the catalog…")).to_have_count(0)

    def test_what_draws_the_panel_may_fail_to_come_and_come_later(
        self, page: Page, storied_hub: RunningHub
    ) -> None:
        log_in(page, storied_hub.url, "analyst")
        page.route("**/jupyter-envguard/static/*.js*", lambda route: route.abort())
        panel = open_panel(page)
        expect(panel.get_by_role("alert")).to_contain_text("The server does not answer.")
        page.unroute("**/jupyter-envguard/static/*.js*")
        panel.get_by_role("button", name="Try again").click()
        expect(panel.locator(".jp-EnvGuard-cardName").first).to_be_visible()
        expect(panel.get_by_role("alert")).to_have_count(0)

    def test_one_that_was_stopped_is_told_and_found_again(self, page: Page, storied_hub: RunningHub) -> None:
        student = signed_in(storied_hub, "student")
        log_in(page, storied_hub.url, "student")
        panel = open_panel(page)
        expect(panel.locator(".jp-EnvGuard-cardName").first).to_be_visible()
        student.stop_server()
        try:
            # JupyterLab itself asks whether to start it, in a dialog over everything.
            panel.get_by_role("button", name="Refresh").dispatch_event("click")
            expect(panel.get_by_role("alert")).to_contain_text("It was stopped or is just starting.")
            expect(panel.locator(".jp-EnvGuard-cardName").first).to_be_visible()
        finally:
            student.start_server()
        # To open it in another tab is also to log in to it again.
        other = page.context.new_page()
        other.goto(f"{storied_hub.url}/user/student/lab")
        other.wait_for_selector(".jp-Launcher-body, .jp-NotebookPanel", state="visible")
        other.close()
        panel.get_by_role("button", name="Refresh").dispatch_event("click")
        expect(panel.get_by_role("alert")).to_have_count(0)


class TestEverybody:
    def test_the_panel_is_reached_and_used_by_keyboard_alone(
        self, page: Page, storied_hub: RunningHub
    ) -> None:
        log_in(page, storied_hub.url, "analyst")
        page.get_by_role("tab", name="File Browser").focus()
        ours = page.get_by_role("tab", name="Approved environments")
        for _ in range(10):
            if ours.evaluate("tab => tab === document.activeElement"):
                break
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        panel = page.locator("#jp-envguard-environments")
        search = panel.get_by_role("searchbox")
        expect(search).to_be_visible()
        for _ in range(30):
            if search.evaluate("field => field === document.activeElement"):
                break
            page.keyboard.press("Tab")
        page.keyboard.type("minimal")
        expect(panel.locator(".jp-EnvGuard-cardName")).to_have_text(["Minimal Python"])
        page.keyboard.press("ArrowDown")
        expect(panel.locator(".jp-EnvGuard-card").first).to_be_focused()
        page.keyboard.press("Enter")
        spec = page.locator("#jp-envguard-spec-minimal--2026\\.11")
        expect(spec.get_by_role("row").nth(2)).to_be_visible()
        expect(spec).to_be_focused()

    def test_every_command_is_in_the_palette(self, page: Page, storied_hub: RunningHub) -> None:
        log_in(page, storied_hub.url, "analyst")
        page.keyboard.press("Control+Shift+c")
        field = page.locator(".lm-CommandPalette-input")
        for command in (
            "Refresh Approved Environments",
            "Compare Environments",
            "Ask for a Package or an Environment…",
        ):
            field.fill(command)
            expect(page.locator(".lm-CommandPalette-itemLabel", has_text=command)).to_be_visible()

    @pytest.mark.parametrize("direction", ["ltr", "rtl"])
    def test_nothing_is_english_or_cut_off_in_german_and_in_a_narrow_window(
        self, page: Page, storied_hub: RunningHub, analyst: HubClient, german: None, direction: str
    ) -> None:
        page.set_viewport_size({"width": 800, "height": 700})
        older = stamp_of(analyst, "datasci", "2026.05")
        put_notebook(analyst, "bericht.ipynb", "datasci", stamp=older, output="42\n")
        log_in(page, storied_hub.url, "analyst", fresh_lab("bericht.ipynb"), ".jp-Notebook")
        page.evaluate("direction => document.documentElement.dir = direction", direction)
        toast = page.locator(".Toastify__toast", has_text="bericht.ipynb")
        expect(toast).to_be_visible()
        still(page)
        for button in toast.get_by_role("button").all():
            expect(button).to_be_in_viewport(ratio=1)
        assert english_in(toast) == []
        toast.get_by_role("button", name="Vergleichen").click()
        check(page.locator("#jp-envguard-compare"))
        page.get_by_role("tab", name="Freigegebene Umgebungen").click()
        panel = page.locator("#jp-envguard-environments")
        expect(panel.locator(".jp-EnvGuard-cardName").first).to_be_visible()
        check(panel)
        panel.locator(".jp-EnvGuard-card").last.click()
        spec = page.locator(".jp-EnvGuard-page:visible")
        expect(spec.get_by_role("row").nth(2)).to_be_visible()
        check(spec)
        panel.get_by_role("button", name="Um ein Paket oder eine Umgebung bitten").click()
        check(page.locator("#jp-envguard-request"))


def check(part: Locator) -> None:
    """See that a part of the page is wholly German, and no wider than its room."""
    expect(part).to_be_visible()
    assert english_in(part) == []
    assert part.evaluate("node => node.scrollWidth <= node.clientWidth + 1")


def english_in(part: Locator) -> list[str]:
    """Return the lines of a text that are English although there is German for them."""
    german = json.loads(GERMAN.read_text())
    untold = {text for text, forms in german.items() if text and forms != [text]}
    return [line for line in part.inner_text().splitlines() if line.strip() in untold]
