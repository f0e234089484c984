"""What tests of the store do again and again: add a pack, look at folders, die at a step."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.inventory import Inventory
from jupyter_envguard.pack import open_pack
from jupyter_envguard.store import SHARED_BYTES, Gathering, Image, Store
from jupyter_envguard.store.collection import collect

NOBODY = 65534
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users and mounts")
OURS = (".forms", ".kept", ".locks", ".meta", ".objects", ".quarantine", ".staging", ".trash")


def add(store: Store, pack: Path, **more: Any) -> Image:
    with open_pack(pack) as opened:
        return store.add(opened, **more)


def as_bare(store: Store, image: Image, *, fresh: bool = False) -> Image:
    """Let the store have `image` without a tree: take it away, and receive what it consists of.

    With `fresh` no object is here before.
    """
    documents = image.documents()
    files = [line for line in documents.manifest.lines if line.kind == "f"]
    contents = {line.content: (image.path / line.path).read_bytes() for line in files}
    store.remove(image.pack)
    if fresh:
        collect(store, [], grace=0)

    def fill(gathering: Gathering) -> None:
        for wanted in gathering.missing():
            gathering.put(wanted, [contents[wanted.sha256]])

    return store.receive(documents, fill, bare=True)


def shared(image: Image) -> dict[str, int]:
    """Return what of `image` is large enough to be an object: hashes, with their sizes."""
    return {x.content: x.size for x in image.manifest.lines if x.kind == "f" and x.size >= SHARED_BYTES}


def inventory_of(pack: Path) -> Inventory:
    with open_pack(pack) as opened:
        return opened.inventory()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def is_clean(store: Store) -> bool:
    """Whether nothing half-made lies about."""
    leftovers = [names(store.root / folder) for folder in (".staging", ".trash")]
    images = [name for name in names(store.root) if name not in OURS]
    return leftovers == [[], []] and names(store.root / ".meta") == images


def in_fork(act: Callable[[], Any]) -> int:
    """Start `act` in a forked process, which ends with 0, or 1 for an error; return its pid."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:  # noqa: BLE001 - the exit code tells
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def outcome(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def steps_of(act: Callable[[], Any]) -> int:
    """Return how many steps that Python audits (opening, renaming, starting a process …) `act` takes."""
    receiving, sending = os.pipe()

    def count() -> None:
        steps = [0]
        sys.addaudithook(lambda *_: steps.__setitem__(0, steps[0] + 1))
        act()
        os.write(sending, pickle.dumps(steps[0]))

    assert outcome(in_fork(count)) == 0
    os.close(sending)
    with open(receiving, "rb") as pipe:
        return int(pickle.load(pipe))


def dies_at(step: int, act: Callable[[], Any]) -> None:
    """Do `act` and end as `kill -9` ends a process when the audited step number `step` begins."""
    left = [step]

    def hook(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:  # once, because killing is audited too
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    act()


def killed_at(step: int, act: Callable[[], Any]) -> bool:
    """Do `act` in another process that is killed at `step`; return whether it came so far."""
    return outcome(in_fork(lambda: dies_at(step, act))) == -signal.SIGKILL
