"""`make demo` and `make demo-check`: a real JupyterHub with approved environments on this machine.

Builds two real packed conda environments (once; they are cached), makes a site,
imports and approves them, and starts a hub on the loopback address.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from demo import hub, site
from demo.check import check
from demo.environments import build, default_cache
from demo.hubclient import Refused
from demo.site import CommandFailed, Offering

PORT = 8000
ROOT = Path(__file__).resolve().parent.parent

READY = """
  JupyterHub with EnvGuard is ready:   {url}

    user      password   group          kernels
    analyst   {password}   data-science   Data Science, Minimal Python
    student   {password}   students       Minimal Python

  Try:
    * log in as analyst: the launcher shows the approved environments and nothing else
    * run `import numpy; numpy.__version__` in Data Science
    * open the panel with the sealed box on the left: every package, pinned
    * log in as student (another browser or a private window): one kernel
    * in a second terminal, withdraw an environment and watch it go from the launcher:
        .venv/bin/jupyter envguard revoke minimal@2026.11 --reason "Trying it out" --site {site}
        .venv/bin/jupyter envguard log --site {site}

  Ctrl+C stops it. Log of the hub: {log}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo, or with `--check` walk through it; return the exit code."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        return _run(options.folder, options.port, options.check)
    except KeyboardInterrupt:
        _say("\nStopped.")
        return 0
    except (CommandFailed, FileNotFoundError, PermissionError, RuntimeError, TimeoutError, Refused) as error:
        _say(f"\nThe demo cannot go on: {error}")
        return 1


def _run(folder: Path, port: int, only_check: bool) -> int:
    started = time.monotonic()
    port = hub.free_ports(1)[0] if only_check else port
    hub.check_port(port)
    cache = default_cache()
    _say("1/3  Packing two real conda environments (the first time takes some minutes)")
    minimal, datasci = (
        build(name, cache, progress=lambda text: _say(f"     {text}")) for name in ("minimal", "datasci_next")
    )
    _say("2/3  Making the site: import, check, seal, approve")
    made = site.make(folder / "site", offerings(minimal, datasci), lambda text: _say(f"     {text}"))
    _say("3/3  Starting JupyterHub")
    url = f"http://127.0.0.1:{port}"
    config = hub.write_config(folder / "hub", made, port)
    log = folder / "hub" / "hub.log"
    with hub.running(config, url, log) as process:
        if only_check:
            held = check(url, hub.PASSWORD, folder / "hub" / "home", _say)
            outcome = "All steps held" if held else "Some steps FAILED"
            _say(f"{outcome} after {time.monotonic() - started:.0f} s.")
            return 0 if held else 1
        _say(READY.format(url=url, password=hub.PASSWORD, site=made, log=log))
        return process.wait()


def offerings(minimal: Path, datasci: Path) -> list[Offering]:
    """Return what the demo approves, and for whom."""
    for_everybody = Offering(
        name="minimal",
        release="2026.11",
        pack=minimal,
        display_name="Minimal Python",
        description="Python and a kernel, nothing else.",
        groups=("data-science", "students"),
    )
    for_analysts = Offering(
        name="datasci",
        release="2026.11",
        pack=datasci,
        display_name="Data Science",
        description="NumPy, pandas and Matplotlib for everyday analysis.",
        groups=("data-science",),
    )
    return [for_everybody, for_analysts]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--check", action="store_true", help="walk through it without a person and exit")
    parser.add_argument("--port", type=int, default=PORT, help=f"where the hub listens (default {PORT})")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="where the site and the hub live")
    return parser


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
