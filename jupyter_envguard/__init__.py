"""Approved, sealed conda environments as the only kernels of a JupyterHub.

The three functions are the names that Jupyter looks up; they import only when
Jupyter calls them, so that `import jupyter_envguard` stays free of cost.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` would cost more than all else, before every session
if TYPE_CHECKING:
    from typing import Any

    from jupyter_server.serverapp import ServerApp

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Name the server extension for `jupyter server extension`."""
    from jupyter_envguard.server.app import EnvGuardApp

    return [{"module": "jupyter_envguard", "app": EnvGuardApp}]


def _load_jupyter_server_extension(server_app: ServerApp) -> None:
    """Load the server extension when Jupyter looks for the function by its older way."""
    from jupyter_envguard.server.app import EnvGuardApp

    EnvGuardApp.load_classic_server_extension(server_app)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Name the built JupyterLab bundle for `jupyter labextension develop`."""
    return [{"src": "../labextension/dist", "dest": "jupyter-envguard"}]
