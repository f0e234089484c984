"""What has to be read from a share to have what is missing: frames, in runs of neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jupyter_envguard.errors import Untrusted
from jupyter_envguard.store import Wanted
from jupyter_envguard.transfer.index import Frame, Piece, by_content, in_order
from jupyter_envguard.transfer.limits import LIMITS, Limits


@dataclass(frozen=True, slots=True)
class Run:
    """Frames that lie next to each other in one blob and are asked for at once."""

    frames: tuple[Frame, ...]
    """At least one, in the order of their offsets."""

    @property
    def length(self) -> int:
        """Bytes of all of them."""
        return sum(frame.length for frame in self.frames)


def runs(missing: Iterable[Wanted], frames: Iterable[Frame], limits: Limits = LIMITS) -> tuple[Run, ...]:
    """Return what to read to have `missing`; raise `share-invalid` when the share does not have all of it."""
    held = by_content(frames)
    needed: list[Frame] = []
    for wanted in missing:
        frame = held.get(Piece(wanted.sha256, wanted.size))
        if frame is None:
            raise Untrusted(
                "share-invalid",
                f"The share does not have the content {wanted.sha256} of {wanted.size} bytes.",
                "Publish the release again, or fetch it from another share.",
            )
        needed.append(frame)
    return tuple(_runs(in_order(needed), limits.run_bytes))


def _runs(frames: Iterable[Frame], most: int) -> Iterator[Run]:
    run: list[Frame] = []
    for frame in frames:
        if run and not (_follows(run[-1], frame) and Run((*run, frame)).length <= most):
            yield Run(tuple(run))
            run = []
        run.append(frame)
    if run:
        yield Run(tuple(run))


def _follows(one: Frame, other: Frame) -> bool:
    return one.blob == other.blob and one.offset + one.length == other.offset
