"""What a user reads who installs something: in a cell, in a terminal, and where the link leads."""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, WebSocket, expect

from jupyter_envguard.audit import Query, merged, spooled
from jupyter_envguard.catalog import Client
from jupyter_envguard.cli.hooks import FILES
from jupyter_envguard.doors import FOLDER
from jupyter_envguard.image.markers import MESSAGE
from jupyter_envguard.site import load
from jupyter_envguard.store import Store
from tests.browser.conftest import IMAGES, PATIENCE, RunningHub, log_in
from tests.browser.documents import clear, signed_in
from tests.browser.test_launcher import open_notebook

pytestmark = [pytest.mark.browser, pytest.mark.packs]

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "labextension/node_modules/axe-core/axe.min.js"
RELEASE = "datasci@2026.11"
CONDA = f"""\
#!/bin/sh
cd {ROOT} && exec {sys.executable} -m tests.conda_double "$@"
"""
"""A stand-in for conda with our plugin in it, on the path of the terminal."""


def run_cell(page: Page, code: str) -> Locator:
    """Type `code` into the first cell, run it and return the card that it shows.

    JupyterLab drops a cell that is run in the moment its kernel gets ready, so it is run until it was.
    """
    cell = page.locator(".jp-Notebook .jp-Cell").first
    cell.locator(".cm-content").click()
    page.keyboard.type(code, delay=30)
    prompt = cell.locator(".jp-InputPrompt")
    while prompt.inner_text().strip() == "[ ]:":
        cell.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        with suppress(AssertionError):
            expect(prompt).not_to_have_text("[ ]:", timeout=3000)
    card = page.locator(".jp-OutputArea-output .jp-EnvGuard-card")
    expect(card).to_be_visible()
    return card


def violations(page: Page, selector: str) -> list[str]:
    """Return what axe has to say against what `selector` selects."""
    if not page.evaluate("typeof window.axe !== 'undefined'"):
        page.add_script_tag(path=AXE)
    found = page.evaluate(
        "async selector => (await axe.run(selector)).violations.map(v => `${v.id}: ${v.nodes[0].html}`)",
        selector,
    )
    return [str(violation) for violation in found]


@pytest.mark.parametrize(
    ("line", "command", "picture"),
    [
        ("!conda install -y -c conda-forge polars", "conda install", "refused-conda.png"),
        ("%pip install polars", "pip install", "refused-pip.png"),
    ],
)
def test_a_cell_is_answered_with_a_card(
    page: Page, running_hub: RunningHub, line: str, command: str, picture: str
) -> None:
    clear(running_hub, signed_in(running_hub, "analyst"))
    log_in(page, running_hub.url, "analyst")
    open_notebook(page, "Data Science")
    card = run_cell(page, line)
    expect(card).to_contain_text(
        f"'{command}' is turned off for the approved environment '{RELEASE}'; nothing was changed."
    )
    outputs = page.locator(".jp-OutputArea-output")
    expect(outputs).to_have_count(1)
    assert "restart" not in outputs.inner_text()
    assert violations(page, ".jp-EnvGuard-card") == []
    page.screenshot(path=IMAGES / picture)


def test_names_what_is_there_already(page: Page, running_hub: RunningHub) -> None:
    log_in(page, running_hub.url, "analyst")
    open_notebook(page, "Minimal Python")
    expect(run_cell(page, "!pip install 'pandas>=2'")).to_contain_text(
        "of pandas is already in kernel datasci."
    )


def test_is_readable_in_the_dark(page: Page, running_hub: RunningHub) -> None:
    settings = running_hub.home / "student/.jupyter/lab/user-settings/@jupyterlab/apputils-extension"
    (settings / "themes.jupyterlab-settings").write_text('{"theme": "JupyterLab Dark"}')
    log_in(page, running_hub.url, "student")
    open_notebook(page, "Minimal Python")
    expect(page.locator("body[data-jp-theme-light='false']")).to_be_attached()
    expect(run_cell(page, "%%bash\npip install polars")).to_contain_text("Nothing of this cell was run.")
    assert violations(page, ".jp-EnvGuard-card") == []


def test_the_link_opens_the_form_filled_in(page: Page, running_hub: RunningHub) -> None:
    log_in(page, running_hub.url, "analyst")
    open_notebook(page, "Data Science")
    card = run_cell(page, "%conda install 'polars>=1'")
    with page.context.expect_page() as opened:
        card.get_by_role("link", name="Ask for a package").click()
    form = opened.value
    expect(form.get_by_label("Package", exact=True)).to_have_value("polars>=1")
    expect(form.get_by_label("Add it to")).to_have_value("datasci")


@pytest.fixture
def prepared(running_hub: RunningHub) -> Path:
    """A home whose `.ready` does what activating an approved environment does, front doors before it.

    Returns the environment's path.
    """
    site = load(running_hub.site)
    name, release = RELEASE.split("@")
    entry = Client(site.catalog, site.trust).current().require(name, release)
    image = Store(site.store_root).path_of(entry.pack)
    # Hidden, so that a picture of the terminal shows no files that are nobody's.
    home = running_hub.home / "analyst"
    (home / ".bin").mkdir(exist_ok=True)
    (home / ".bin/conda").write_text(CONDA)
    (home / ".bin/conda").chmod(0o755)
    (home / ".doors").mkdir(exist_ok=True)
    for file in FILES:
        if Path(file.place).parent.name == FOLDER.name:
            (home / ".doors" / Path(file.place).name).write_bytes(file.content())
            (home / ".doors" / Path(file.place).name).chmod(file.mode)
    (home / ".ready").write_text(
        f"export CONDA_PREFIX={image} ENVGUARD_RELEASE={RELEASE}\n"
        f"export PATH=$HOME/.doors:$HOME/.bin:{image}/bin:$PATH PS1='(datasci) $ '\nclear\n"
    )
    return image


def words_in(frames: list[str]) -> set[str]:
    """Return every word that a terminal was sent, without what only moves or paints."""
    told = [json.loads(frame) for frame in frames]
    return set(
        re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", " ", "".join(m[1] for m in told if m[0] == "stdout")).split()
    )


def enter(page: Page, socket: WebSocket, line: str, awaited: str) -> set[str]:
    """Type `line` into the terminal, wait until all words of `awaited` were answered; return every word."""
    heard: list[str] = []

    def is_answered(frame: str | bytes) -> bool:
        heard.append(str(frame))
        return set(awaited.split()) <= words_in(heard)

    with socket.expect_event("framereceived", is_answered, timeout=PATIENCE):
        page.keyboard.type(f"{line}\n", delay=20)
    return words_in(heard)


def denied(spool: Path) -> list[object]:
    """Return the command lines whose refusal the sessions have recorded."""
    records = merged(spooled(spool), Query(), [])
    return [record.event.detail.get("command") for record in records if record.event.type == "package.denied"]


def test_a_terminal_is_answered_in_a_line(page: Page, running_hub: RunningHub, prepared: Path) -> None:
    clear(running_hub, signed_in(running_hub, "analyst"))
    log_in(page, running_hub.url, "analyst")
    with page.expect_websocket(lambda socket: "/terminals/websocket/" in socket.url) as opened:
        page.locator(".jp-LauncherCard", has_text="Terminal").click()
    screen = page.locator(".jp-Terminal .xterm-screen")
    expect(screen).to_be_visible()
    screen.click()
    enter(page, opened.value, ". ~/.ready", "(datasci)")
    said = enter(page, opened.value, "conda install polars", "EnvguardDenied: (datasci)")
    assert set(f"'conda install' is turned off for the approved environment '{RELEASE}';".split()) <= said
    assert any("lab?envguard-request=polars&envguard-environment=datasci" in word for word in said)
    said = enter(page, opened.value, "pip install polars", "envguard: (datasci)")
    assert set(f"'pip install' is turned off for the approved environment '{RELEASE}';".split()) <= said
    page.screenshot(path=IMAGES / "refused-terminal.png")
    spool = load(running_hub.site).spool
    while "pip install polars" not in denied(spool):
        page.wait_for_timeout(100)
    # Nobody stands at the door of a Python, and pip itself still says why.
    said = enter(
        page, opened.value, "python -m pip install polars", "externally-managed-environment specification."
    )
    assert set(MESSAGE.split()) <= said
    assert not (prepared / "changed").exists()
