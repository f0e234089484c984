"""Exact reads from a stream of pieces: what every parser of a container reads with."""

from __future__ import annotations

from collections.abc import Iterator

from jupyter_envguard.pack.refusals import truncated


class Reader:
    """Hands out exactly as many bytes as were asked for, or raises `pack-truncated`."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._at = 0

    def take(self, size: int, what: str) -> bytes:
        """Return exactly `size` bytes; `what` is named when the stream ends before."""
        end = self._at + size
        if end <= len(self._piece):
            taken = self._piece[self._at : end]
            self._at = end
            return taken
        return b"".join(self.stream(size, what))

    def stream(self, size: int, what: str) -> Iterator[bytes]:
        """Yield exactly `size` bytes in pieces; `what` is named when the stream ends before."""
        while size:
            if self._at == len(self._piece) and not self._refill():
                raise truncated(what)
            taken = self._piece[self._at : self._at + size]
            self._at += len(taken)
            size -= len(taken)
            yield taken

    def rest(self) -> Iterator[bytes]:
        """Yield everything that is left, in pieces."""
        if self._at < len(self._piece):
            yield self._piece[self._at :]
        yield from self._pieces

    def at_end(self) -> bool:
        """Tell whether nothing is left."""
        return self._at == len(self._piece) and not self._refill()

    def _refill(self) -> bool:
        self._piece, self._at = next(self._pieces, b""), 0
        return bool(self._piece)
