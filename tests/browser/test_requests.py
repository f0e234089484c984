"""Asking for a package, from the form to the decision."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from demo.hubclient import HubClient
from demo.site import envguard
from tests.browser.conftest import IMAGES, RunningHub, log_in
from tests.browser.documents import axe_findings, clear, is_saved, still, use_theme
from tests.browser.test_links import fresh

pytestmark = [pytest.mark.browser, pytest.mark.packs]

LINK = "envguard-request%3Dxgboost%253E%253D2%26envguard-environment%3Ddatasci"
"""What the answer to a refused `conda install` ends with, in the form in which the login passes it on."""

REASON = "Gradient boosted trees for the churn study, which starts in January."


def test_a_request_is_made_by_keyboard_alone_and_its_decision_is_told(
    page: Page, storied_hub: RunningHub, analyst: HubClient
) -> None:
    clear(storied_hub, analyst)
    log_in(page, storied_hub.url, "analyst", fresh(LINK), ".jp-EnvGuard-form")
    subject = page.get_by_label("Package", exact=True)
    expect(subject).to_have_value("xgboost>=2")
    expect(subject).to_be_focused()
    still(page)
    page.screenshot(path=IMAGES / "request.png")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Why")).to_be_focused()
    page.keyboard.type("For my work")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Channel or index")).to_be_focused()
    page.keyboard.press("Enter")
    problem = page.get_by_role("alert")
    expect(problem).to_have_text("Write 9 more characters.")
    reason = page.get_by_label("Why")
    expect(reason).to_be_focused()
    described = reason.get_attribute("aria-describedby") or ""
    assert problem.get_attribute("id") in described.split()
    page.keyboard.press("Control+a")
    page.keyboard.type(REASON)
    page.keyboard.press("Tab")
    expect(page.get_by_label("Channel or index")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your request was sent")).to_be_focused()
    made = analyst.get("envguard/api/requests")["requests"][0]
    assert (made["subject"], made["environment"], made["reason"]) == ("xgboost>=2", "datasci", REASON)
    expect(page.locator(".jp-EnvGuard-form code")).to_have_text(made["id"])
    page.get_by_role("button", name="Show my requests").click()
    requests = page.locator(".jp-EnvGuard-requests")
    expect(requests.locator(".jp-EnvGuard-state").first).to_have_text("Open")
    envguard("requests", "decline", made["id"], "--reason", "Use the cluster", "--site", storied_hub.site)
    expect(page.locator(".Toastify__toast")).to_contain_text("Your request for xgboost>=2: Declined.")
    expect(requests.locator(".jp-EnvGuard-state").first).to_have_text("Declined")
    expect(requests).to_contain_text("Use the cluster")


def test_what_was_written_outlives_a_reload_until_it_is_cancelled(
    page: Page, storied_hub: RunningHub, analyst: HubClient
) -> None:
    log_in(page, storied_hub.url, "analyst", fresh(LINK), ".jp-EnvGuard-form")
    why = page.get_by_label("Why")
    why.fill(REASON)
    with page.expect_response(lambda answer: is_saved(answer, "jp-envguard-request")):
        page.keyboard.press("Control+b")
    page.reload()
    expect(why).to_have_value(REASON)
    expect(page.get_by_label("Package", exact=True)).to_have_value("xgboost>=2")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#jp-envguard-request")).to_have_count(0)
    page.get_by_role("tab", name="Approved environments").click()
    page.get_by_role("button", name="Ask for a package or an environment").click()
    expect(why).to_have_value("")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"])
def test_nobody_stumbles_over_the_form(
    page: Page, storied_hub: RunningHub, analyst: HubClient, theme: str
) -> None:
    with use_theme(analyst, theme):
        log_in(page, storied_hub.url, "analyst", fresh(LINK), ".jp-EnvGuard-form")
        page.get_by_role("button", name="Send request").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert axe_findings(page, "#jp-envguard-request") == []


def test_the_form_fits_at_twice_the_size_and_from_right_to_left(page: Page, storied_hub: RunningHub) -> None:
    page.set_viewport_size({"width": 640, "height": 400})
    log_in(page, storied_hub.url, "analyst", fresh(LINK), ".jp-EnvGuard-form")
    page.keyboard.press("Control+b")
    form = page.locator("#jp-envguard-request")
    for direction in ("ltr", "rtl"):
        page.evaluate("direction => document.documentElement.dir = direction", direction)
        assert form.evaluate("node => node.scrollWidth <= node.clientWidth")
        page.get_by_role("button", name="Send request").scroll_into_view_if_needed()
        expect(page.get_by_role("button", name="Send request")).to_be_visible()
