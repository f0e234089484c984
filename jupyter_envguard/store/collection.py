"""Take away what nobody needs: images, objects, leftovers.

An image goes when the catalog does not name it, no kernel leases it, no process
works on it, and it is not so young that its import may still be under way. What is
mounted and unused is unmounted for that. It vanishes in one step, and no kernel can
begin to use it in that moment: see `leases`. Then objects go to which no image holds a
link, and which no image without a tree needs. Bytes are given back slowly.
"""

from __future__ import annotations

import errno
import secrets
import time
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jupyter_envguard.errors import Conflict, InvalidInput, Unavailable, Untrusted
from jupyter_envguard.files import explained
from jupyter_envguard.image import read_manifest
from jupyter_envguard.store import mounts
from jupyter_envguard.store.bare import needed
from jupyter_envguard.store.folders import is_folder
from jupyter_envguard.store.forms import Forms
from jupyter_envguard.store.images import Store
from jupyter_envguard.store.leases import is_leased, unleased
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.objects import Objects, is_shared
from jupyter_envguard.store.pace import idle, paced

GRACE_SECONDS = 24 * 3600.0
"""Age from which on an image that the catalog does not name is nobody's."""

Why = Literal["referenced", "leased", "young", "busy", "mounted"]


@dataclass(frozen=True, slots=True)
class Collected:
    """What was taken away, or would be."""

    removed: tuple[str, ...]
    """Names of images."""
    kept: tuple[tuple[str, Why], ...]
    """Names of the other images, and why they stay."""
    objects: int
    """How many contents nobody needs any more."""
    size: int
    """Bytes of those."""
    leftovers: int
    """How many traces of dead processes there were."""
    is_complete: bool
    """Whether objects were looked at; not while somebody adds some."""


def collect(
    store: Store, referenced: Collection[str], *, grace: float = GRACE_SECONDS, dry_run: bool = False
) -> Collected:
    """Take away what nobody needs; `referenced` are the digests of packs that the catalog names.

    Images younger than `grace` seconds stay, and so do those from the future, whose
    age nobody knows. With `dry_run` nothing is changed. Raises `permission-denied`
    for anybody but the owner of the store and root.
    """
    names = {store.path_of(pack).name for pack in referenced}
    with explained(f"collect in {store.root}"):
        if not is_folder(store.layout.meta):
            return Collected((), (), 0, 0, 0, True)
        reasons = {name: _why(store, name, names, grace) for name in store.shelf.names()}
        doomed = [name for name, why in reasons.items() if why is None]
        if dry_run:
            found, is_complete = _unused_without(store, doomed)
            removed, leftovers = doomed, len(store.shelf.leftovers())
        else:
            store.prepare()
            removed = [name for name in doomed if _take_away(store, name, reasons)]
            leftovers = len(store.shelf.leftovers()) + Forms(store.layout).sweep()
            with idle():
                store.sweep(after_each=paced())  # what lies in the trash still holds links to objects
                found, is_complete = _take_objects(store)
                store.shelf.empty_trash(paced())
    kept = tuple((name, why) for name, why in reasons.items() if why is not None)
    return Collected(
        removed=tuple(removed),
        kept=kept,
        objects=len(found),
        size=sum(found),
        leftovers=leftovers,
        is_complete=is_complete,
    )


def _why(store: Store, name: str, referenced: Collection[str], grace: float) -> Why | None:
    """Return why the image called `name` stays, or None."""
    meta = store.layout.meta / name
    if name in referenced:
        return "referenced"
    if is_leased(meta):
        return "leased"
    age = time.time() - meta.stat().st_ctime
    # negative when the clock was set back
    return "young" if grace and age < grace else None


def _take_away(store: Store, name: str, reasons: dict[str, Why | None]) -> bool:
    """Move an image to the trash unless somebody got there first; return whether it went."""
    try:
        with store.shelf.lock(name, 0), unleased(store.layout.meta / name, name):
            while mount_at(store.root / name):
                mounts.unmount(store.root / name)
            store.shelf.clear(name)
    except Unavailable as error:
        if error.code != "locked":
            raise
        reasons[name] = "busy"
        return False
    except Conflict:
        reasons[name] = "leased"
        return False
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EPERM):
            raise
        reasons[name] = "mounted"  # somebody works in it, or mounted it whom we cannot overrule
        return False
    return True


def _take_objects(store: Store) -> tuple[list[int], bool]:
    """Move objects that no image needs to the trash; return their sizes, and whether one could look."""
    objects, found = Objects(store.layout), []
    heap = store.layout.trash / f"objects.{secrets.token_hex(8)}"
    try:
        with objects.collecting():
            bare = needed(store.layout)
            heap.mkdir(0o700)
            for path in objects.unused(bare):
                found.append(path.lstat().st_size)
                path.rename(heap / path.name)
    except (InvalidInput, Untrusted):  # nobody can tell what a damaged image needs
        return [], False
    except Unavailable as error:
        if error.code != "locked":
            raise
        return [], False
    return found, True


def _unused_without(store: Store, doomed: Collection[str]) -> tuple[list[int], bool]:
    """Return the sizes of the objects that no image would need without the `doomed`, if one can tell."""
    try:
        bare = needed(store.layout, doomed)
    except (InvalidInput, Untrusted):
        return [], False
    links = Counter[str]()
    for name in doomed:
        links.update(_links_of(store, name))
    found = [
        there.st_size
        for path, there in Objects(store.layout).all()
        if there.st_nlink - 1 <= links[below := str(path.relative_to(store.layout.objects))]
        and below not in bare
    ]
    return found, True


def _links_of(store: Store, name: str) -> Iterator[str]:
    """Yield the objects to which the image called `name` holds links, one for each link."""
    objects = Objects(store.layout)
    try:
        manifest = read_manifest(store.layout.meta / name)
    except (InvalidInput, Untrusted):
        return
    for line in manifest.lines:
        if line.kind == "f" and is_shared(line):
            path = objects.path(line)
            if _is_same(store.root / name / line.path, path):
                yield objects.below(line)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except FileNotFoundError:
        return False
