"""The side panel and the page of an environment, opened as a person opens them."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import log_in


def open_panel(page: Page, url: str, query: str = "") -> Locator:
    """Log in and open the side panel."""
    log_in(page, url, "analyst", *([f"lab{query}"] if query else []))
    panel = page.get_by_role("region", name="Approved environments")
    page.get_by_role("tab", name="Approved environments").click()
    expect(panel.locator(".jp-EnvGuard-cardName").first).to_be_visible()
    return panel


def open_spec(panel: Locator, name: str) -> Locator:
    """Open the page of an environment from the panel and wait for its packages."""
    panel.locator(".jp-EnvGuard-card", has_text=name).first.click()
    spec = panel.page.locator(".jp-EnvGuard-page:visible")
    expect(spec.get_by_role("row").nth(2)).to_be_visible()
    return spec
