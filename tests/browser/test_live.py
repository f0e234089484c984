"""What changes on the server is seen in open pages, without a reload."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from demo.environments import Packs
from demo.hubclient import HubClient
from demo.site import envguard
from jupyter_envguard.catalog.repository import Lifetimes, Repository
from jupyter_envguard.site import load
from tests.browser.conftest import IMAGES, RunningHub, log_in
from tests.browser.documents import axe_findings, clear, fresh_lab, put_notebook, run_cell, still

pytestmark = [pytest.mark.browser, pytest.mark.packs]


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


@pytest.fixture
def alone(storied_hub: RunningHub) -> Iterator[None]:
    """Let nobody tell the student's pages what happens, so that they ask now and then."""
    config = storied_hub.home / "student/.jupyter/labconfig/page_config.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"disabledExtensions": {"jupyter-envguard:live": True}}))
    yield
    config.unlink()


def test_a_revocation_reaches_every_open_page_at_once(
    page: Page, context: BrowserContext, storied_hub: RunningHub, analyst: HubClient, study: str
) -> None:
    clear(storied_hub, analyst)
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
    assert axe_findings(page, ".Toastify__toast") == []
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


def answered(page: Page, button: Locator) -> int:
    """Press a button that asks for the environments; return the status of the answer."""
    with page.expect_response(lambda answer: "/envguard/api/environments" in answer.url) as asked:
        button.click()
    return int(asked.value.status)


def test_a_catalog_that_fails_is_told_and_comes_back(page: Page, storied_hub: RunningHub) -> None:
    log_in(page, storied_hub.url, "analyst")
    page.get_by_role("tab", name="Approved environments").click()
    panel = page.locator("#jp-envguard-environments")
    expect(panel.get_by_text("Data Science").first).to_be_visible()
    newest = Path(load(storied_hub.site).catalog) / "metadata/timestamp.json"
    signed = newest.read_bytes()
    newest.write_bytes(signed.replace(b'"version":', b'"version": 1'))
    try:
        # The open stream tells at once; whoever asks is answered the same.
        expect(panel.get_by_role("alert")).to_contain_text("lacks valid signatures")
        assert answered(page, panel.get_by_role("button", name="Refresh").first) == 503
        expect(panel.get_by_role("alert")).to_contain_text("The list below is as of")
        # What was known stays on the screen.
        expect(panel.get_by_text("Data Science").first).to_be_visible()
    finally:
        newest.write_bytes(signed)
    assert answered(page, panel.get_by_role("button", name="Try again")) == 200
    expect(panel.get_by_role("alert")).to_have_count(0)


def test_a_catalog_out_of_reach_is_kept_until_it_ends(page: Page, storied_hub: RunningHub) -> None:
    log_in(page, storied_hub.url, "analyst")
    page.get_by_role("tab", name="Approved environments").click()
    panel = page.locator("#jp-envguard-environments")
    expect(panel.get_by_text("Data Science").first).to_be_visible()
    catalog = Path(load(storied_hub.site).catalog)
    away = catalog.rename(catalog.with_name("away"))
    try:
        assert answered(page, panel.get_by_role("button", name="Refresh").first) == 200
        expect(panel.get_by_role("alert")).to_have_count(0)
    finally:
        away.rename(catalog)
    assert answered(page, panel.get_by_role("button", name="Refresh").first) == 200


def test_a_catalog_that_runs_out_is_told_when_it_does_and_when_it_was_signed_again(
    page: Page, storied_hub: RunningHub, alone: None
) -> None:
    log_in(page, storied_hub.url, "student")
    page.get_by_role("tab", name="Approved environments").click()
    panel = page.locator("#jp-envguard-environments")
    expect(panel.get_by_text("Minimal Python").first).to_be_visible()
    catalog = Path(load(storied_hub.site).catalog)
    keys = load(storied_hub.site).keys
    assert keys
    soon = Repository(catalog, keys, lifetimes=Lifetimes(timestamp=timedelta(seconds=20)))
    try:
        soon.renew()
        assert answered(page, panel.get_by_role("button", name="Refresh").first) == 200
        # Nobody has told anything yet, and nobody has asked: the time has come.
        expect(panel.get_by_role("alert")).to_contain_text("The catalog was valid until")
        expect(panel.get_by_role("alert")).to_contain_text("Kernels that run keep running.")
        expect(panel.get_by_text("Minimal Python").first).to_be_visible()
        assert answered(page, panel.get_by_role("button", name="Refresh").first) == 503
        expect(panel.get_by_role("alert")).to_contain_text("catalog-expired")
        expect(panel.get_by_text("Minimal Python").first).to_be_visible()
    finally:
        Repository(catalog, keys).renew()
    assert answered(page, panel.get_by_role("button", name="Try again")) == 200
    expect(panel.get_by_role("alert")).to_have_count(0)
