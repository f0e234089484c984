"""Who wants to hear of this server's kernels: a registry of callbacks, and nothing besides.

>>> notices, heard = Notices(), []
>>> forget = notices.subscribe(heard.append)
>>> notices.tell({"id": "k"})
>>> forget()
>>> notices.tell({"id": "k"})
>>> heard
[{'id': 'k'}]

What is told is a kernel as `GET kernels/{id}` shows it, after its state or its drift
changed. It is told in the thread in which the change was noticed, which is rarely the
event loop's: a callback hands on (`loop.call_soon_threadsafe`) and returns at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

Kernel = Mapping[str, Any]
"""A kernel in the shape of the REST API."""

log = logging.getLogger(__name__)


class Notices:
    """Tells everybody who subscribed; safe for several threads."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._subscribed: dict[object, Callable[[Kernel], None]] = {}

    def subscribe(self, callback: Callable[[Kernel], None]) -> Callable[[], None]:
        """Have `callback` called with every kernel that changes, until what is returned is called."""
        key = object()
        with self._turn:
            self._subscribed[key] = callback

        def forget() -> None:
            with self._turn:
                self._subscribed.pop(key, None)

        return forget

    def tell(self, kernel: Kernel) -> None:
        """Tell that `kernel` changed; one who fails to listen keeps nobody else from hearing."""
        with self._turn:
            callbacks = list(self._subscribed.values())
        for callback in callbacks:
            try:
                callback(kernel)
            except Exception:  # the border between whoever notices and whoever listens
                log.exception("A change of kernel %s was not heard.", kernel.get("id"))
