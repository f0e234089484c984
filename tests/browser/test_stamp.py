"""What a notebook says about the environment that made its outputs, and what is told when that differs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from demo.hubclient import HubClient
from tests.browser.conftest import IMAGES, RunningHub, log_in
from tests.browser.documents import (
    axe_findings,
    clear,
    fresh_lab,
    notebook_at,
    put_notebook,
    run_cell,
    stamp_of,
    still,
    use_theme,
)

pytestmark = [pytest.mark.browser, pytest.mark.packs]


def open_notebook(page: Page, running: RunningHub, path: str, mark: str = "approved") -> None:
    """Open a notebook that is there and wait until it is known where its kernel comes from."""
    log_in(page, running.url, "analyst", fresh_lab(path), ".jp-Notebook")
    expect(page.locator(".jp-EnvGuard-badge:visible").first).to_have_attribute("data-mark", mark)


def save(page: Page) -> None:
    """Save and wait until nothing is left to save.

    JupyterLab notes the language of a kernel when that answers first, and then there is something again.
    """
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle")
    page.keyboard.press("Control+s")
    expect(page.locator(".lm-DockPanel-tabBar .jp-mod-current.jp-mod-dirty")).to_have_count(0)


def toasts(page: Page) -> Locator:
    return page.locator(".Toastify__toast", has_text="were made with")


def test_the_stamp_is_in_the_very_save_and_leaves_nothing_to_save(
    page: Page, storied_hub: RunningHub, analyst: HubClient
) -> None:
    put_notebook(analyst, "stamped.ipynb", "datasci")
    open_notebook(page, storied_hub, "stamped.ipynb")
    run_cell(page)
    expect(page.locator(".lm-DockPanel-tabBar .jp-mod-current.jp-mod-dirty")).to_have_count(1)
    save(page)
    saved = notebook_at(analyst, "stamped.ipynb")
    assert saved["metadata"]["envguard"] == stamp_of(analyst, "datasci", "2026.11")
    assert saved["cells"][0]["outputs"][0]["text"] == "42\n"


def test_a_notebook_that_was_only_read_keeps_its_stamp(
    page: Page, storied_hub: RunningHub, analyst: HubClient
) -> None:
    older = stamp_of(analyst, "datasci", "2026.05")
    put_notebook(analyst, "read.ipynb", "datasci", stamp=older, output="42\n")
    open_notebook(page, storied_hub, "read.ipynb")
    page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
    page.keyboard.type("  # corrected", delay=30)
    save(page)
    saved = notebook_at(analyst, "read.ipynb")
    assert "corrected" in saved["cells"][0]["source"]
    assert saved["metadata"]["envguard"] == older


def test_outputs_of_another_release_are_told_of_once_per_kernel(
    page: Page, storied_hub: RunningHub, analyst: HubClient
) -> None:
    clear(storied_hub, analyst)
    put_notebook(
        analyst,
        "older.ipynb",
        "datasci",
        stamp=stamp_of(analyst, "datasci", "2026.05"),
        output="42\n",
    )
    open_notebook(page, storied_hub, "older.ipynb")
    expect(toasts(page)).to_have_count(1)
    expect(toasts(page)).to_contain_text(
        "The outputs of older.ipynb were made with datasci 2026.05, its kernel now runs datasci 2026.11."
    )
    expect(page.get_by_role("dialog")).to_have_count(0)
    still(page)
    page.screenshot(path=IMAGES / "mismatch.png")
    toasts(page).get_by_role("button", name="Reopen with 2026.05").click()
    badge = page.locator(".jp-EnvGuard-badge:visible").first
    expect(badge).to_have_attribute("data-mark", "deprecated")
    expect(toasts(page)).to_have_count(0)
    # The same kernel again, and again it is told.
    page.locator(".jp-Toolbar-kernelName").first.click()
    page.get_by_role("combobox").last.select_option("Data Science")
    page.get_by_role("button", name="Select Kernel").click()
    expect(badge).to_have_attribute("data-mark", "approved")
    expect(toasts(page)).to_have_count(1)
    toasts(page).get_by_role("button", name="Keep").click()
    expect(toasts(page)).to_have_count(0)
    run_cell(page)
    save(page)
    expect(toasts(page)).to_have_count(0)
    saved = notebook_at(analyst, "older.ipynb")
    assert saved["metadata"]["envguard"] == stamp_of(analyst, "datasci", "2026.11")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"])
def test_nobody_stumbles_over_what_is_told_and_over_the_status_bar(
    page: Page, storied_hub: RunningHub, analyst: HubClient, theme: str
) -> None:
    older = stamp_of(analyst, "datasci", "2026.05")
    put_notebook(analyst, "told.ipynb", "datasci", stamp=older, output="42\n")
    with use_theme(analyst, theme):
        open_notebook(page, storied_hub, "told.ipynb")
        expect(toasts(page)).to_have_count(1)
        status = page.locator(".jp-EnvGuard-statusItem")
        expect(status).to_have_text("Approved")
        still(page)
        assert axe_findings(page, ".jp-EnvGuard-statusItem") == []
        assert axe_findings(page, ".Toastify__toast") == []
        # At twice the size, from both sides.
        page.set_viewport_size({"width": 640, "height": 400})
        for direction in ("ltr", "rtl"):
            page.evaluate("direction => document.documentElement.dir = direction", direction)
            expect(status).to_be_in_viewport(ratio=1)
            for button in ("Compare", "Reopen with 2026.05", "Keep"):
                expect(toasts(page).get_by_role("button", name=button)).to_be_in_viewport(ratio=1)


def test_nothing_is_told_where_nothing_differs(
    page: Page, storied_hub: RunningHub, analyst: HubClient
) -> None:
    same = stamp_of(analyst, "datasci", "2026.11")
    put_notebook(analyst, "same.ipynb", "datasci", stamp=same, output="42\n")
    open_notebook(page, storied_hub, "same.ipynb")
    run_cell(page)
    expect(toasts(page)).to_have_count(0)
