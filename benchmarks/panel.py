"""The panel in a real JupyterLab and a real Chromium: how soon people see what they ask for.

    python -m benchmarks.panel [--rounds 15]

Two real servers run side by side: JupyterLab alone with a stock kernel, and JupyterLab
with a signed site in which one environment has 3,000 packages. The clock is the page's
own: a click and a keystroke begin with the time stamp that the browser gave them, and
end when the frame that shows the rows has been painted. Starts alternate between the
two servers, so that what else the machine does hits both alike; what a browser keeps
of a page that was open before is kept for both. Beside the clock stands what the main
thread of the page has worked, which a busy machine does not change as much.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import secrets
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

from benchmarks.first_cell import stock
from benchmarks.servers import connected, free_port
from benchmarks.table import Table
from demo.environments import build, default_cache
from tests.browser import large
from tests.browser.chromium import launch
from tests.sites import SiteBuilder, short_folder

EXTENSION = "jupyter-envguard"
FILES = f"/lab/extensions/{EXTENSION}/"
"""Below which a server has the files of the panel."""
SHARE = Path(sys.prefix) / "share/jupyter/labextensions" / EXTENSION
PATIENCE_MS = 120_000
CLICK_MS, KEY_MS, START_MS = 200.0, 50.0, 50.0
"""What is aimed at: from click to rows, from keystroke to rows, and what a start may take longer."""
SMALL = 20
"""How many times less the panel loads at start than JupyterLab itself."""
LETTERS = "kwjf"
"""Each is in the names of some packages of the large environment, and in nothing that all of them have."""

CLOCK = """
(() => {
  const bench = (window.bench = { marks: {}, began: 0 });
  let app;
  Object.defineProperty(window, 'jupyterapp', {
    configurable: true,
    get: () => app,
    set: made => {
      app = made;
      void made.restored.then(() => (bench.marks.restored = performance.now()));
    }
  });
  const painted = () => new Promise(done => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => done(performance.now());
    port2.postMessage(null);
  }));
  bench.until = isShown => new Promise((done, fail) => {
    setTimeout(fail, 60000, 'Nothing was shown within a minute.');
    const look = () => {
      if (isShown()) {
        observer.disconnect();
        void painted().then(done);
      }
    };
    const observer = new MutationObserver(look);
    observer.observe(document, { subtree: true, childList: true, attributes: true });
    look();
  });
  const card = () => document.querySelector('.jp-LauncherCard');
  void bench.until(card).then(now => (bench.marks.card = now));
  const rows = () => document.querySelectorAll('.jp-EnvGuard-page .jp-EnvGuard-gridBody > [role=row]');
  const count = () => document.querySelector('.jp-EnvGuard-page [role=grid]')?.ariaRowCount;
  bench.forRows = () => void (bench.rows = bench.until(() => rows().length > 10));
  bench.forOthers = () => {
    const before = count();
    bench.rows = bench.until(() => count() !== before && rows().length > 10);
  };
  for (const kind of ['click', 'keydown']) {
    addEventListener(kind, event => (bench.began = event.timeStamp), true);
  }
})();
"""
"""Runs in each page before anything of its own does."""


@contextmanager
def lab(folder: Path, *options: str, **variables: str) -> Iterator[str]:
    """Run JupyterLab with a home of its own, without news from the network; yield its address."""
    port, token = free_port(), secrets.token_hex(16)
    for name in ("CONFIG", "DATA", "RUNTIME"):
        variables[f"JUPYTER_{name}_DIR"] = str(folder / name.lower())
    settings = folder / "config/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    command = [sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", f"--IdentityProvider.token={token}"]
    command += ["--LabApp.expose_app_in_browser=True", *options]
    log = (folder / "lab.log").open("wb")
    with log, subprocess.Popen(command, env=environment, stderr=log, stdout=log, cwd=folder) as process:
        try:
            connected(port, process).close()
            yield f"http://127.0.0.1:{port}/lab/workspaces/{{}}?token={token}"
        finally:
            process.terminate()


@contextmanager
def without(folder: Path, pack: Path) -> Iterator[str]:
    """Run JupyterLab as it is where nobody has installed the extension, with a stock kernel."""
    site = SiteBuilder(folder / "site", folder / "s")
    stock(folder / "stock", site.image(pack))
    config = folder / "home/config/labconfig"
    config.mkdir(parents=True)
    (config / "page_config.json").write_text(json.dumps({"disabledExtensions": {EXTENSION: True}}))
    off = "--ServerApp.jpserver_extensions={'jupyter_envguard': False}"
    own = "--KernelSpecManager.ensure_native_kernel=False"
    with lab(folder / "home", off, own, JUPYTER_PATH=str(folder / "stock")) as address:
        yield address


@contextmanager
def guarded(folder: Path, pack: Path) -> Iterator[str]:
    """Run JupyterLab with a site that offers a usual environment and a large one."""
    site = SiteBuilder(folder / "site", folder / "s")
    site.offer(site.image(pack), "minimal", "2026.11", display_name="Minimal Python")
    site.offer(site.image(large.write(folder)), "large", "2026.11", display_name="Three Thousand")
    on = "--ServerApp.jpserver_extensions={'jupyter_envguard': True}"
    (folder / "home").mkdir()
    with lab(folder / "home", on, f"--EnvGuardApp.site={site.path}") as address:
        yield address


def new_context(browser: Browser) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(CLOCK)
    return context


@contextmanager
def started(context: BrowserContext, address: str) -> Iterator[tuple[Page, CDPSession]]:
    """Open JupyterLab with an empty layout, and wait until it is there; the session counts its work."""
    page = context.new_page()
    counting = context.new_cdp_session(page)
    counting.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(address.format(uuid4().hex))
    page.wait_for_function("bench.marks.restored && bench.marks.card")
    yield page, counting
    page.close()


def marks_of(page: Page, counting: CDPSession) -> dict[str, float]:
    """Return milliseconds from navigation to each mark, and what the main thread has worked."""
    found = counting.send("Performance.getMetrics")["metrics"]
    work = next(each["value"] for each in found if each["name"] == "TaskDuration")
    marks: dict[str, float] = page.evaluate("bench.marks")
    return marks | {"work": work * 1000}


def starts(
    contexts: dict[str, BrowserContext], addresses: dict[str, str], rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Start both in turns; return what `marks_of` returns, by who it was."""
    took: dict[str, dict[str, list[float]]] = {
        who: {"restored": [], "card": [], "work": []} for who in addresses
    }
    for number in range(rounds + 2):
        for who, address in addresses.items():
            with started(contexts[who], address) as (page, counting):
                marks = marks_of(page, counting)
            if number >= 2:  # Chromium keeps compiled code once it has seen a script twice.
                for mark, times in took[who].items():
                    times.append(marks[mark])
    return took


def open_large(page: Page) -> float:
    """Click on the large environment; return the milliseconds until its packages are shown."""
    page.evaluate("bench.forRows()")
    page.locator(".jp-EnvGuard-card[data-name='large']").click()
    return float(page.evaluate("bench.rows.then(now => now - bench.began)"))


def press(page: Page, key: str) -> float:
    """Press a key in the field that filters; return the milliseconds until other rows are shown."""
    page.evaluate("bench.forOthers()")
    page.keyboard.press(key)
    return float(page.evaluate("bench.rows.then(now => now - bench.began)"))


def look_into(context: BrowserContext, address: str, rounds: int) -> dict[str, list[float]]:
    """Open the packages of the large environment and filter them, in a new page each time."""
    took: dict[str, list[float]] = {"first": [], "again": [], "key": []}
    for _ in range(rounds):
        with started(context, address) as (page, _):
            page.locator(".lm-TabBar-tab[data-id='jp-envguard-environments']").click()
            page.locator(".jp-EnvGuard-card[data-name='large']").wait_for()
            took["first"].append(open_large(page))
            page.locator(".jp-EnvGuard-page input[type=search]").click()
            for letter in LETTERS:
                took["key"] += [press(page, letter), press(page, "Backspace")]
            page.locator(".lm-TabBar-tab.jp-mod-current .lm-TabBar-tabCloseIcon").first.click()
            page.locator(".jp-EnvGuard-page").wait_for(state="detached")
            took["again"].append(open_large(page))
    return took


def loaded(context: BrowserContext, address: str) -> tuple[set[str], float]:
    """Return which files of the panel a start loads, and how many bytes of JavaScript all others are."""
    with started(context, address) as (page, _):
        found = page.evaluate(
            "performance.getEntriesByType('resource').map(each => [each.name, each.decodedBodySize])"
        )
    sizes = {urlsplit(url).path: size for url, size in found if urlsplit(url).path.endswith(".js")}
    mine = {path.partition(FILES)[2] for path in sizes if FILES in path}
    return mine, sum(size for path, size in sizes.items() if FILES not in path)


def weigh(names: set[str]) -> tuple[int, int]:
    """Return the bytes of these files of the panel, as they are and compressed."""
    contents = [(SHARE / name).read_bytes() for name in names]
    return sum(map(len, contents)), sum(len(gzip.compress(content)) for content in contents)


def report_bundle(table: Table, mine: set[str], theirs: float) -> None:
    """Add what is loaded at start, and say what is loaded when it is needed."""
    every = {path.relative_to(SHARE).as_posix() for path in SHARE.glob("static/*.js")}
    raw, _ = weigh(mine)
    name = "JupyterLab's own"
    table.add("scripts at start", peer=theirs / 1e3, ours=raw / 1e3, aim=SMALL, peer_name=name, unit="kB")
    for what, names in (("at start", mine), ("when it is needed", every - mine)):
        raw, packed = weigh(names)
        table.remarks.append(
            f"The panel loads {what}: {len(names)} files, {raw / 1e3:.0f} kB, "
            f"{packed / 1e3:.0f} kB compressed."
        )


def report_starts(table: Table, took: dict[str, dict[str, list[float]]]) -> None:
    for mark, what in (
        ("restored", "start until restored"),
        ("card", "start until the launcher is shown"),
        ("work", "work of the page until then"),
    ):
        for kind, summary in (("median", statistics.median), ("least", min)):
            theirs, ours = (summary(took[who][mark]) for who in ("without", "with"))
            aim = theirs / (theirs + START_MS)
            name = "JupyterLab alone"
            table.add(f"{what}, {kind}", peer=theirs, ours=ours, aim=aim, peer_name=name, unit="ms")
            table.remarks.append(
                f"{what.capitalize()}, {kind}: {ours - theirs:+.0f} ms; the aim is at most {START_MS:.0f}."
            )


def report_looks(table: Table, took: dict[str, list[float]]) -> None:
    for key, what, aim in (
        ("first", "click to rows, first time in a page", CLICK_MS),
        ("again", "click to rows, again", CLICK_MS),
        ("key", "keystroke to filtered rows", KEY_MS),
    ):
        middle = statistics.median(took[key])
        table.add_bound(what, ours=middle, most=aim)
        table.remarks.append(
            f"{what.capitalize()}: {min(took[key]):.0f} to {max(took[key]):.0f} ms, {len(took[key])} times."
        )


def measure(folder: Path, rounds: int) -> None:
    pack = build("minimal", default_cache())
    table = Table("panel", f"An environment of {large.COUNT:,} packages; median of {rounds} rounds")
    with ExitStack() as stack:
        browser = stack.enter_context(launch(stack.enter_context(sync_playwright())))
        addresses = {}
        for who, server in (("without", without), ("with", guarded)):
            (folder / who).mkdir()
            addresses[who] = stack.enter_context(server(folder / who, pack))
        contexts = {who: new_context(browser) for who in addresses}
        took = starts(contexts, addresses, rounds)
        report_looks(table, look_into(contexts["with"], addresses["with"], rounds))
        report_starts(table, took)
        report_bundle(table, *loaded(contexts["with"], addresses["with"]))
    table.show()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with short_folder() as folder:
        measure(folder, options.rounds)


if __name__ == "__main__":
    main()
