"""Kernels that a kernel manager starts, and what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from tests.sites import SiteBuilder

Make = Callable[[SiteBuilder, str], AsyncKernelManager]


def text_of(content: dict[str, Any]) -> str:
    return content.get("text") or content.get("ename") or content.get("data", {}).get("text/plain", "")


async def run(manager: AsyncKernelManager, code: str, heard: asyncio.Event | None = None) -> str:
    """Run `code` and return what it said; set `heard` when it says the first thing."""

    def hear(message: dict[str, Any]) -> None:
        said.append(text_of(message["content"]))
        if heard is not None and message["msg_type"] == "stream":
            heard.set()

    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=60)
        said: list[str] = []
        await client.execute_interactive(
            code,
            timeout=60,
            allow_stdin=False,
            output_hook=hear,
        )
        return "".join(said).strip()
    finally:
        client.stop_channels()
