"""`publish` and `fetch`: releases on their way from machine to machine."""

from __future__ import annotations

import contextlib
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jupyter_envguard.admission import Admission
from jupyter_envguard.catalog import Catalog, Entry, names
from jupyter_envguard.catalog.decision import is_graced, may_start
from jupyter_envguard.catalog.entry import State
from jupyter_envguard.cli.context import Context, actor
from jupyter_envguard.cli.movements import recorded
from jupyter_envguard.cli.progress import Progress, progress
from jupyter_envguard.cli.terminal import count, escape, file_size
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.errors import EnvGuardError, InvalidInput, NotFound
from jupyter_envguard.image import AttestedForm, Image
from jupyter_envguard.site import Site
from jupyter_envguard.store import Presence, Store
from jupyter_envguard.store.solid import is_solid
from jupyter_envguard.store.tiers import best
from jupyter_envguard.transfer import Digests, Fetched, Share, Source, fetch, fetch_form, prune, source_at
from jupyter_envguard.transfer.share import form_file

MOST_ALIKE = 8
"""Releases whose contents are looked for on the share before anything is written there."""
GONE = frozenset({State.REVOKED, State.ARCHIVED, State.REJECTED})
"""States after which no node fetches a release again."""
ELSEWHERE = frozenset({"not-shared", "source-broken", "source-refused", "source-slow", "source-redirects"})
"""Errors of one share after which the next one is asked."""


def publish_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `publish`."""
    parser.add_argument("release", metavar="NAME@RELEASE", help="a release whose image is on this machine")
    parser.add_argument("share", metavar="FOLDER", help="the folder that nodes, or a web server, read")
    parser.add_argument(
        "--form",
        action="store_true",
        help="also as one file, which the catalog attests and nodes mount; needs root and the keys",
    )
    parser.add_argument(
        "--prune",
        action="store_true",
        help="then take from the folder the releases that nobody may start any more, and what none refers to",
    )


def publish(arguments: Namespace, context: Context) -> Answer:
    """Write what nodes need to make an image of the release; what is there is not written again."""
    site = context.site()
    catalog = context.catalog(site)
    entry = catalog.require(*names.split_release_id(arguments.release))
    store = Store(site.store_root)
    image = store.get(entry.pack)
    if image.manifest_digest != entry.manifest:
        raise _other_image(entry)
    Presence(store).present(image)
    share = Path(arguments.share).absolute()
    with recorded(site, catalog, "share.publish", entry) as attempt:
        done = Share(share).publish(image, _alike(catalog, entry))
        attempt.found(done.new, share=str(share), bytes=done.bytes_written, contents=done.contents)
    document = {
        "release": entry.id,
        "share": arguments.share,
        "new": done.new,
        "bytes_written": done.bytes_written,
        "contents": done.contents,
    }
    line = (
        f"{escape(entry.id)} is on {escape(arguments.share)}: {count(done.contents, 'new content')}, "
        f"{file_size(done.bytes_written)}."
        if done.new
        else f"{escape(entry.id)} was on {escape(arguments.share)} already."
    )
    lines = [line]
    if arguments.form:
        with progress(context.screen, f"Making the form of {entry.id}"):
            document["form"], line = _publish_form(site, catalog, entry, image, share)
        lines.append(line)
    if arguments.prune:
        document["pruned"], line = _prune(site, catalog, share)
        lines.append(line)
    return Answer(document, lines)


def _publish_form(
    site: Site, catalog: Catalog, entry: Entry, image: Image, share: Path
) -> tuple[dict[str, Any], str]:
    """Put the release on the share as one file as well, and let the catalog attest it."""
    there = share / form_file(entry.pack, entry.form) if entry.form else None
    if entry.form and there and there.is_file() and there.stat().st_size == entry.form.size:
        return entry.form.as_json(), f"{escape(entry.id)} was there as one file already."
    site.require_keys()
    with Presence(Store(site.store_root)).attestable(image) as (form, path):
        with recorded(site, catalog, "share.publish", entry) as attempt:
            written = Share(share).publish_form(entry.pack, form, path)
            attempt.found(bool(written), share=str(share), bytes=written, form=form.digest)
        with Admission(site, actor=actor()) as admission:
            admission.attest(entry.name, entry.release, image, form)
    return form.as_json(), f"{escape(entry.id)} is there as one file, {file_size(form.size)}, and attested."


def _prune(site: Site, catalog: Catalog, share: Path) -> tuple[dict[str, Any], str]:
    with recorded(site, catalog, "share.prune") as attempt:
        attested = [(entry.pack, entry.form) for entry in catalog.entries if entry.form]
        pruned = prune(share, _withdrawn(catalog), attested)
        attempt.found(
            bool(pruned.releases or pruned.files),
            share=str(share),
            releases=len(pruned.releases),
            files=pruned.files,
            bytes=pruned.size,
        )
    return asdict(pruned), (
        f"Taken from it: {count(len(pruned.releases), 'release')}, {count(pruned.files, 'file')}, "
        f"{file_size(pruned.size)}."
    )


def fetch_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `fetch`."""
    parser.add_argument(
        "releases",
        nargs="*",
        metavar="NAME@RELEASE",
        help="what to fetch (default: every release that somebody may start)",
    )
    parser.add_argument(
        "--from",
        dest="shares",
        action="append",
        metavar="ADDRESS",
        help="a folder or URL of a share (default: those of the site); repeat to name others to try",
    )
    parser.add_argument(
        "--mount",
        action="store_true",
        help="make no tree but mount what was fetched, where this machine can",
    )
    parser.add_argument(
        "--objects",
        action="store_true",
        help="fetch contents even where the catalog attests one file to be mounted",
    )


def fetch_releases(arguments: Namespace, context: Context) -> Answer:
    """Bring releases to this machine: only contents that are missing are read, and each is verified."""
    site = context.site()
    sources = [source_at(address) for address in arguments.shares or site.shares]
    if not sources:
        raise InvalidInput(
            "invalid-argument",
            "It is not said where to fetch from.",
            "Name a share with --from, or write shares: into the site file.",
        )
    catalog, store = context.catalog(site), Store(site.store_root)
    presence, mounts = Presence(store), arguments.mount and best() is not None
    forms = mounts and presence.takes_forms()
    done: list[dict[str, Any]] = []
    lines: list[str] = []
    refusal: EnvGuardError | None = None
    for entry in _wanted(catalog, arguments.releases):
        try:
            with progress(context.screen, f"Fetching {entry.id}") as told:
                form = None if arguments.objects or not forms else _form(store, catalog, entry)
                if arguments.objects or not presence.takes_forms():
                    _give_way(store, presence, entry)
                with recorded(site, catalog, "share.fetch", entry) as attempt:
                    found = _fetch(store, sources, entry, told, bare=mounts, form=form)
                    attempt.found(
                        bool(found.bytes_read),
                        share=found.address,
                        bytes=found.bytes_read,
                        contents=found.contents,
                        form=form.digest if form and is_solid(found.image.meta) else "",
                    )
                tier = presence.mount(found.image) if mounts else presence.present(found.image)
                presence.settle(found.image)  # it can be used meanwhile
        except EnvGuardError as error:
            refusal = refusal or error
            done.append({"release": entry.id, "error": error.as_json()})
            lines.append(f"{escape(entry.id)}: {escape(error.message)}")
        else:
            done.append(_as_json(entry, found) | {"tier": tier})
            lines.append(_line(entry, found))
    return Answer(
        {"releases": done}, lines or ["There is no release that anybody may start."], refusal=refusal
    )


def _give_way(store: Store, presence: Presence, entry: Entry) -> None:
    """Remove the image of `entry` if it is one file and not mounted, where contents are wanted instead."""
    with contextlib.suppress(NotFound):
        image = store.get(entry.pack)
        if is_solid(image.meta) and not presence.is_usable(image):
            store.remove(entry.pack)


def _form(store: Store, catalog: Catalog, entry: Entry) -> AttestedForm | None:
    """Return the one file as which to fetch `entry`; None where little of its contents would be missing."""
    others = (other for other in catalog.entries if other.name == entry.name and other.pack != entry.pack)
    earlier = {store.path_of(other.pack).name for other in others} & set(store.shelf.names())
    has_contents = any(not is_solid(store.layout.meta / name) for name in earlier)
    return None if has_contents else entry.form


def _fetch(
    store: Store,
    sources: Sequence[Source],
    entry: Entry,
    told: Progress,
    *,
    bare: bool,
    form: AttestedForm | None,
) -> Fetched:
    """Return what the first source that can send it had; raise the first failure when none can."""
    wanted = Digests(entry.pack, entry.spec, entry.manifest)
    failures: list[EnvGuardError] = []
    for source in sources:
        try:
            if form:
                try:
                    return fetch_form(store, source, wanted, form, told)
                except EnvGuardError as error:
                    if error.code != "not-shared":
                        raise
            return fetch(store, source, wanted, told, bare=bare)
        except EnvGuardError as error:
            if error.code not in ELSEWHERE:
                raise
            failures.append(error)
    raise failures[0]


def _wanted(catalog: Catalog, releases: Sequence[str]) -> Iterator[Entry]:
    if not releases:
        now = datetime.now(UTC)
        yield from (entry for entry in catalog.entries if may_start(entry, now))
    for release in releases:
        yield catalog.require(*names.split_release_id(release))


def _alike(catalog: Catalog, entry: Entry) -> list[str]:
    """Return the packs of other releases, those of the same environment first, the newest of them first."""
    others = [other for other in catalog.entries if other.pack != entry.pack]
    others.sort(key=lambda other: (other.name == entry.name, other.imported_at), reverse=True)
    return list(dict.fromkeys(other.pack for other in others))[:MOST_ALIKE]


def _withdrawn(catalog: Catalog) -> set[str]:
    """Return the packs that the catalog names, and of which nobody may start a release any more."""
    now = datetime.now(UTC)
    usable = {entry.pack for entry in catalog.entries if entry.state not in GONE or is_graced(entry, now)}
    return {entry.pack for entry in catalog.entries} - usable


def _other_image(entry: Entry) -> EnvGuardError:
    return InvalidInput(
        "digest-mismatch",
        f"The image of {entry.id} on this machine is not the approved one.",
        "Verify it, remove it, and fetch or import the release again.",
    )


def _as_json(entry: Entry, found: Fetched) -> dict[str, Any]:
    return {
        "release": entry.id,
        "path": str(found.image.path),
        "bytes_read": found.bytes_read,
        "contents": found.contents,
    }


def _line(entry: Entry, found: Fetched) -> str:
    if not found.bytes_read:
        return f"{escape(entry.id)} is on this machine."
    return (
        f"{escape(entry.id)} is on this machine now: {count(found.contents, 'content')} missing, "
        f"{file_size(found.bytes_read)} read."
    )


VERBS: Mapping[str, Verb] = MappingProxyType(
    {
        "publish": Verb(publish_arguments, publish),
        "fetch": Verb(fetch_arguments, fetch_releases),
    }
)
