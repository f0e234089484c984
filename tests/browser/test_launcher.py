"""What a notebook user sees and may start, in a real browser at a real hub."""

from __future__ import annotations

import contextlib
import json

import pytest
from playwright.sync_api import Page, expect

from demo import hub
from demo.hubclient import HubClient, Refused
from tests.browser.conftest import IMAGES, RunningHub, log_in
from tests.browser.documents import clear

pytestmark = [pytest.mark.browser, pytest.mark.packs]


def cards(page: Page) -> list[str]:
    """Return the labels of the launcher's notebook cards."""
    return page.locator('.jp-LauncherCard[data-category="Notebook"]').all_inner_texts()


def test_the_launcher_shows_exactly_the_approved_kernels_with_their_logos(
    page: Page, running_hub: RunningHub, analyst: HubClient
) -> None:
    clear(running_hub, analyst)
    log_in(page, running_hub.url, "analyst")
    assert sorted(text.strip() for text in cards(page)) == ["Data Science", "Minimal Python"]
    logos = page.locator('.jp-LauncherCard[data-category="Notebook"] img')
    expect(logos).to_have_count(2)
    widths = logos.evaluate_all("images => images.map(image => image.naturalWidth)")
    assert all(width > 0 for width in widths)
    page.screenshot(path=IMAGES / "launcher.png")


def test_another_group_sees_its_own_kernels_only(page: Page, running_hub: RunningHub) -> None:
    log_in(page, running_hub.url, "student")
    assert [text.strip() for text in cards(page)] == ["Minimal Python"]


def open_notebook(page: Page, kernel: str) -> None:
    """Open a new notebook from the launcher and wait until its kernel is idle."""
    page.locator('.jp-LauncherCard[data-category="Notebook"]', has_text=kernel).click()
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")).to_be_visible()


def test_a_cell_runs_in_the_approved_environment(
    page: Page, running_hub: RunningHub, analyst: HubClient
) -> None:
    clear(running_hub, analyst)
    log_in(page, running_hub.url, "analyst")
    open_notebook(page, "Data Science")
    page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
    # As fast as a person types: JupyterLab drops a cell that is run in the moment its kernel gets ready.
    code = "import numpy, sys; print('numpy', numpy.__version__, sys.flags.isolated)"
    page.keyboard.type(code, delay=30)
    prompt = page.locator(".jp-Notebook .jp-InputPrompt").first
    page.keyboard.press("Shift+Enter")
    with contextlib.suppress(AssertionError):
        expect(prompt).not_to_have_text("[ ]:", timeout=10_000)
    if prompt.inner_text() == "[ ]:":  # it was dropped all the same
        page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
        page.keyboard.press("Shift+Enter")
    output = page.locator(".jp-OutputArea-output").first
    expect(output).to_contain_text("numpy 2.")
    expect(output).to_contain_text(" 1")
    page.screenshot(path=IMAGES / "notebook.png")


@pytest.fixture(scope="module")
def analyst(running_hub: RunningHub) -> HubClient:
    client = HubClient(running_hub.url, "analyst", hub.PASSWORD)
    client.log_in()
    client.start_server()
    return client


@pytest.mark.parametrize("name", ["python3", "PYTHON3", "planted", "../minimal", "ir"])
@pytest.mark.parametrize("path", ["api/kernels", "api/sessions"])
def test_a_kernel_that_is_not_approved_is_refused_in_words(
    analyst: HubClient, running_hub: RunningHub, name: str, path: str
) -> None:
    for folder in (".local/share/jupyter/kernels/planted", ".ipython/kernels/planted"):
        planted = running_hub.home / "analyst" / folder
        planted.mkdir(parents=True, exist_ok=True)
        spec = {"argv": ["/bin/sleep", "60"], "display_name": "Planted", "language": "python"}
        (planted / "kernel.json").write_text(json.dumps(spec))
    session = {"name": "n", "path": "n.ipynb", "type": "notebook", "kernel": {"name": name}}
    before = {kernel["id"] for kernel in analyst.get("api/kernels")}
    with pytest.raises(Refused) as caught:
        analyst.post(path, {"name": name} if path == "api/kernels" else session)
    answer = caught.value.json()
    assert caught.value.status == 403
    assert answer["code"] == "kernel-not-approved"
    assert answer["message"]
    assert answer["hint"]
    assert {kernel["id"] for kernel in analyst.get("api/kernels")} == before
