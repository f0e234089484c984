"""A revocation with grace: what a person is told, and what still starts."""

from __future__ import annotations

from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from demo.environments import Packs
from demo.site import envguard
from tests.browser.conftest import RunningHub, log_in
from tests.browser.documents import fresh_lab, put_notebook, run_cell, signed_in

pytestmark = [pytest.mark.browser, pytest.mark.packs]


def test_a_release_with_grace_says_until_when_and_starts_until_then(
    page: Page, storied_hub: RunningHub, packs: Packs
) -> None:
    name = f"grace-{uuid4().hex[:6]}"
    options = ("--display-name", "Graceful", "--user", "analyst", "--site", storied_hub.site)
    envguard("import", packs.minimal, "--as", f"{name}@1", *options)
    envguard("approve", f"{name}@1", "--reason", "Reviewed", "--site", storied_hub.site)
    analyst = signed_in(storied_hub, "analyst")
    put_notebook(analyst, f"{name}.ipynb", name)
    log_in(page, storied_hub.url, "analyst", fresh_lab(f"{name}.ipynb"), ".jp-Notebook")
    badge = page.locator(".jp-EnvGuard-badge:visible").first
    expect(badge).to_have_attribute("data-mark", "approved")
    words = ("--reason", "Licence ended.", "--successor", "datasci@2026.11", "--grace", "3d")
    envguard("revoke", f"{name}@1", *words, "--site", storied_hub.site)
    expect(badge).to_have_attribute("data-mark", "revoked")
    toast = page.locator(".Toastify__toast")
    day = page.evaluate(
        "new Intl.DateTimeFormat('en', {weekday: 'long'}).format(new Date(Date.now() + 3 * 86400000))"
    )
    expect(toast).to_contain_text(f"was revoked and starts until {day}")
    expect(toast).to_contain_text("Licence ended.")
    expect(toast.get_by_role("button", name="Switch to datasci 2026.11")).to_be_visible()
    # It starts once more, after a restart as well, and the dialog says what it is.
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Restart Kernel…").first.click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    run_cell(page)
    expect(page.locator(".jp-OutputArea-output").last).to_contain_text("42")
    page.locator(".jp-Toolbar-kernelName").first.click()
    dialog = page.locator(".jp-Dialog")
    dialog.get_by_role("combobox").select_option("Graceful — Revoked")
    expect(dialog.locator(".jp-EnvGuard-kernelCard")).to_contain_text(f"starts until {day}")
    dialog.get_by_role("button", name="Cancel").click()
