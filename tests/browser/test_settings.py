"""The settings of the panel in the language of the person."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import RunningHub, log_in
from tests.browser.documents import signed_in

pytestmark = [pytest.mark.browser, pytest.mark.packs]

LANGUAGE = "lab/api/settings/@jupyterlab/translation-extension:plugin"


def test_titles_and_descriptions_are_german(page: Page, storied_hub: RunningHub) -> None:
    analyst = signed_in(storied_hub, "analyst")
    analyst.put(LANGUAGE, {"raw": json.dumps({"locale": "de_DE"})})
    try:
        log_in(page, storied_hub.url, "analyst")
        page.keyboard.press("Control+,")
        editor = page.locator("#setting-editor, .jp-SettingsPanel").first
        expect(editor).to_be_visible()
        search = page.locator(".jp-PluginList input, .jp-SettingsEditor input[type=search]").first
        search.fill("Freigegebene Umgebungen")
        expect(page.locator(".jp-PluginList")).to_contain_text("Freigegebene Umgebungen")
        form = page.locator("body")
        expect(form).to_contain_text("Zeichen in der Werkzeugleiste")
        expect(form).to_contain_text("Melden, wenn die Umgebung eines laufenden Kernels widerrufen wird.")
        expect(page.get_by_text("Badge in the toolbar")).to_have_count(0)
        expect(page.get_by_text("Environment Badge")).to_have_count(0)
    finally:
        analyst.put(LANGUAGE, {"raw": "{}"})
