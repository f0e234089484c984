"""Consoles say of their kernels what notebooks do."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from demo.environments import Packs
from demo.hubclient import HubClient
from demo.site import envguard
from tests.browser.conftest import RunningHub, log_in
from tests.browser.documents import confirm_console, console_for_editor, fresh_lab, put_text

pytestmark = [pytest.mark.browser, pytest.mark.packs]


@pytest.fixture
def trial(storied_hub: RunningHub, packs: Packs) -> Iterator[str]:
    """Approve an environment for one test to replace and to revoke."""
    name = f"trial-{uuid4().hex[:6]}"
    approve(storied_hub, packs.minimal, f"{name}@1")
    yield name


def approve(running: RunningHub, pack: object, release: str) -> None:
    options = ("--display-name", "Trial", "--user", "analyst", "--site", running.site)
    envguard("import", pack, "--as", release, *options)
    envguard("approve", release, "--reason", "Reviewed", "--site", running.site)


def open_console(page: Page, kernel: str) -> None:
    page.locator('.jp-LauncherCard[data-category="Console"]', has_text=kernel).first.click()
    expect(page.locator(".jp-CodeConsole")).to_contain_text("Python 3")


def run(page: Page, code: str, output: str) -> None:
    prompt = page.locator(".jp-CodeConsole-promptCell .cm-content")
    prompt.click()
    prompt.press_sequentially(code)
    prompt.press("Shift+Enter")
    expect(page.locator(".jp-CodeConsole-content .jp-OutputArea-output").last).to_contain_text(output)


def test_a_console_has_the_badge_the_panel_and_the_status_of_its_kernel(
    page: Page, storied_hub: RunningHub
) -> None:
    log_in(page, storied_hub.url, "analyst")
    open_console(page, "Minimal Python")
    badge = page.locator(".jp-Toolbar .jp-EnvGuard-badge").first
    expect(badge).to_have_attribute("data-mark", "approved")
    expect(badge).to_contain_text("minimal 2026.11")
    expect(page.locator(".jp-EnvGuard-statusItem .jp-EnvGuard-badge")).to_have_attribute(
        "data-mark", "approved"
    )
    page.get_by_role("tab", name="Approved environments").click()
    section = page.get_by_role("region", name="This console")
    expect(section.get_by_role("button", name="Minimal Python")).to_be_visible()
    page.locator(".jp-CodeConsole-promptCell .cm-content").click()
    page.keyboard.press("Control+Alt+e")
    expect(page.get_by_role("heading", name="Minimal Python 2026.11")).to_be_visible()


def test_the_console_of_an_editor_is_told_of_what_has_drifted(
    page: Page, storied_hub: RunningHub, analyst: HubClient
) -> None:
    put_text(analyst, "drifting.py", "print('hello')\n")
    log_in(page, storied_hub.url, "analyst", fresh_lab("drifting.py"), ".jp-FileEditor")
    confirm_console(page, console_for_editor(page))
    badge = page.locator(".jp-Toolbar .jp-EnvGuard-badge").first
    expect(badge).to_have_attribute("data-mark", "approved")
    source = "import os, sys; os.makedirs('more', exist_ok=True); open('more/tabnanny.py', 'w').close()"
    run(page, f"{source}; sys.path.insert(0, 'more'); import tabnanny; print(6 * 7)", "42")
    expect(badge).to_have_attribute("data-mark", "drifted")
    expect(page.locator(".Toastify__toast")).to_contain_text("has drifted from minimal 2026.11")


def test_a_console_is_told_of_outputs_of_another_release_and_of_a_revocation(
    page: Page, storied_hub: RunningHub, packs: Packs, trial: str
) -> None:
    log_in(page, storied_hub.url, "analyst")
    open_console(page, "Trial")
    badge = page.locator(".jp-Toolbar .jp-EnvGuard-badge").first
    expect(badge).to_contain_text(f"{trial} 1")
    run(page, "print(6 * 7)", "42")
    approve(storied_hub, packs.datasci, f"{trial}@2")
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Restart Kernel…").first.click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(badge).to_contain_text(f"{trial} 2")
    toast = page.locator(".Toastify__toast")
    expect(toast).to_contain_text(f"were made with {trial} 1, its kernel now runs {trial} 2")
    expect(toast.get_by_role("button", name="Compare")).to_be_visible()
    toast.get_by_role("button", name="Reopen with 1").click()
    expect(badge).to_contain_text(f"{trial} 1")
    expect(toast).to_have_count(0)
    envguard("revoke", f"{trial}@1", "--reason", "Only a test", "--site", storied_hub.site)
    expect(badge).to_have_attribute("data-mark", "revoked")
    expect(toast).to_contain_text("Change the kernel of Console 1")
    toast.get_by_role("button", name=f"Switch to {trial} 2").click()
    expect(badge).to_contain_text(f"{trial} 2")
    expect(badge).to_have_attribute("data-mark", "approved")
