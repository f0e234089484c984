"""The panel, the packages and the badge, in JupyterLab and in Notebook, against a real server."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from demo import hub
from demo.environments import Packs
from demo.hubclient import HubClient
from demo.site import envguard
from tests.browser.conftest import IMAGES, RunningHub, log_in
from tests.browser.documents import axe_findings, put_notebook, signed_in, still
from tests.browser.test_launcher import open_notebook

pytestmark = [pytest.mark.browser, pytest.mark.packs]


def open_panel(page: Page) -> None:
    page.get_by_role("tab", name="Approved environments").click()
    expect(page.get_by_role("region", name="Approved environments")).to_be_visible()


def test_the_panel_lists_what_the_launcher_offers_and_opens_its_packages(
    page: Page, running_hub: RunningHub
) -> None:
    log_in(page, running_hub.url, "analyst")
    open_panel(page)
    panel = page.get_by_role("region", name="Approved environments")
    expect(panel.locator(".jp-EnvGuard-cardName")).to_have_text(["Data Science", "Minimal Python"])
    panel.get_by_role("button", name="Data Science").click()
    packages = page.locator("#jp-envguard-spec-datasci--2026\\.11")
    expect(packages.get_by_role("row").nth(1)).to_be_visible()
    packages.get_by_role("searchbox").fill("name=numpy")
    expect(packages.get_by_role("rowheader")).to_have_text(["numpy"])


def test_somebody_with_less_sees_less(page: Page, running_hub: RunningHub) -> None:
    log_in(page, running_hub.url, "student")
    open_panel(page)
    cards = page.get_by_role("region", name="Approved environments").locator(".jp-EnvGuard-cardName")
    expect(cards).to_have_text(["Minimal Python"])


def test_somebody_without_any_environment_is_told_why_and_may_ask(
    page: Page, storied_hub: RunningHub
) -> None:
    log_in(page, storied_hub.url, "guest")
    toast = page.locator(".Toastify__toast", has_text="No environment has been approved for you yet")
    expect(toast).to_have_count(1)
    still(page)
    assert axe_findings(page, ".Toastify__toast") == []
    expect(page.locator('.jp-LauncherCard[data-category="Other"]').first).to_be_visible()
    expect(page.locator('.jp-LauncherCard[data-category="Notebook"]')).to_have_count(0)
    expect(page.locator('.jp-LauncherCard[data-category="Console"]')).to_have_count(0)
    open_panel(page)
    panel = page.get_by_role("region", name="Approved environments", exact=True)
    expect(panel).to_contain_text("No environment has been approved for you yet.")
    expect(panel).to_contain_text("The administrators of this hub decide which environments you may use.")
    panel.get_by_role("button", name="Ask for it").click()
    # A package has to go into something, so that it is an environment that is asked for.
    expect(page.get_by_label("A whole environment")).to_be_checked()
    page.locator(".lm-DockPanel-tabBar .jp-mod-current .lm-TabBar-tabCloseIcon").click()
    expect(page.locator("#jp-envguard-request")).to_have_count(0)
    toast.get_by_role("button", name="Ask for it").click()
    expect(page.get_by_label("A whole environment")).to_be_checked()


def test_somebody_without_any_environment_is_told_when_one_comes(
    page: Page, storied_hub: RunningHub, packs: Packs
) -> None:
    log_in(page, storied_hub.url, "newcomer")
    toast = page.locator(".Toastify__toast", has_text="No environment has been approved for you yet")
    expect(toast).to_have_count(1)
    options = ("--display-name", "Welcome", "--user", "newcomer", "--site", storied_hub.site)
    envguard("import", packs.minimal, "--as", "welcome@1", *options)
    envguard("approve", "welcome@1", "--reason", "Reviewed", "--site", storied_hub.site)
    card = page.locator('.jp-LauncherCard[data-category="Notebook"]', has_text="Welcome")
    expect(card).to_be_visible()
    expect(toast).to_have_count(0)


def test_the_badge_says_approved_and_never_otherwise_on_the_way_there(
    page: Page, running_hub: RunningHub
) -> None:
    page.add_init_script(
        "window.marks = [];"
        "new MutationObserver(() => document.querySelectorAll('.jp-EnvGuard-badge').forEach("
        "badge => window.marks.push(badge.dataset.mark))).observe(document, "
        "{subtree: true, childList: true, attributes: true});"
    )
    log_in(page, running_hub.url, "analyst")
    open_notebook(page, "Minimal Python")
    badge = page.locator(".jp-EnvGuard-badge:visible").first
    expect(badge).to_have_attribute("data-mark", "approved")
    assert set(page.evaluate("window.marks")) <= {"checking", "approved"}
    badge.click()
    expect(page.locator("#jp-envguard-spec-minimal--2026\\.11")).to_be_visible()


def test_notebook_7_shows_the_badge_too(page: Page, running_hub: RunningHub) -> None:
    put_notebook(signed_in(running_hub, "analyst"), "analysis.ipynb", "minimal")
    log_in(page, running_hub.url, "analyst", "notebooks/analysis.ipynb", ".jp-Notebook")
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")).to_be_visible()
    badge = page.locator(".jp-EnvGuard-badge:visible").first
    expect(badge).to_have_attribute("data-mark", "approved")
    badge.click()
    expect(page.locator("#jp-envguard-spec-minimal--2026\\.11").get_by_role("row").nth(1)).to_be_visible()
    for tab in (re.compile(r"^Packages \(\d+\)$"), "Approval", "Integrity"):
        expect(page.get_by_role("tab", name=tab)).to_be_in_viewport(ratio=1)
    still(page)
    page.screenshot(path=IMAGES / "notebook7.png")


def test_a_release_comes_and_goes_without_a_restart(running_hub: RunningHub, packs: Packs) -> None:
    client = HubClient(running_hub.url, "analyst", hub.PASSWORD)
    client.log_in()
    client.start_server()
    options = ("--site", running_hub.site)
    envguard("import", packs.calc, "--as", "calc@1", "--user", "analyst", *options)
    assert "calc" not in client.get("api/kernelspecs")["kernelspecs"]
    envguard("approve", "calc@1", "--reason", "Reviewed", *options)
    assert "calc" in client.get("api/kernelspecs")["kernelspecs"]
    kernel = client.post("api/kernels", {"name": "calc"})
    assert client.run_cell(kernel["id"], "6 * 7").strip() == "42"
    client.delete(f"api/kernels/{kernel['id']}")
    envguard("revoke", "calc@1", "--reason", "Found wanting", *options)
    assert "calc" not in client.get("api/kernelspecs")["kernelspecs"]
    gone = {entry["name"]: entry for entry in client.get("envguard/api/environments")["unavailable"]}
    assert gone["calc"]["reasons"][0]["code"] == "revoked"
