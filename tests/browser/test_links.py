"""Addresses that lead to a release, a comparison or a request, also through the hub's login."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import RunningHub, log_in

pytestmark = [pytest.mark.browser, pytest.mark.packs]


def fresh(query: str) -> str:
    """Return the address of an empty JupyterLab with this query, as the login passes it on."""
    return f"lab/workspaces/{uuid4().hex}%3F{query}"


def test_a_link_to_an_environment_goes_through_the_login_to_its_current_release(
    page: Page, storied_hub: RunningHub
) -> None:
    shown = "#jp-envguard-spec-datasci--2026\\.11"
    log_in(page, storied_hub.url, "analyst", fresh("envguard%3Ddatasci"), shown)
    expect(page.locator(shown)).to_contain_text("numpy")
    # A reload does not lead there again.
    expect(page).not_to_have_url(re.compile("envguard="))


def test_a_link_to_a_release_shows_that_release(page: Page, storied_hub: RunningHub) -> None:
    log_in(
        page,
        storied_hub.url,
        "analyst",
        fresh("envguard%3Ddatasci%2540" + "2026.05"),
        "#jp-envguard-spec-datasci--2026\\.05",
    )


def test_a_link_to_nothing_says_so(page: Page, storied_hub: RunningHub) -> None:
    log_in(page, storied_hub.url, "analyst", fresh("envguard%3Dnowhere"))
    expect(page.locator(".Toastify__toast")).to_contain_text("There is no environment “nowhere” for you.")


def test_a_link_to_a_request_fills_in_the_form(page: Page, storied_hub: RunningHub) -> None:
    log_in(
        page,
        storied_hub.url,
        "analyst",
        fresh("envguard-request%3Dxgboost%253E%253D2%26envguard-environment%3Ddatasci"),
        ".jp-EnvGuard-form",
    )
    expect(page.get_by_label("Package", exact=True)).to_have_value("xgboost>=2")
    expect(page.get_by_label("Add it to")).to_have_value("datasci")


def test_ctrl_alt_e_shows_what_the_current_kernel_has(page: Page, storied_hub: RunningHub) -> None:
    log_in(page, storied_hub.url, "analyst")
    page.locator('.jp-LauncherCard[data-category="Notebook"]', has_text="Minimal Python").click()
    status = page.locator(".jp-EnvGuard-statusItem button")
    expect(status).to_have_text("Approved")
    page.keyboard.press("Control+Alt+e")
    expect(page.locator("#jp-envguard-spec-minimal--2026\\.11")).to_be_visible()
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    expect(page.get_by_role("menuitem", name="Show Packages of the Current Kernel")).to_be_visible()
