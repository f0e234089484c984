"""Debian's Chromium, started so that it asks nobody but the pages it is told to open."""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def launch(playwright: Playwright) -> Browser:
    """Start the browser; raise FileNotFoundError when it is not installed."""
    executable = shutil.which("chromium")
    if not executable:
        raise FileNotFoundError("Chromium is missing: apt-get install chromium")
    return playwright.chromium.launch(executable_path=executable, args=FLAGS)
