"""The checks of `doctor` on how images come to their path on this machine."""

from __future__ import annotations

from collections.abc import Iterator

from jupyter_envguard.cli.checks import Check, Status
from jupyter_envguard.cli.terminal import count
from jupyter_envguard.site import Site
from jupyter_envguard.store import Presence, Store, verity
from jupyter_envguard.store.presence import UNMOUNTED
from jupyter_envguard.store.tiers import TIERS, best, obstacle_to_fetched


def tiers(site: Site) -> Iterator[Check]:
    """Yield what this machine can mount, and as what its images are there."""
    chosen = best()
    obstacles = "; ".join(f"{name}: {why}" for name, tier in TIERS.items() if (why := tier.obstacle()))
    if chosen is None:
        message = f"Images are trees of files; nothing can be mounted by this user ({obstacles})."
        yield Check("tiers", Status.INFO, message, "Run jupyter envguard store mount as root.")
    else:
        rest = f" Not possible here: {obstacles}." if obstacles else ""
        yield Check("tiers", Status.PASS, f"Images can be mounted as {chosen.name}.{rest}")
    store = Store(site.store_root)
    yield _verity(store)
    yield _forms(presence := Presence(store))
    found = [presence.tier_of(name) for name in store.shelf.names()]
    mounted = sum(tier in TIERS for tier in found)
    yield Check("mounts", Status.INFO, f"{count(len(found), 'image')}, of which {mounted} mounted read-only.")
    waiting = sum(map(found.count, UNMOUNTED))
    if waiting:
        yield Check(
            "mounts",
            Status.FAIL,
            f"{count(waiting, 'image')} without a tree and not mounted, so nothing starts from there.",
            "Run jupyter envguard store mount as root, at every start of the machine.",
            "image-not-mounted",
        )
    known = {"tree", *UNMOUNTED, *TIERS}
    strange = [name for name in store.shelf.names() if presence.tier_of(name) not in known]
    for name in strange:
        yield Check(
            "mounts",
            Status.FAIL,
            f"Something else is mounted at {store.root / name}.",
            f"Find out what it is, then: umount {store.root / name}",
        )


def _forms(presence: Presence) -> Check:
    """Say whether releases can be fetched here as the one file that the catalog attests."""
    if presence.takes_forms():
        return Check("forms", Status.PASS, "What the catalog attests is fetched as one file and mounted.")
    why = obstacle_to_fetched() or "only root mounts them, in a store of root's"
    return Check("forms", Status.INFO, f"Releases are fetched by their contents, not as one file ({why}).")


def _verity(store: Store) -> Check:
    """Say whether Linux guards what lies in the store, at every read."""
    if not store.layout.staging.is_dir():
        return Check("verity", Status.INFO, "There is no store yet to try fs-verity in.")
    why = verity.obstacle(store.layout.staging)
    if not why:
        return Check("verity", Status.PASS, "Linux guards mounted forms and scrubbed objects (fs-verity).")
    message = f"Linux does not guard the files of the store at every read (fs-verity: {why})."
    return Check("verity", Status.INFO, f"{message} What is changed is found by checks and by scrub.")
