"""Who unpacks what a fetch reads: this process when it is little, several of them when it is much.

    with hands(delivery, missing, limits) as unpack:
        unpack(frame, compressed)          # from several threads

Writing thousands of small files is work for as many cores as there are, and Python's
threads share one. The processes get frames and seats, and no more than the tree that
they write to: neither the address of the source nor what opens it.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import zstandard

from jupyter_envguard.errors import Unavailable
from jupyter_envguard.image.children import Child
from jupyter_envguard.store import Gathering, Wanted, landing
from jupyter_envguard.transfer import unpacker
from jupyter_envguard.transfer.frames import broken_frame, read_frame
from jupyter_envguard.transfer.index import Frame
from jupyter_envguard.transfer.limits import Limits
from jupyter_envguard.transfer.unpacker import AT_ONCE, REQUEST

Chunk = bytes | memoryview

Unpack = Callable[[Frame, Iterator[Chunk]], None]
"""Puts what is missing of the pieces of a frame, whose compressed bytes it is given."""


@contextlib.contextmanager
def hands(delivery: Gathering, missing: Sequence[Wanted], limits: Limits) -> Iterator[Unpack]:
    """Yield what unpacks frames for `delivery`, alone or with as many processes as make sense."""
    count = min(limits.processes, len(os.sched_getaffinity(0)))
    unpack: Unpack = Alone(delivery, missing, limits)
    with contextlib.ExitStack() as stack:
        if count > 1 and len(missing) > limits.alone_contents:
            # where the owner of the store cannot start our Python, it takes longer
            with contextlib.suppress(Unavailable):
                together = Together(delivery, missing, limits, count)
                unpack = stack.enter_context(contextlib.closing(together))
        yield unpack


class Alone:
    """Unpacks in the thread that calls."""

    def __init__(self, delivery: Gathering, missing: Sequence[Wanted], limits: Limits) -> None:
        self._delivery = delivery
        self._missing = {wanted.sha256: wanted for wanted in missing}
        self._limits = limits

    def __call__(self, frame: Frame, compressed: Iterator[Chunk]) -> None:
        """Unpack `frame`."""
        for piece, content in read_frame(frame, compressed, self._limits):
            wanted = self._missing.get(piece.sha256)
            if wanted is not None:
                self._delivery.put(wanted, content)


class Together:
    """Lets processes unpack, each one frame at a time; raises `image-unpack-failed` when one is gone."""

    def __init__(self, delivery: Gathering, missing: Sequence[Wanted], limits: Limits, count: int) -> None:
        self._delivery = delivery
        self._missing = {wanted.sha256 for wanted in missing}
        self._idle: queue.SimpleQueue[Child] = queue.SimpleQueue()
        self._children: list[Child] = []
        self._failure: BaseException | None = None
        ground = delivery.ground
        folders = str(Path(landing.__file__).parent), str(Path(zstandard.__file__).parents[1])
        with contextlib.ExitStack() as stack:
            for _ in range(count):
                child = Child(
                    unpacker.__file__,
                    ground.tree,
                    str(ground.mtime),
                    str(limits.window_bytes),
                    *folders,
                    read=tuple(map(os.path.realpath, folders)),
                    write=(ground.tree,),
                    owner=ground.owner,
                )
                stack.callback(child.end)
                self._children.append(child)
                self._idle.put(child)
            stack.pop_all()

    def __call__(self, frame: Frame, compressed: Iterator[Chunk]) -> None:
        """Let one of the processes unpack `frame`, and wait until it has."""
        if frame.length <= AT_ONCE:
            compressed = iter(list(compressed))  # before a process has to wait for it
        child = self._idle.get()
        try:
            if self._failure:
                raise self._failure
            self._ask(child, frame, compressed)
        except BaseException as failure:
            self._failure = self._failure or failure
            raise
        finally:
            self._idle.put(child)

    def close(self) -> None:
        """End the processes."""
        for child in self._children:
            child.end()

    def _ask(self, child: Child, frame: Frame, compressed: Iterator[Chunk]) -> None:
        seats = [
            self._delivery.seat_of(piece.sha256) if piece.sha256 in self._missing else None
            for piece in frame.pieces
        ]
        rows = [
            seat.as_row() if seat else piece.size for seat, piece in zip(seats, frame.pieces, strict=True)
        ]
        request = json.dumps(rows).encode()
        try:
            child.input.write(REQUEST.pack(len(request), frame.length) + request)
            left = frame.length
            for chunk in compressed:
                child.input.write(chunk)
                left -= len(chunk)
            if left:
                raise broken_frame(frame, "ends too early")
            child.input.flush()
        except BrokenPipeError:
            pass  # it has said why
        answer = child.output.readline()
        if answer != b"null\n":
            raise self._failed(frame, child, answer)
        self._delivery.landed([seat.sha256 for seat in seats if seat])

    def _failed(self, frame: Frame, child: Child, answer: bytes) -> Exception:
        try:
            said: dict[str, Any] = json.loads(answer)
        except ValueError:
            child.process.kill()
            why = child.errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            return Unavailable(
                "image-unpack-failed",
                f"A process that unpacked ended before it was done{': ' if why else ''}{why}.",
                "Try again; if it stays so, look whether the machine has too little memory.",
            )
        if "errno" in said:
            return OSError(said["errno"], os.strerror(said["errno"]), said["path"])
        if "wrong" in said:
            return self._delivery.mismatch(*said["wrong"])
        return broken_frame(frame, said["broken"])
