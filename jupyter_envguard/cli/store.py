"""`store`: the images on this machine: what is there, what is left over, what is mounted."""

from __future__ import annotations

import shutil
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jupyter_envguard.audit import Event, Log
from jupyter_envguard.catalog import Catalog, State, names
from jupyter_envguard.cli.context import Context, actor
from jupyter_envguard.cli.parser import add_steps
from jupyter_envguard.cli.progress import progress
from jupyter_envguard.cli.terminal import columns, count, escape, file_size
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.errors import Conflict, EnvGuardError, InvalidInput, Untrusted
from jupyter_envguard.image import Image, read_pack
from jupyter_envguard.site import Site
from jupyter_envguard.store import Presence, Store
from jupyter_envguard.store.collection import GRACE_SECONDS, collect
from jupyter_envguard.store.folders import listed
from jupyter_envguard.store.leases import is_leased
from jupyter_envguard.store.objects import Objects
from jupyter_envguard.store.pace import idle, paced
from jupyter_envguard.store.presence import UNMOUNTED
from jupyter_envguard.store.scrub import Damage, scrub
from jupyter_envguard.store.tiers import TIERS, best

HOUR = 3600.0
SHOWN_PATHS = 5
"""Changed paths of one image that people are shown; JSON holds all of them."""
GONE = frozenset({State.ARCHIVED, State.REJECTED})
"""States of releases whose images nobody needs any more."""
WHY: Mapping[str, str] = MappingProxyType(
    {
        "referenced": "a release of the catalog",
        "leased": "a kernel runs from it",
        "young": "its import may be under way",
        "busy": "somebody works on it",
        "mounted": "it is mounted",
    }
)
"""Why an image stays, for people."""


def arguments(parser: ArgumentParser) -> None:
    """Add what can be done with a store, each with a parser of its own."""
    add_steps(parser, STEPS)


def store(arguments: Namespace, context: Context) -> Answer:
    """Do the step that was asked for."""
    _, run, _ = STEPS[arguments.step]
    return run(arguments, context)


def _no_arguments(parser: ArgumentParser) -> None:
    del parser


def _list(arguments: Namespace, context: Context) -> Answer:
    """Return every image on this machine with the releases that it is of."""
    del arguments
    site = context.site()
    here, releases = Store(site.store_root), _releases(context.catalog(site))
    presence = Presence(here)
    images: list[dict[str, Any]] = []
    for name in here.shelf.names():
        meta = here.layout.meta / name
        pack = read_pack(meta)
        lines = here.get(pack).manifest.lines
        images.append(
            {
                "name": name,
                "pack": pack,
                "releases": releases.get(pack, []),
                "tier": presence.tier_of(name),
                "leased": is_leased(meta),
                "files": sum(line.kind == "f" for line in lines),
                "size": sum(line.size for line in lines),
            }
        )
    rows = [
        (
            image["name"],
            ", ".join(image["releases"]) or "-",
            image["tier"],
            "in use" if image["leased"] else "-",
            image["files"],
            file_size(image["size"]),
        )
        for image in images
    ]
    head, *lines_ = columns(rows, ("IMAGE", "RELEASES", "TIER", "USE", "FILES", "SIZE"))
    return Answer({"images": images}, [context.screen.paint(head, "bold"), *lines_])


def _releases(catalog: Catalog) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for entry in catalog.entries:
        found[entry.pack].append(entry.id)
    return found


def _status(arguments: Namespace, context: Context) -> Answer:
    """Return how full the store is, what sharing saves, and what can be mounted here."""
    del arguments
    here = Store(context.site().store_root)
    objects = [there for _, there in Objects(here.layout).all()]
    chosen = best()
    document = {
        "root": str(here.root),
        "images": len(here.shelf.names()),
        "objects": len(objects),
        "size": sum(there.st_size for there in objects),
        "saved": sum(there.st_size * max(0, there.st_nlink - 2) for there in objects),
        "free": shutil.disk_usage(here.root).free if here.root.exists() else 0,
        "leftovers": len(here.shelf.leftovers()),
        "quarantine": _names_in(here.layout.quarantine),
        "tier": chosen.name if chosen else "tree",
        "tiers": {name: tier.obstacle() for name, tier in TIERS.items()},
    }
    return Answer(document, _status_lines(document))


def _names_in(folder: Path) -> list[str] | None:
    """Return what is in the folder, or None where this user may not look."""
    try:
        return [path.name for path in listed(folder)]
    except PermissionError:
        return None


def _status_lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{escape(found['root'])}: {count(found['images'], 'image')}, {file_size(found['free'])} free."
    yield (
        f"{count(found['objects'], 'object')}, {file_size(found['size'])}; "
        f"sharing saves {file_size(found['saved'])}."
    )
    yield f"{count(found['leftovers'], 'leftover')} of processes that died."
    if found["quarantine"] is not None:
        yield f"{count(len(found['quarantine']), 'thing')} in quarantine."
    yield f"What is mounted next is mounted as: {found['tier']}."
    for name, obstacle in found["tiers"].items():
        yield f"  {name:<10} {escape(obstacle) or 'can be mounted here'}"


def _gc_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")
    parser.add_argument(
        "--grace",
        type=float,
        default=GRACE_SECONDS / HOUR,
        metavar="HOURS",
        help="age from which on an image that no release names may go (default: %(default)g)",
    )


def _gc(arguments: Namespace, context: Context) -> Answer:
    """Take away images that no release names and no kernel uses, and contents that no image needs."""
    if not arguments.grace >= 0:
        raise InvalidInput("invalid-argument", f"--grace: {arguments.grace} is no age.", "Name hours.")
    site = context.site()
    referenced = [entry.pack for entry in context.catalog(site).entries if entry.state not in GONE]
    with progress(context.screen, "Collecting"):
        found = collect(
            Store(site.store_root),
            referenced,
            grace=arguments.grace * HOUR,
            dry_run=arguments.dry_run,
        )
    document = {**asdict(found), "kept": dict(found.kept), "dry_run": arguments.dry_run}
    verb = "would go" if arguments.dry_run else "gone"
    lines = [f"{verb}: {name}" for name in found.removed]
    lines += [f"stays: {name} ({WHY[why]})" for name, why in found.kept if why != "referenced"]
    lines.append(
        f"{count(len(found.removed), 'image')}, {count(found.objects, 'object')} "
        f"({file_size(found.size)}) and {count(found.leftovers, 'leftover')} {verb}."
    )
    if not found.is_complete:
        lines.append("Objects were left alone, because somebody adds some; run it again later.")
    return Answer(document, lines)


def _scrub_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--leave", action="store_true", help="leave what is damaged where it is, in place of setting it aside"
    )


def _scrub(arguments: Namespace, context: Context) -> Answer:
    """Read every byte of the store at idle priority; set aside and record what is not what it was."""
    site = context.site()
    releases = _releases(context.catalog(site))
    with progress(context.screen, "Reading everything"), idle():
        found = list(scrub(Store(site.store_root), leave=arguments.leave, after_each=paced()))
    _record(site, found, releases)
    document = {
        "damages": [
            {
                "name": damage.name,
                "pack": damage.pack,
                "releases": releases.get(damage.pack, []),
                "findings": [asdict(finding) for finding in damage.findings],
                "aside": str(damage.aside) if damage.aside else "",
            }
            for damage in found
        ]
    }
    refusal = None
    if found:
        named = sorted({release for damage in found for release in releases.get(damage.pack, [])})
        refusal = Untrusted(
            "image-drifted",
            f"Not what was sealed: {', '.join(named) or count(len(found), 'object')}.",
            "Find out who wrote to the store, then import the packs again.",
        )
    return Answer(document, _scrub_lines(found, releases), refusal=refusal)


def _scrub_lines(found: list[Damage], releases: Mapping[str, list[str]]) -> Iterator[str]:
    for damage in found:
        of = ", ".join(releases.get(damage.pack, [])) or ("image" if damage.pack else "object")
        yield f"damaged: {damage.name} ({escape(of)})"
        for finding in damage.findings[:SHOWN_PATHS]:
            yield f"  {finding.problem:<8} {escape(finding.path)}: {escape(finding.detail)}"
        if len(damage.findings) > SHOWN_PATHS:
            yield f"  and {count(len(damage.findings) - SHOWN_PATHS, 'more path')}"
        if damage.aside:
            yield f"  set aside in {escape(damage.aside)}"
    if not found:
        yield "Every byte is what it was."


def _record(site: Site, found: list[Damage], releases: Mapping[str, list[str]]) -> None:
    """Leave an event for every damaged image; objects are in the images that had them."""
    if not found:
        return
    with Log(site.log, component="cli", create=False) as log:
        for damage in found:
            for release in releases.get(damage.pack, []) or [""]:
                log.append(
                    Event(
                        type="env.drifted",
                        outcome="denied",
                        reason="image-drifted",
                        actor=actor(),
                        release=release,
                        digests={"pack": damage.pack} if damage.pack else {},
                        detail={
                            "image": damage.name,
                            "paths": len(damage.findings),
                            "first": damage.findings[0].path[:SHOWN_CHARACTERS],
                            "quarantine": damage.aside is not None,
                        },
                    )
                )


SHOWN_CHARACTERS = 256
"""Of a path in an event."""


def _mount_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "release", nargs="*", metavar="NAME@RELEASE", help="what to mount (default: what was mounted before)"
    )
    parser.add_argument(
        "--tier", choices=tuple(TIERS), help="in which form (default: the best that this machine can do)"
    )


def _mount(arguments: Namespace, context: Context) -> Answer:
    """Mount images, read-only, with or without trees; they stay mounted when this command has ended."""
    site = context.site()
    here = Store(site.store_root)
    presence = Presence(here)
    done: dict[str, str] = {}
    failed: EnvGuardError | None = None
    if arguments.release:
        for name, image in _images(arguments.release, site, here, context):
            with progress(context.screen, f"Mounting {name}"):
                done[name] = presence.mount(image, arguments.tier)
    else:
        for name, how in presence.mount_all().items():
            done[name] = how if isinstance(how, str) else how.code
            failed = failed if isinstance(how, str) else how
    lines = [f"{escape(name)}: {how}" for name, how in done.items()] or ["There is nothing to mount."]
    return Answer({"mounted": done}, lines, refusal=failed)


def _umount_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "release",
        nargs="*",
        metavar="NAME@RELEASE",
        help="what to unmount (default: all that are unused)",
    )
    parser.add_argument(
        "--forget", action="store_true", help="delete the mounted files too, so that nothing brings them back"
    )


def _umount(arguments: Namespace, context: Context) -> Answer:
    """Unmount images that no kernel uses; their trees are what one sees then, of those that have one."""
    site = context.site()
    here = Store(site.store_root)
    presence = Presence(here)
    done: dict[str, bool] = {}
    for name, image in _images(arguments.release, site, here, context):
        try:
            done[name] = presence.unmount(image, forget=arguments.forget)
        except Conflict:
            if arguments.release:
                raise
    lines = [f"{escape(name)}: {'unmounted' if was else 'was not mounted'}" for name, was in done.items()]
    gone = [name for name in here.shelf.names() if presence.tier_of(name) in UNMOUNTED]
    if gone:
        lines.append(f"{count(len(gone), 'image')} without a tree: nothing starts from them until mounted.")
    return Answer({"unmounted": done}, lines or ["There is nothing to unmount."])


def _images(releases: list[str], site: Site, here: Store, context: Context) -> Iterator[tuple[str, Image]]:
    """Yield the images of the releases, or all by their names."""
    if releases:
        catalog = context.catalog(site)
        for release in releases:
            yield release, here.get(catalog.require(*names.split_release_id(release)).pack)
    else:
        for name in here.shelf.names():
            yield name, here.get(read_pack(here.layout.meta / name))


Fill = Callable[[ArgumentParser], None]
Run = Callable[[Namespace, Context], Answer]

STEPS: Mapping[str, tuple[Fill, Run, str]] = MappingProxyType(
    {
        "list": (_no_arguments, _list, "list the images on this machine and the releases that they are of"),
        "status": (_no_arguments, _status, "say how full the store is and what this machine can mount"),
        "gc": (_gc_arguments, _gc, "take away what no release names and no kernel uses"),
        "scrub": (_scrub_arguments, _scrub, "read every byte, and set aside what is not what it was"),
        "mount": (_mount_arguments, _mount, "mount images, so that nobody can write to them"),
        "umount": (_umount_arguments, _umount, "unmount images that no kernel uses"),
    }
)
"""What can be done with a store: its arguments, what it does, and a summary."""

VERBS: Mapping[str, Verb] = MappingProxyType({"store": Verb(arguments, store)})
