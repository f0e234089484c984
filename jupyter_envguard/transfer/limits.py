"""What a share may ask of those who read it; every number has a name, a unit and its place here."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Beyond these a share is not read."""

    release_bytes: int = 64 * MIB
    """Bytes of a release's file, compressed."""
    release_content_bytes: int = 512 * MIB
    """Bytes that it decodes to; the manifest of 500,000 paths has 80 MiB."""
    window_bytes: int = 8 * MIB
    """Memory that a decoder may ask for."""
    pause_seconds: float = 20.0
    """Longest silence of a server."""
    slowest_bytes: int = 32 * KIB
    """Bytes a second below which a server is too slow, over a whole answer."""
    patience_seconds: float = 30.0
    """What an answer may take whatever its size."""
    redirects: int = 3
    """Redirections followed for one request."""
    attempts: int = 4
    """Requests for the same bytes before giving up."""
    retry_seconds: float = 0.5
    """Pause before the second request; it doubles each time."""
    workers: int = 4
    """Requests at a time."""
    processes: int = 8
    """Processes that unpack at a time, at most as many as there are cores."""
    alone_contents: int = 4096
    """Contents up to which this process unpacks alone: starting others takes a moment."""
    run_bytes: int = 16 * MIB
    """Bytes of neighbouring frames that are asked for in one request."""
    part_bytes: int = 4 * MIB
    """Bytes of a form that are asked for in one request; each worker has memory for them."""
    checkpoint_bytes: int = 16 * MIB
    """Bytes fetched after which contents are made to survive a kill."""


LIMITS = Limits()
