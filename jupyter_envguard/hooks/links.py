"""Where a person asks for a package: the address in every refusal.

>>> filled("https://hub.example.org/hub/user-redirect/lab?envguard-request={subject}", "xgboost>=2")
'https://hub.example.org/hub/user-redirect/lab?envguard-request=xgboost%3E%3D2'

A site that names no address has the form of its users' own JupyterLab: the hub tells every
session where that is.
"""

from __future__ import annotations

import os

SUBJECT = "{subject}"
"""Stands in an address for what is asked for, `xgboost>=2`; empty when that is not known."""
ENVIRONMENT = "{environment}"
"""Stands in an address for the name of the environment in which it was missed."""
TOLD = "ENVGUARD_REQUEST_URL"
"""Names the variable in which a kernel is told the address, to be `filled`."""
PUBLIC = "JUPYTERHUB_PUBLIC_URL"
"""Names the variable in which JupyterHub says at which address browsers find this user's server."""
PREFIX = "JUPYTERHUB_SERVICE_PREFIX"
"""Names the variable in which it says the same without the host, which it may not know."""

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def filled(address: str, subject: str = "", environment: str = "") -> str:
    """Return `address` with what it asks to be told."""
    return address.replace(SUBJECT, quoted(subject)).replace(ENVIRONMENT, quoted(environment))


def own_form() -> str:
    """Return the address of the form in this session's own JupyterLab, to be `filled`; empty elsewhere."""
    if os.environ.get(TOLD):
        return os.environ[TOLD]
    base = os.environ.get(PUBLIC, "") or os.environ.get(PREFIX, "")
    query = f"envguard-request={SUBJECT}&envguard-environment={ENVIRONMENT}"
    return f"{base.rstrip('/')}/lab?{query}" if base else ""


def quoted(text: str) -> str:
    """Return `text` as part of an address; `urllib.parse` does the same, and takes longer to import."""
    return "".join(
        chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in text.encode("utf-8", "replace")
    )
