"""Tells the session's server what a hook saw; whoever cannot tell is silent and goes on.

A kernel inherits a socket of its own, whose number stands in the variable `LINE` until
`take_line` takes it. Every other process of the session, a conda in a terminal or one
that a cell has started, sends to the socket whose path stands in `ADDRESS`. Either way
one message is one JSON object in one packet, and nothing here ever waits: what the
server has no room for is lost.

What is told is testimony. A user can say anything through either socket, and nothing
is decided by what is said.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

LINE = "ENVGUARD_LINE"
"""Variable with the number of a kernel's own socket."""
ADDRESS = "ENVGUARD_REPORTS"
"""Variable with the path of the session's socket."""
MAX_BYTES = 8192
"""Size of one message; a longer one is not sent."""
TOLD = "ENVGUARD_TOLD"
"""Variable with what a kernel has told of the command that it runs: JSON, pairs of operation and command."""
MAX_TEXT = 256
"""Characters of one text in a message."""

_line: socket.socket | None = None


def take_line() -> bool:
    """Take the kernel's own socket, so that no program it starts inherits it; tell whether there is one."""
    global _line
    number = os.environ.pop(LINE, "")
    if not number.isdigit():
        return _line is not None
    import socket  # Only here and below: it is slow to import, and most have nothing to tell.

    try:
        line = socket.socket(fileno=int(number))
    except (OSError, OverflowError):
        return False
    if (line.family, line.type) != (socket.AF_UNIX, socket.SOCK_SEQPACKET):
        line.detach()
        return False
    line.set_inheritable(False)
    _line = line
    return True


def report(**message: Any) -> None:
    """Tell the server `message`, whose values are JSON."""
    if _line is None and not os.environ.get(ADDRESS):
        return
    import json

    try:
        content = json.dumps(message, separators=(",", ":")).encode()
        if len(content) <= MAX_BYTES:
            _send(content)
    except (OSError, ValueError, TypeError, RecursionError):
        return


def report_change(effect: str, operation: str, rule: str, place: str, command: str) -> None:
    """Tell the server what the rules said about one change: `deny` it, or `record` it.

    What is to be recorded and was told by the kernel that runs the command (`TOLD`) is not told again.
    """
    if effect == "record" and _line is None and _was_told(operation, command):
        return
    said = {"effect": effect, "operation": operation, "rule": rule, "place": place, "command": command}
    report(about="package", **{key: shortened(text) for key, text in said.items()})


def _was_told(operation: str, command: str) -> bool:
    """Tell whether a kernel has told of this; tools may have added words to its command."""
    import json

    try:
        found = [(name, set(line.split())) for name, line in json.loads(os.environ.get(TOLD, "[]"))]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return False
    return any(name == operation and words <= set(command.split()) for name, words in found)


def shortened(text: object) -> str:
    """Return `text` as it fits into a message, with `…` where its end is missing."""
    whole = str(text)
    return whole if len(whole) <= MAX_TEXT else whole[: MAX_TEXT - 1] + "…"


def _send(content: bytes) -> None:
    import socket

    how = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
    if _line is not None:
        _line.send(content, how)
    else:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as anybody:
            anybody.sendto(content, how, os.environ[ADDRESS])
