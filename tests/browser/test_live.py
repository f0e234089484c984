"""What changes on the server is seen in open pages, without a reload."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from demo.environments import Packs
from demo.hubclient import HubClient
from demo.site import envguard
from tests.browser.conftest import IMAGES, RunningHub, log_in
from tests.browser.documents import fresh_lab, put_notebook, run_cell, signed_in, still

pytestmark = [pytest.mark.browser, pytest.mark.packs]


@pytest.fixture
def analyst(storied_hub: RunningHub) -> HubClient:
    return signed_in(storied_hub, "analyst")


@pytest.fixture
def study(storied_hub: RunningHub, packs: Packs) -> Iterator[str]:
    """Approve one more environment, for one test to revoke."""
    name = "study"
    envguard(
        "import",
        packs.minimal,
        "--as",
        f"{name}@2026.11",
        "--display-name",
        "Study",
        "--user",
        "analyst",
        "--site",
        storied_hub.site,
    )
    envguard("approve", f"{name}@2026.11", "--reason", "Reviewed", "--site", storied_hub.site)
    yield name


def test_a_revocation_reaches_every_open_page_at_once(
    page: Page, context: BrowserContext, storied_hub: RunningHub, analyst: HubClient, study: str
) -> None:
    put_notebook(analyst, "study.ipynb", study)
    log_in(page, storied_hub.url, "analyst", fresh_lab("study.ipynb"), ".jp-Notebook")
    other = context.new_page()
    other.goto(f"{storied_hub.url}/user/analyst/{fresh_lab('study.ipynb')}")
    pages = (page, other)
    for each in pages:
        mark = each.locator(".jp-EnvGuard-badge:visible").first
        expect(mark).to_have_attribute("data-mark", "approved")
    page.bring_to_front()
    reason = "CVE-2026-1234 in a package"
    options = ("--reason", reason, "--successor", "datasci@2026.11", "--site", storied_hub.site)
    envguard("revoke", f"{study}@2026.11", *options)
    for each in pages:
        mark = each.locator(".jp-EnvGuard-badge:visible").first
        expect(mark).to_have_attribute("data-mark", "revoked")
        toast = each.locator(".Toastify__toast")
        expect(toast).to_have_count(1)
        expect(toast).to_contain_text("was revoked")
        expect(toast.get_by_role("button", name="Switch to datasci 2026.11")).to_be_visible()
    still(page)
    page.screenshot(path=IMAGES / "revoked.png")
    # The dialog offers what is left, and says why.
    page.locator(".jp-Toolbar-kernelName").first.click()
    card = page.locator(".jp-Dialog .jp-EnvGuard-kernelCard")
    expect(card).to_contain_text(reason)
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.locator(".Toastify__toast").get_by_role("button", name="Switch to").click()
    badge = page.locator(".jp-EnvGuard-badge:visible").first
    expect(badge).to_contain_text("datasci 2026.11")
    expect(badge).to_have_attribute("data-mark", "approved")
    expect(page.locator(".Toastify__toast")).to_have_count(0)


def test_a_kernel_that_runs_more_than_was_approved_is_told_of(
    page: Page, storied_hub: RunningHub, analyst: HubClient
) -> None:
    source = (
        "import os, sys; os.makedirs('extra', exist_ok=True); open('extra/tabnanny.py', 'w').close();"
        " sys.path.insert(0, 'extra'); import tabnanny; print(6 * 7)"
    )
    put_notebook(analyst, "drifts.ipynb", "datasci", source=source)
    log_in(page, storied_hub.url, "analyst", fresh_lab("drifts.ipynb"), ".jp-Notebook")
    badge = page.locator(".jp-EnvGuard-badge:visible").first
    expect(badge).to_have_attribute("data-mark", "approved")
    run_cell(page)
    expect(badge).to_have_attribute("data-mark", "drifted")
    expect(badge).to_have_attribute("title", re.compile("The module tabnanny comes from .*extra"))
    expect(page.locator(".Toastify__toast")).to_contain_text("has drifted from datasci 2026.11")


def test_a_release_that_is_approved_appears_in_the_launcher_by_itself(
    page: Page, storied_hub: RunningHub, packs: Packs
) -> None:
    log_in(page, storied_hub.url, "analyst")
    name = f"new-{uuid4().hex[:6]}"
    cards = page.locator('.jp-LauncherCard[data-category="Notebook"]')
    expect(cards.filter(has_text="Brand New")).to_have_count(0)
    options = ("--display-name", "Brand New", "--user", "analyst", "--site", storied_hub.site)
    envguard("import", packs.minimal, "--as", f"{name}@1", *options)
    envguard("approve", f"{name}@1", "--reason", "Reviewed", "--site", storied_hub.site)
    expect(cards.filter(has_text="Brand New")).to_have_count(1)
    envguard("revoke", f"{name}@1", "--reason", "Only a test", "--site", storied_hub.site)
    expect(cards.filter(has_text="Brand New")).to_have_count(0)


def test_a_catalog_that_fails_is_told_and_comes_back(page: Page, storied_hub: RunningHub) -> None:
    log_in(page, storied_hub.url, "analyst")
    page.get_by_role("tab", name="Approved environments").click()
    panel = page.locator("#jp-envguard-environments")
    expect(panel.get_by_text("Data Science").first).to_be_visible()

    def fail(route: Route) -> None:
        route.fulfill(status=503, json={"code": "catalog-unreadable", "message": "Not now.", "hint": "Wait."})

    page.route("**/envguard/api/environments*", fail)
    panel.get_by_role("button", name="Refresh").first.click()
    expect(panel.get_by_role("alert")).to_contain_text("Not now.")
    # What was known stays on the screen.
    expect(panel.get_by_text("Data Science").first).to_be_visible()
    page.unroute("**/envguard/api/environments*")
    panel.get_by_role("button", name="Try again").click()
    expect(panel.get_by_role("alert")).to_have_count(0)
