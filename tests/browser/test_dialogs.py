"""The dialog that asks for a kernel: in notebooks, consoles and editors, in JupyterLab and in Notebook."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, Page, expect

from demo.hubclient import HubClient
from tests.browser.conftest import IMAGES, RunningHub, log_in
from tests.browser.documents import (
    axe_findings,
    clear,
    confirm_console,
    console_for_editor,
    dialog_of,
    fresh_lab,
    put_notebook,
    put_text,
    signed_in,
    still,
    use_theme,
)

pytestmark = [pytest.mark.browser, pytest.mark.packs]


def card_of(page: Page) -> Locator:
    return page.locator(".jp-Dialog .jp-EnvGuard-kernelCard")


def test_a_notebook_whose_kernel_is_gone_is_offered_what_takes_its_place(
    page: Page, storied_hub: RunningHub, analyst: HubClient
) -> None:
    clear(storied_hub, analyst)
    put_notebook(analyst, "gone.ipynb", "python3")
    log_in(page, storied_hub.url, "analyst", fresh_lab("gone.ipynb"), ".jp-Dialog")
    dialog = dialog_of(page)
    expect(card_of(page)).to_contain_text("asks for the kernel “python3”")
    expect(card_of(page)).to_contain_text("Data Science 2026.11 takes its place")
    assert json.loads(dialog.get_by_role("combobox").input_value()) == {"name": "datasci"}
    expect(dialog.get_by_label("Always start the preferred kernel")).to_be_visible()
    still(page)
    page.screenshot(path=IMAGES / "dialog.png")
    dialog.get_by_role("button", name="Select Kernel").click()
    expect(page.locator(".jp-EnvGuard-badge:visible").first).to_have_attribute("data-mark", "approved")


def test_the_card_follows_the_choice_and_leads_to_the_successor(
    page: Page, storied_hub: RunningHub, analyst: HubClient
) -> None:
    put_notebook(analyst, "choice.ipynb", "python3")
    log_in(page, storied_hub.url, "analyst", fresh_lab("choice.ipynb"), ".jp-Dialog")
    dialog, card = dialog_of(page), card_of(page)
    select = dialog.get_by_role("combobox")
    select.select_option("Data Science (2026.05) — Deprecated")
    expect(card).to_contain_text("Data Science 2026.05")
    expect(card.locator(".jp-EnvGuard-state")).to_have_text("Deprecated")
    expect(card).to_contain_text("It can be used until")
    link = card.get_by_role("link", name="Show the packages")
    assert (link.get_attribute("href") or "").endswith("/user/analyst/lab?envguard=datasci%402026.05")
    card.get_by_role("button", name="Use Data Science 2026.11 instead").click()
    assert json.loads(select.input_value()) == {"name": "datasci"}
    expect(card.locator(".jp-EnvGuard-state")).to_have_text("Approved")
    select.select_option("No Kernel")
    expect(card).to_contain_text("read and edited, but not run")
    # Where there is no kernel yet, JupyterLab's way out is called so.
    dialog.get_by_role("button", name="No Kernel").click()
    expect(dialog).to_be_hidden()


def test_a_console_for_an_editor_asks_the_same_way(
    page: Page, storied_hub: RunningHub, analyst: HubClient
) -> None:
    put_text(analyst, "script.py", "print('hello')\n")
    log_in(page, storied_hub.url, "analyst", fresh_lab("script.py"), ".jp-FileEditor")
    dialog = console_for_editor(page)
    expect(card_of(page)).to_contain_text("Minimal Python 2026.11")
    confirm_console(page, dialog)


def test_a_console_asks_the_same_way(page: Page, storied_hub: RunningHub) -> None:
    log_in(page, storied_hub.url, "analyst")
    page.locator('.jp-LauncherCard[data-category="Console"]', has_text="Minimal Python").click()
    expect(page.locator(".jp-CodeConsole")).to_contain_text("Python 3")
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Change Kernel…").click()
    dialog = dialog_of(page)
    expect(card_of(page)).to_contain_text("Minimal Python 2026.11")
    dialog.get_by_role("button", name="Cancel").click()


def test_notebook_7_asks_the_same_way(page: Page, storied_hub: RunningHub, analyst: HubClient) -> None:
    put_notebook(analyst, "gone7.ipynb", "python3")
    log_in(page, storied_hub.url, "analyst", "notebooks/gone7.ipynb", ".jp-Dialog")
    expect(card_of(page)).to_contain_text("Data Science 2026.11 takes its place")
    dialog_of(page).get_by_role("button", name="Select Kernel").click()
    expect(page.locator(".jp-EnvGuard-badge:visible").first).to_have_attribute("data-mark", "approved")


def test_a_setting_brings_back_the_dialog_of_jupyterlab(
    page: Page, storied_hub: RunningHub, analyst: HubClient
) -> None:
    put_notebook(analyst, "plain.ipynb", "python3")
    settings = "lab/api/settings/jupyter-envguard:preferences"
    analyst.put(settings, {"raw": json.dumps({"kernelDialog": False})})
    try:
        log_in(page, storied_hub.url, "analyst", fresh_lab("plain.ipynb"), ".jp-Dialog")
        expect(page.get_by_role("dialog").get_by_role("combobox")).to_be_visible()
        expect(card_of(page)).to_have_count(0)
    finally:
        analyst.put(settings, {"raw": "{}"})


def test_without_our_dialogs_jupyterlab_asks_by_itself(page: Page, storied_hub: RunningHub) -> None:
    student = signed_in(storied_hub, "student")
    put_notebook(student, "plain.ipynb", "nothing", language="calc")
    config = storied_hub.home / "student/.jupyter/labconfig/page_config.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"disabledExtensions": {"jupyter-envguard:dialogs": True}}))
    try:
        log_in(page, storied_hub.url, "student", fresh_lab("plain.ipynb"), ".jp-Dialog")
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("combobox")).to_be_visible()
        expect(card_of(page)).to_have_count(0)
        dialog.get_by_role("combobox").select_option("Minimal Python")
        dialog.get_by_role("button", name="Select Kernel").click()
        expect(page.locator(".jp-EnvGuard-badge:visible").first).to_have_attribute("data-mark", "approved")
    finally:
        config.unlink()


def test_somebody_without_any_environment_is_told_so(page: Page, storied_hub: RunningHub) -> None:
    guest = signed_in(storied_hub, "guest")
    put_notebook(guest, "first.ipynb", "python3")
    log_in(page, storied_hub.url, "guest", fresh_lab("first.ipynb"), ".jp-Dialog")
    expect(card_of(page)).to_contain_text("No environment has been approved for you yet.")
    dialog_of(page).get_by_role("button", name="Select Kernel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"])
def test_nobody_stumbles_over_the_dialog(
    page: Page, storied_hub: RunningHub, analyst: HubClient, theme: str
) -> None:
    put_notebook(analyst, "axe.ipynb", "python3")
    with use_theme(analyst, theme):
        log_in(page, storied_hub.url, "analyst", fresh_lab("axe.ipynb"), ".jp-Dialog")
        expect(card_of(page)).to_contain_text("takes its place")
        still(page)
        assert axe_findings(page, ".jp-EnvGuard-choice") == []
        dialog_of(page).get_by_role("combobox").select_option("Data Science (2026.05) — Deprecated")
        expect(card_of(page)).to_contain_text("It can be used until")
        assert axe_findings(page, ".jp-EnvGuard-choice") == []
