"""`verify` and `log`: what can be shown to somebody who does not take our word for it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from jupyter_envguard.audit import UNSEEN, Head, Log, Query, Verification, merged, spooled
from jupyter_envguard.catalog import Entry, State, names
from jupyter_envguard.cli import notebooks
from jupyter_envguard.cli.context import Context, moment
from jupyter_envguard.cli.progress import progress
from jupyter_envguard.cli.records import record_lines, refused
from jupyter_envguard.cli.terminal import count, escape
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.errors import EnvGuardError, InvalidInput, NotFound, Untrusted
from jupyter_envguard.image import Finding, VerifyMode
from jupyter_envguard.site import Site
from jupyter_envguard.spec import check_digest
from jupyter_envguard.store import Store

SHOWN_PATHS = 20
"""Changed paths of one image that people are shown; JSON holds all of them."""
LAST = 100
"""Events that `log` shows unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class Verified:
    """How one release stands on this machine."""

    entry: Entry
    """The release."""
    status: str
    """`whole`, `changed`, `missing` or `damaged`."""
    findings: tuple[Finding, ...] = ()
    """The paths that differ from the manifest."""
    error: EnvGuardError | None = None
    """Why it could not be compared."""

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "release": self.entry.id,
            "manifest": self.entry.manifest,
            "status": self.status,
            "findings": [asdict(finding) for finding in self.findings],
            "error": self.error.as_json() if self.error else None,
        }


def verify_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `verify`."""
    parser.add_argument(
        "what",
        nargs="*",
        metavar="NAME@RELEASE|NOTEBOOK.ipynb",
        help="only these releases (default: all); or notebooks, whose stamps are compared with the catalog",
    )
    parser.add_argument(
        "--quick", action="store_true", help="compare kinds, sizes, modes and times, and read no content"
    )
    parser.add_argument("--no-log", action="store_true", help="leave the log alone")


def verify(arguments: Namespace, context: Context) -> Answer:
    """Compare the images on this machine with what was approved, and check the chain of the log.

    Where notebooks are named, their stamps are compared instead.
    """
    if notebooks.are_notebooks(arguments.what):
        return notebooks.verify(arguments, context)
    site = context.site()
    catalog = context.catalog(site)
    named = [catalog.require(*names.split_release_id(name)) for name in arguments.what]
    # What was put away or turned down may have been removed from the store.
    entries = named or [e for e in catalog.entries if e.state not in (State.ARCHIVED, State.REJECTED)]
    store = Store(site.store_root)
    mode: VerifyMode = "stat" if arguments.quick else "full"
    found = []
    for entry in entries:
        with progress(context.screen, f"Comparing {entry.id}"):
            found.append(_compared(store, entry, mode))
    chain = None if arguments.no_log else _chain(site)
    document = {"images": [item.as_json() for item in found], "log": _chain_json(chain) if chain else None}
    return Answer(document, _verified_lines(found, chain), refusal=_verify_refusal(found, chain))


def _compared(store: Store, entry: Entry, mode: VerifyMode) -> Verified:
    try:
        image = store.get(entry.pack)
        if image.manifest_digest != entry.manifest:
            raise Untrusted(
                "image-drifted",
                f"The manifest in the store is {image.manifest_digest}, approved is {entry.manifest}.",
                "Import the pack again on this machine.",
            )
        findings = store.verify(image, mode=mode)
    except NotFound as error:
        return Verified(entry, "missing", error=error)
    except EnvGuardError as error:
        return Verified(entry, "damaged", error=error)
    return Verified(entry, "changed" if findings else "whole", findings)


def _verified_lines(found: list[Verified], chain: Verification | None) -> Iterator[str]:
    for item in found:
        yield f"{item.status:<8} {escape(item.entry.id)}"
        if item.error:
            yield f"  {escape(item.error.message)}"
        yield from (
            f"  {finding.problem:<8} {escape(finding.path)}: {escape(finding.detail)}"
            for finding in item.findings[:SHOWN_PATHS]
        )
        if len(item.findings) > SHOWN_PATHS:
            yield f"  and {count(len(item.findings) - SHOWN_PATHS, 'more path')}"
    if not found:
        yield "No release to compare."
    if chain:
        yield _chain_line(chain)


def _verify_refusal(found: list[Verified], chain: Verification | None) -> EnvGuardError | None:
    """Return the gravest of what was found: a changed tree, a broken log, an image that is not there."""
    wrong = [item.entry.id for item in found if item.status in ("changed", "damaged")]
    missing = [item.entry.id for item in found if item.status == "missing"]
    if wrong:
        return Untrusted(
            "image-drifted",
            f"Not what was approved: {', '.join(wrong)}.",
            "Revoke it or import its pack again; and find out who could write to the store.",
        )
    if chain and not chain.ok:
        return _broken(chain)
    if missing:
        return NotFound(
            "image-missing", f"Not on this machine: {', '.join(missing)}.", "Import the packs here."
        )
    return None


def log_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `log`."""
    parser.add_argument(
        "--release", default="", metavar="NAME@RELEASE", help="only events about this release"
    )
    parser.add_argument("--user", default="", metavar="NAME", help="only what this person did")
    parser.add_argument(
        "--type", default="", help="only this type, such as kernel.start, or kernel for all of them"
    )
    parser.add_argument(
        "--outcome", default="", choices=("allowed", "denied", "error"), help="only with this outcome"
    )
    parser.add_argument("--since", type=moment, metavar="TIME", help="not before, such as 2026-11-01 (UTC)")
    parser.add_argument("--until", type=moment, metavar="TIME", help="before, such as 2026-11-27T09:30")
    parser.add_argument(
        "--last", type=number, default=LAST, metavar="N", help=f"the newest N (default {LAST}; 0 for all)"
    )
    parser.add_argument(
        "--no-sessions", action="store_true", help="only the site's log, not those of sessions"
    )
    parser.add_argument(
        "--landlock",
        metavar="FILE",
        help="show instead what walls refused, as the machine's kernel logged it in FILE, or - for stdin",
    )
    parser.add_argument("--verify", action="store_true", help="check the chain and print its head instead")
    parser.add_argument(
        "--kept",
        action="append",
        default=[],
        type=head,
        metavar="N:DIGEST",
        help="with --verify: a head that was printed earlier and must still be there; repeat",
    )


def log(arguments: Namespace, context: Context) -> Answer:
    """Show events, oldest first, those of sessions among them; or check the chain."""
    if arguments.kept and not arguments.verify:
        raise InvalidInput("invalid-argument", "--kept needs --verify.", "Add --verify.")
    if arguments.landlock is not None:
        return refused(arguments)
    site = context.site()
    if arguments.verify:
        chain = _chain(site, *arguments.kept)
        refusal = None if chain.ok else _broken(chain)
        return Answer({"log": _chain_json(chain)}, [_chain_line(chain), UNSEEN], refusal=refusal)
    query = Query(
        type=arguments.type,
        release=arguments.release,
        actor=arguments.user,
        outcome=arguments.outcome,
        since=arguments.since,
        until=arguments.until,
        limit=arguments.last or None,
        newest_first=True,
    )
    main = Log(site.log, create=False)
    end, problems = main.head(), list[EnvGuardError]()
    logs = [main] if arguments.no_sessions else [main, *spooled(site.spool, problems)]
    records = list(merged(logs, query, problems))[::-1]
    for problem in problems:
        context.screen.warn(problem.message)
    document = {
        "head": {"seq": end.seq, "hash": end.hash},
        "records": [record.as_json() for record in records],
        "problems": [problem.as_json() for problem in problems],
    }
    return Answer(document, record_lines(records))


def number(text: str) -> int:
    """Return a count that a person wrote; raise `ValueError` below 0."""
    found = int(text)
    if found < 0:
        raise ValueError(text)
    return found


def head(text: str) -> Head:
    """Return the head that `log --verify` printed as `N:DIGEST`."""
    place, _, digest = text.partition(":")
    return Head(number(place), check_digest(digest))


def _chain(site: Site, *kept: Head) -> Verification:
    with Log(site.log, create=False) as main:
        return main.verify(*kept)


def _chain_json(chain: Verification) -> dict[str, Any]:
    return {
        "ok": chain.ok,
        "head": {"seq": chain.head.seq, "hash": chain.head.hash},
        "broken": chain.broken,
        "problem": chain.problem,
        "unseen": UNSEEN,
    }


def _chain_line(chain: Verification) -> str:
    if not chain.ok:
        return f"broken   log: {escape(chain.problem)}"
    return f"whole    log, {count(chain.head.seq, 'event')}, head {chain.head.seq}:{chain.head.hash}"


def _broken(chain: Verification) -> Untrusted:
    return Untrusted(
        "log-invalid",
        f"The log does not hold from event {chain.broken} on: {chain.problem}.",
        "Keep the file as it is and find out who could write to it.",
    )


VERBS: Mapping[str, Verb] = MappingProxyType(
    {"verify": Verb(verify_arguments, verify), "log": Verb(log_arguments, log)}
)
