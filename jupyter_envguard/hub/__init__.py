"""Plugs into JupyterHub: `from jupyter_envguard.hub import configure`."""

from __future__ import annotations

from jupyter_envguard.hub.configure import configure

__all__ = ["configure"]
