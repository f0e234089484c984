"""A real JupyterHub with a real site, and a real Chromium looking at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from demo import hub, site
from demo.__main__ import offerings
from demo.environments import Packs, default_cache
from demo.hubclient import HubClient
from tests.browser import wide
from tests.browser.chromium import launch
from tests.browser.documents import signed_in
from tests.sites import SiteBuilder, short_folder

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
PATIENCE = 60_000.0
"""Milliseconds to wait for anything; the machines that run tests are shared and slow at times."""
expect.set_options(timeout=PATIENCE)
EXPIRES = "2099-01-31T00:00:00Z"
"""When the older release of the storied hub stops being usable."""


@dataclass(frozen=True)
class RunningHub:
    url: str
    site: Path
    home: Path
    log: Path


@pytest.fixture(scope="session")
def running_hub(packs: Packs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """Start the demo's hub on a free port with the demo's own site."""
    folder = tmp_path_factory.mktemp("hub")
    made = site.make(folder / "site", offerings(packs.minimal, packs.datasci_next), lambda _: None)
    (port,) = hub.free_ports(1)
    url = f"http://127.0.0.1:{port}"
    config = hub.write_config(folder / "hub", made, port)
    log = folder / "hub" / "hub.log"
    with hub.running(config, url, log):
        yield RunningHub(url, made, folder / "hub" / "home", log)


def history(packs: Packs) -> list[site.Offering]:
    """Return what the demo offers, and the release of Data Science before the current one."""
    minimal, current = offerings(packs.minimal, packs.datasci_next)
    return [minimal, replace(current, release="2026.05", pack=packs.datasci), current]


@pytest.fixture(scope="session")
def storied_hub(packs: Packs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """Start a hub whose site has a release that is on its way out, and its successor."""
    folder = tmp_path_factory.mktemp("storied")
    made = site.make(folder / "site", history(packs), lambda _: None)
    site.envguard(
        "deprecate",
        "datasci@2026.05",
        "--reason",
        "There is a newer one",
        "--expires",
        EXPIRES,
        "--successor",
        "datasci@2026.11",
        "--site",
        made,
    )
    (port,) = hub.free_ports(1)
    url = f"http://127.0.0.1:{port}"
    config = hub.write_config(folder / "hub", made, port)
    log = folder / "hub" / "hub.log"
    with hub.running(config, url, log):
        yield RunningHub(url, made, folder / "hub" / "home", log)


@pytest.fixture(scope="session")
def wide_hub(packs: Packs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """Start a hub whose site has old and new, large and small, withdrawn and mixed environments."""
    folder = tmp_path_factory.mktemp("wide")
    with short_folder() as store:
        made = SiteBuilder(folder / "site", store / "s")
        wide.fill(made, packs, folder)
        (port,) = hub.free_ports(1)
        url = f"http://127.0.0.1:{port}"
        config = hub.write_config(folder / "hub", made.path, port)
        log = folder / "hub" / "hub.log"
        with hub.running(config, url, log):
            yield RunningHub(url, made.path, folder / "hub" / "home", log)


@pytest.fixture
def analyst(storied_hub: RunningHub) -> HubClient:
    """Sign the analyst in at the storied hub."""
    return signed_in(storied_hub, "analyst")


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Start a browser for one test, so that no test finds another's pages."""
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Open a page; what it showed when a test failed is kept in `.cache/failures`."""
    page = context.new_page()
    failed_before = request.session.testsfailed
    yield page
    if request.session.testsfailed > failed_before:
        page.screenshot(path=default_cache() / "failures" / f"{request.node.name}.png")


def log_in(page: Page, url: str, user: str, path: str = "", awaited: str = ".jp-Launcher-body") -> None:
    """Log in through the form, to a JupyterLab with an empty layout unless `path` says otherwise."""
    path = path or f"lab/workspaces/{uuid4().hex}"
    page.goto(f"{url}/hub/login?next=/hub/user-redirect/{path}")
    page.fill("#username_input", user)
    page.fill("#password_input", hub.PASSWORD)
    page.click("#login_submit")
    page.wait_for_selector(awaited, state="visible")
