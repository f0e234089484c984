"""How fast the panel is in a real browser, and what it costs: one run, real hub, real Chromium.

    python -m benchmarks.panel [--rounds 5] [--packages 3000]

Measured in the page, from the event to the frame in which the rows are painted:
click on an environment to its packages, the first time (the code of the page and the
spec are fetched) and again (both are there), and a keystroke in the filter to the rows
that it leaves. JupyterLab's start is measured with the extension and with all of its
plugins switched off, in turns. Sizes are of the bundle as it is shipped.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from demo import hub
from demo.environments import build, default_cache
from tests.browser import large
from tests.browser.conftest import CHROMIUM_FLAGS, log_in
from tests.sites import SiteBuilder, short_folder

STATIC = Path(__file__).resolve().parent.parent / "labextension" / "dist" / "static"
PANEL = "#jp-envguard-environments"
CARD = f"{PANEL} .jp-EnvGuard-card[data-name='large']"
ROWS = ".jp-EnvGuard-page .jp-EnvGuard-gridBody [role=row]"
SWITCH = ".jupyter/labconfig/page_config.json"

UNTIL_PAINTED = """
async ([act, rows, text]) => {
  const painted = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const holds = () => {
    const found = [...document.querySelectorAll(rows)];
    return found.length > 0 && found.every(row => row.textContent.includes(text));
  };
  const start = performance.now();
  new Function(act)();
  while (!holds()) {
    await painted();
  }
  await painted();
  return performance.now() - start;
}
"""
CLICK = f'document.querySelector("{CARD}").click()'
TYPE = """
const field = document.querySelector('.jp-EnvGuard-page input[type=search]');
Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, TEXT);
field.dispatchEvent(new Event('input', {bubbles: true}));
"""


@contextmanager
def running_hub(packages: int) -> Iterator[tuple[str, Path]]:
    """Run a hub with one large and one small environment; yield its address and the user's home."""
    with short_folder() as folder:
        site = SiteBuilder(folder / "site", folder / "s")
        site.offer(site.image(build("minimal", default_cache())), "minimal", "1", display_name="Minimal")
        site.offer(site.image(large.write(folder, packages)), "large", "1", display_name="Large")
        (port,) = hub.free_ports(1)
        url = f"http://127.0.0.1:{port}"
        config = hub.write_config(folder / "hub", site.path, port)
        with hub.running(config, url, folder / "hub" / "hub.log"):
            yield url, folder / "hub" / "home" / "analyst"


def typed(text: str) -> str:
    """Return the script that types `text`."""
    return TYPE.replace("TEXT", json.dumps(text))


def spec_times(page: Page, url: str) -> dict[str, float]:
    """Return milliseconds to the packages, first and again, and to what a keystroke leaves."""
    log_in(page, url, "analyst")
    page.get_by_role("tab", name="Approved environments").click()
    page.wait_for_selector(CARD)
    first = page.evaluate(UNTIL_PAINTED, [CLICK, ROWS, ""])
    page.locator(".lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").first.click()
    page.wait_for_selector(".jp-EnvGuard-page", state="detached")
    again = page.evaluate(UNTIL_PAINTED, [CLICK, ROWS, ""])
    keys = [page.evaluate(UNTIL_PAINTED, [typed(text), ROWS, text]) for text in ("g", "gd", "gda", "gdal")]
    return {"first": first, "again": again, "key": statistics.median(keys)}


def start_time(browser: Browser, url: str) -> float:
    """Return milliseconds until JupyterLab shows its launcher, in a browser that has seen it before."""
    page = browser.new_page()
    log_in(page, url, "analyst")
    page.reload()
    page.wait_for_selector(".jp-Launcher-body")
    start = time.perf_counter()
    page.reload()
    page.wait_for_selector(".jp-Launcher-body", state="visible")
    page.close()
    return (time.perf_counter() - start) * 1000


@contextmanager
def switched_off(home: Path) -> Iterator[None]:
    """Run JupyterLab without the extension until the block ends."""
    switch = home / SWITCH
    switch.parent.mkdir(parents=True, exist_ok=True)
    switch.write_text(json.dumps({"disabledExtensions": {"jupyter-envguard": True}}))
    try:
        yield
    finally:
        switch.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--packages", type=int, default=large.COUNT)
    options = parser.parse_args()
    executable = shutil.which("chromium")
    with running_hub(options.packages) as (url, home), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        taken = [spec_times(browser.new_page(), url) for _ in range(options.rounds)]
        for name, aim in (("first", 200), ("again", 200), ("key", 50)):
            value = statistics.median(one[name] for one in taken)
            print(f"{LABELS[name]:<46} {value:7.0f} ms   aim {aim} ms")
        start_time(browser, url)
        pairs = []
        for _ in range(options.rounds):
            with switched_off(home):
                without = start_time(browser, url)
            pairs.append((without, start_time(browser, url)))
        before = statistics.median(without for without, _ in pairs)
        more = statistics.median(with_it - without for without, with_it in pairs)
        print(f"{'start of JupyterLab without the extension':<46} {before:7.0f} ms")
        print(f"{'more with it':<46} {more:7.0f} ms   aim 50 ms   ratio {1 + more / before:.2f}")
        browser.close()
    sizes = sorted((path.stat().st_size for path in STATIC.glob("*.js")), reverse=True)
    print(f"{'bundle, all chunks':<46} {sum(sizes) / 1024:7.0f} kB   largest {sizes[0] / 1024:.0f} kB")


LABELS = {
    "first": "click to the packages, for the first time",
    "again": "click to the packages, again",
    "key": "keystroke to the rows that it leaves",
}


if __name__ == "__main__":
    main()
