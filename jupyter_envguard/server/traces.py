"""Keeps the Hub's token out of files that a server leaves in the home.

Jupyter writes what it knows about a running server to `jpserver-<pid>.json`, so that
`jupyter server list` finds it, and a page that opens it. Under a hub the token in
there is the server's own at the Hub; kernels and terminals, which cannot read it from
the server, would read it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HUB_TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - the name of a variable
"""Variable that a server has which was started by a hub."""


def leave_no_token(app: Any, environ: Mapping[str, str]) -> None:
    """Let the server `app` leave no token in files if it has one of the Hub; called before it writes them."""
    if not environ.get(HUB_TOKEN):
        return
    told = app.server_info

    def without_token() -> dict[str, Any]:
        return {**told(), "token": ""}

    app.server_info = without_token
    app.no_browser_open_file = True
