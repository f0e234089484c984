"""What JupyterLab's own test helpers do, step by step: other extensions are tested with them.

Galata stands between page and server for Jupyter's lists of kernels and sessions, finds the kernel in a
native list by its value, and wants the new notebook in the tab that is in front.
"""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import RunningHub, log_in

pytestmark = [pytest.mark.browser, pytest.mark.packs]

LISTS = re.compile(r".*/api/(kernels(?!pecs)|sessions|terminals)(/[@:\-\w]+)?")


def test_a_new_notebook_is_made_and_run_as_galata_does(page: Page, storied_hub: RunningHub) -> None:
    odd: list[str] = []

    def between(route: Route) -> None:
        request = route.request
        if request.method != "GET" or re.search(r"/api/(kernels|sessions|terminals)/", request.url):
            route.continue_()
            return
        response = route.fetch()
        if not isinstance(response.json(), list):
            odd.append(request.url)
        route.fulfill(response=response)

    page.route(LISTS, between)
    make_notebook(page, storied_hub, '{"name":"minimal"}')
    tab = page.locator("#jp-main-dock-panel .lm-TabBar-tab.jp-mod-current .lm-TabBar-tabLabel")
    expect(tab).to_contain_text(".ipynb")
    expect(page.locator(".jp-NotebookPanel .jp-EnvGuard-badge")).to_have_attribute("data-mark", "approved")
    cell = page.locator(".jp-Notebook .jp-Cell .cm-content").first
    cell.click()
    cell.press_sequentially("print(6 * 7)")
    cell.press("Shift+Enter")
    expect(page.locator(".jp-Notebook .jp-OutputArea-output").first).to_have_text("42")
    assert odd == []


def test_a_notebook_that_wants_no_kernel_is_not_checked_forever(page: Page, storied_hub: RunningHub) -> None:
    make_notebook(page, storied_hub, "null")
    expect(page.locator(".jp-NotebookPanel .jp-KernelName")).to_have_text("No Kernel")
    expect(page.locator(".jp-NotebookPanel .jp-EnvGuard-badge")).to_have_count(0)
    page.locator(".jp-NotebookPanel .jp-KernelName").click()
    page.get_by_role("dialog").get_by_role("combobox").select_option('{"name":"minimal"}')
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(page.locator(".jp-NotebookPanel .jp-EnvGuard-badge")).to_have_attribute("data-mark", "approved")


def make_notebook(page: Page, hub: RunningHub, kernel: str) -> None:
    """Make a notebook from the menu, with the kernel of this value in the list of the dialog."""
    log_in(page, hub.url, "analyst", f"lab/workspaces/{uuid4().hex}")
    page.get_by_role("tab", name="Approved environments").click()
    expect(page.locator("#jp-envguard-environments")).to_be_visible()
    page.locator("#jp-MainMenu .lm-MenuBar-item", has_text="File").click()
    page.locator(".lm-Menu-item", has=page.get_by_text("New", exact=True)).first.hover()
    page.locator(".lm-Menu-item", has=page.get_by_text("Notebook", exact=True)).first.click()
    page.get_by_role("dialog").get_by_role("combobox").select_option(kernel)
    page.locator(".jp-Dialog .jp-mod-accept").click()
