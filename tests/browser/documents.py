"""Documents that browser tests open: put into a user's folder through the server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from playwright.sync_api import Locator, Page, Response, expect

from demo import hub
from demo.hubclient import HubClient

if TYPE_CHECKING:
    from tests.browser.conftest import RunningHub

AXE = Path(__file__).resolve().parents[2] / "labextension/node_modules/axe-core/axe.min.js"
"""What looks for things that people with a screen reader or a keyboard stumble over."""


def still(page: Page) -> None:
    """Wait until nothing moves on the page but what moves for ever, such as a picture needs."""
    page.evaluate(
        "Promise.all(document.getAnimations()"
        ".filter(moving => moving.effect.getComputedTiming().iterations !== Infinity)"
        ".map(moving => moving.finished.catch(() => null)))"
    )


def signed_in(running: RunningHub, user: str) -> HubClient:
    """Return `user` with a running server."""
    client = HubClient(running.url, user, hub.PASSWORD)
    client.log_in()
    client.start_server()
    return client


def clear(running: RunningHub, client: HubClient) -> None:
    """End every kernel of a user and remove every document: a picture shows only what its test has made."""
    for kind in ("sessions", "kernels"):
        for each in client.get(f"api/{kind}"):
            client.delete(f"api/{kind}/{each['id']}")
    for path in (running.home / client.user).iterdir():
        if path.is_dir() and not path.name.startswith("."):
            shutil.rmtree(path)
        elif not path.name.startswith("."):
            path.unlink()


def fresh_lab(path: str, query: str = "") -> str:
    """Return the address of a document in a JupyterLab in which nothing else is open."""
    return f"lab/workspaces/{uuid4().hex}/tree/{path}{query}"


def put_notebook(
    client: HubClient,
    path: str,
    kernel: str,
    *,
    language: str = "python",
    stamp: dict[str, str] | None = None,
    output: str = "",
    source: str = "print(6 * 7)",
) -> None:
    """Write a notebook with one cell for `kernel`, perhaps with an output and a stamp."""
    outputs = [{"output_type": "stream", "name": "stdout", "text": output}] if output else []
    cell = {
        "id": "c1",
        "cell_type": "code",
        "source": source,
        "metadata": {},
        "execution_count": 1 if output else None,
        "outputs": outputs,
    }
    known = client.get("api/kernelspecs")["kernelspecs"].get(kernel)
    display_name = known["spec"]["display_name"] if known else kernel
    metadata: dict[str, Any] = {
        "kernelspec": {"name": kernel, "display_name": display_name, "language": language},
        "language_info": {"name": language},
    }
    if stamp:
        metadata["envguard"] = stamp
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [cell]}
    client.put(f"api/contents/{path}", {"type": "notebook", "format": "json", "content": content})


def put_text(client: HubClient, path: str, text: str) -> None:
    """Write a text file."""
    client.put(f"api/contents/{path}", {"type": "file", "format": "text", "content": text})


def notebook_at(client: HubClient, path: str) -> dict[str, Any]:
    """Return a notebook as it is stored."""
    found: dict[str, Any] = client.get(f"api/contents/{path}")["content"]
    return found


def stamp_of(client: HubClient, name: str, release: str) -> dict[str, str]:
    """Return the stamp that a kernel of this release leaves."""
    listed = client.get("envguard/api/environments")["environments"]
    (found,) = [each for each in listed if (each["name"], each["release"]) == (name, release)]
    return {"name": name, "release": release, "digest": found["digests"]["manifest"]}


@contextmanager
def use_theme(client: HubClient, theme: str) -> Iterator[None]:
    """Let JupyterLab use `theme` for this user until the block ends."""
    settings = "lab/api/settings/@jupyterlab/apputils-extension:themes"
    client.put(settings, {"raw": json.dumps({"theme": theme})})
    try:
        yield
    finally:
        client.put(settings, {"raw": "{}"})


def axe_findings(page: Page, selector: str) -> list[str]:
    """Return what axe finds wrong below `selector`, colours included."""
    page.add_script_tag(path=AXE)
    found = page.evaluate("selector => axe.run(selector, {resultTypes: ['violations']})", selector)
    return [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]


def is_saved(answer: Response, *texts: str) -> bool:
    """Tell whether this is the answer to a layout that was saved with all these texts in it."""
    sent = (answer.request.post_data or "").replace(" ", "")
    return "/api/workspaces/" in answer.url and all(text in sent for text in texts)


def run_cell(page: Page) -> None:
    """Run the cell that `put_notebook` has written, which prints 42."""
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")).to_be_visible()
    page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
    page.keyboard.press("End")
    # As a person does; JupyterLab drops what is run in the moment its kernel gets ready.
    page.keyboard.type("  # again", delay=30)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("42")


def console_for_editor(page: Page) -> Locator:
    """Ask for a console with Minimal Python for the editor in sight; return the dialog to be confirmed."""
    page.locator(".jp-FileEditor .cm-content").click(button="right")
    page.get_by_role("menuitem", name="Create Console for Editor").click()
    dialog = dialog_of(page)
    dialog.get_by_role("combobox").select_option("Minimal Python")
    return dialog


def confirm_console(page: Page, dialog: Locator) -> None:
    """Take the kernel that `dialog` shows, and wait until its console has it."""
    dialog.get_by_role("button", name="Select Kernel").click()
    expect(page.locator(".jp-CodeConsole")).to_contain_text("Python 3")


def dialog_of(page: Page) -> Locator:
    """Return the dialog, once it shows what it knows."""
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("combobox")).to_be_visible()
    return dialog
