"""`list`, `show` and `diff`: what the catalog says."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from jupyter_envguard.catalog import Allowed, Catalog, Entry, Offer, State, names
from jupyter_envguard.cli.context import Context
from jupyter_envguard.cli.tables import differences, packages
from jupyter_envguard.cli.terminal import Screen, columns, escape
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.errors import InvalidInput, NotFound
from jupyter_envguard.formats.comparison import comparison_csv, comparison_markdown
from jupyter_envguard.search import Query
from jupyter_envguard.spec import Spec, diff
from jupyter_envguard.store import Image, Store

COLOURS: Mapping[State, str] = MappingProxyType(
    {State.APPROVED: "green", State.DEPRECATED: "yellow", State.REVOKED: "red", State.REJECTED: "red"}
)


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `list`."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="only the releases of this environment")
    parser.add_argument("--state", choices=[state.value for state in State], help="only those in this state")
    parser.add_argument(
        "--with",
        dest="packages",
        metavar="QUERY",
        help="only those that have these packages, such as 'torch>=2.4 numpy<3' (images on this machine)",
    )
    parser.add_argument("--for", dest="user", metavar="USER", help="decide for this user, and say why not")
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        metavar="GROUP",
        help="with --for: a group of the user; repeat",
    )


def list_releases(arguments: Namespace, context: Context) -> Answer:
    """List the releases of the catalog, or what a user would be offered of them."""
    if arguments.group and not arguments.user:
        raise InvalidInput("invalid-argument", "--group needs --for.", "Say for which user: --for USER.")
    site = context.site()
    catalog = context.catalog(site)
    entries = [
        entry
        for entry in catalog.entries
        if arguments.name in (None, entry.name) and arguments.state in (None, entry.state)
    ]
    if arguments.packages is not None:
        query = Query.parse(arguments.packages)
        entries = _having(query, entries, Store(site.store_root), context.screen)
    if arguments.user:
        wanted = {entry.id for entry in entries}
        offers = catalog.offers(arguments.user, arguments.group, datetime.now(UTC))
        return _offered(catalog, [offer for offer in offers if offer.entry.id in wanted], context.screen)
    document = {**_head(catalog), "entries": [entry.as_json() for entry in entries]}
    rows = [(e.id, e.state.words, e.display_name, _grant(e), _day(e.expires)) for e in entries]
    lines = columns(rows, ("RELEASE", "STATE", "DISPLAY NAME", "FOR", "EXPIRES"))
    return Answer(document, _coloured(lines, entries, context.screen) if entries else ["No release."])


def _having(query: Query, entries: list[Entry], store: Store, screen: Screen) -> list[Entry]:
    """Return those of `entries` whose packages match, and warn of those that nobody here can look into."""
    images = {entry.id: _image(store, entry) for entry in entries}
    away = [name for name, image in images.items() if image is None]
    if away:
        screen.warn(f"Not on this machine, so nobody looked into them: {', '.join(away)}.")
    here = [(entry, image) for entry in entries if (image := images[entry.id])]
    return [entry for entry, image in here if query.find(image.spec().packages) is not None]


def _offered(catalog: Catalog, offers: list[Offer], screen: Screen) -> Answer:
    """Return what a user may start, under which kernel name, and why not the rest."""
    document = {**_head(catalog), "offers": [_offer_json(offer) for offer in offers]}
    rows = [(o.entry.id, o.entry.state.words, o.kernel_name, _decided(o)) for o in offers]
    lines = columns(rows, ("RELEASE", "STATE", "KERNEL", "DECISION"))
    return Answer(
        document, _coloured(lines, [o.entry for o in offers], screen) if offers else ["No release."]
    )


def _offer_json(offer: Offer) -> dict[str, Any]:
    decision = offer.decision
    said = decision.warnings if isinstance(decision, Allowed) else decision.reasons
    return {
        "kernel": offer.kernel_name,
        "current": offer.is_current,
        "allowed": bool(offer.decision),
        "reasons": [reason.as_json() for reason in said],
        "entry": offer.entry.as_json(),
    }


def _decided(offer: Offer) -> str:
    decision = offer.decision
    if isinstance(decision, Allowed):
        return " ".join(["allowed", *(f"({reason.code})" for reason in decision.warnings)])
    return "denied: " + " ".join(reason.message for reason in decision.reasons)


def _head(catalog: Catalog) -> dict[str, Any]:
    return {"version": catalog.version, "expires": names.format_time(catalog.expires)}


def _coloured(lines: list[str], entries: list[Entry], screen: Screen) -> Iterator[str]:
    yield screen.paint(lines[0], "bold")
    for line, entry in zip(lines[1:], entries, strict=True):
        word = entry.state.words
        colour = COLOURS.get(entry.state)
        yield line.replace(f" {word}", " " + screen.paint(word, colour), 1) if colour else line


def _grant(entry: Entry) -> str:
    groups = ["everyone"] if names.EVERYONE in entry.groups else [f"@{group}" for group in entry.groups]
    return " ".join([*groups, *entry.users]) or "nobody"


def _day(moment: str | None) -> str:
    return moment[:10] if moment else "-"


def show_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `show`."""
    parser.add_argument("release", metavar="NAME@RELEASE")
    parser.add_argument("--packages", action="store_true", help="list every package as well")


def show(arguments: Namespace, context: Context) -> Answer:
    """Show one release: its entry, whether its image is on this machine, and its packages."""
    site = context.site()
    entry = context.catalog(site).require(*names.split_release_id(arguments.release))
    image = _image(Store(site.store_root), entry)
    spec = image.spec() if image else None
    document = {"entry": entry.as_json(), "image": str(image.path) if image else None}
    lines = [*_described(entry, image, spec)]
    if arguments.packages:
        spec = spec or Store(site.store_root).get(entry.pack).spec()
        document["spec"] = spec.as_json()
        lines += ["", *packages(spec)]
    return Answer(document, lines)


def _image(store: Store, entry: Entry) -> Image | None:
    try:
        return store.get(entry.pack)
    except NotFound:
        return None


def _described(entry: Entry, image: Image | None, spec: Spec | None) -> Iterator[str]:
    approval = entry.approval
    yield f"{escape(entry.id)}  {escape(entry.display_name)}"
    rows = {
        "state": entry.state.words,
        "since": f"{entry.changed.when} by {entry.changed.who}",
        "reason": entry.changed.reason,
        "for": _grant(entry),
        "about": entry.description,
        "language": entry.language,
        "imported": f"{entry.imported_at} by {entry.imported_by}",
        "approved": f"{approval.when} by {approval.who}" if approval else "",
        "expires": entry.expires or "",
        "grace": entry.grace or "",
        "successor": entry.successor or "",
        "pack": entry.pack,
        "spec": entry.spec,
        "manifest": entry.manifest,
        "policy": entry.verdict.policy,
        "verdict": "passed" if entry.verdict.passed else "failed",
        "warnings": " ".join(entry.verdict.warnings),
        "image": image.path if image else "not on this machine",
        "packages": len(spec.packages) if spec else "",
    }
    yield from ("  " + line for line in columns([(key, value) for key, value in rows.items() if value != ""]))


def diff_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `diff`."""
    parser.add_argument("before", metavar="NAME@RELEASE")
    parser.add_argument("after", metavar="NAME@RELEASE")
    parser.add_argument(
        "--format", choices=("table", "markdown", "csv"), default="table", help="for tickets or spreadsheets"
    )


def compare(arguments: Namespace, context: Context) -> Answer:
    """Compare the packages of two releases whose images are on this machine."""
    site = context.site()
    catalog, store = context.catalog(site), Store(site.store_root)
    before, after = (
        catalog.require(*names.split_release_id(name)) for name in (arguments.before, arguments.after)
    )
    found = diff(store.get(before.pack).spec(), store.get(after.pack).spec())
    document = {"from": before.id, "to": after.id, "changes": [change.as_json() for change in found]}
    if arguments.format == "markdown":
        return Answer(document, exact=comparison_markdown(before.id, after.id, found))
    if arguments.format == "csv":
        return Answer(document, exact=comparison_csv(found))
    return Answer(document, differences(found, context.screen) if found else ["The packages are the same."])


VERBS: Mapping[str, Verb] = MappingProxyType(
    {
        "list": Verb(list_arguments, list_releases),
        "show": Verb(show_arguments, show),
        "diff": Verb(diff_arguments, compare),
    }
)
