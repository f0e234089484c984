"""What `doctor` answers when somebody cannot see or start a kernel: every reason, one check each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from jupyter_envguard import confine
from jupyter_envguard.acl import Person, Place, decide, operation_of
from jupyter_envguard.catalog import Catalog, Entry
from jupyter_envguard.catalog.decision import Allowed, Reason
from jupyter_envguard.cli.checks import Check, Status, image_problem
from jupyter_envguard.errors import EnvGuardError, did_you_mean
from jupyter_envguard.kernels.launch import launch_for
from jupyter_envguard.kernels.listing import Listing, listing_for
from jupyter_envguard.kernels.subject import Subject
from jupyter_envguard.kernels.successor import successor
from jupyter_envguard.site import Site
from jupyter_envguard.store import Store

TRIED = ("conda", "install", "x")
"""The package operation about which most people ask."""


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks for which kernel."""

    user: str
    """Name at the Hub."""
    groups: frozenset[str]
    """Groups at the Hub, as somebody remembers them."""
    kernel: str
    """Name of the kernel."""


def access(site: Site, catalog: Catalog, question: Question) -> Iterator[Check]:
    """Yield what stands for and against `question` at `site`; it is allowed when nothing of it is a FAIL."""
    subject = Subject(question.user, question.groups, "hub")
    listing = listing_for(subject, catalog, datetime.now(UTC))
    yield _groups(question)
    offer = listing.find(question.kernel)
    if offer is None:
        yield _unknown(site, listing, question)
        return
    entry = offer.entry
    if isinstance(offer.decision, Allowed):
        yield Check("grant", Status.PASS, f"{question.user} may use {entry.id}, {_by(entry, question)}.")
        yield from (_reason("grant", Status.WARN, reason) for reason in offer.decision.warnings)
    else:
        yield from (_reason("grant", Status.FAIL, reason) for reason in offer.decision.reasons)
        yield from _instead(site, listing, question)
    yield from _readiness(site, entry)
    yield _level(site, question)
    yield _operation(site, entry, question)


def _groups(question: Question) -> Check:
    told = f"Asked for {question.user} in {', '.join(sorted(question.groups)) or 'no group'}."
    return Check(
        "groups",
        Status.INFO,
        f"{told} What counts is what the Hub says when the session asks, within a minute.",
        "" if question.groups else "Name groups with --groups A,B; the hub's admin page shows them.",
    )


def _unknown(site: Site, listing: Listing, question: Question) -> Check:
    names = [offer.kernel_name for offer in listing.offers]
    hint = did_you_mean(question.kernel.lower(), names) or "See: jupyter envguard list"
    found = successor(listing, question.kernel, mapped=site.successors)
    instead = f" What starts in its place is '{found.kernel_name}'." if found else ""
    return Check(
        "name",
        Status.FAIL,
        f"No release in the catalog means the kernel {question.kernel!r}.{instead}",
        hint,
        "kernel-not-approved",
    )


def _by(entry: Entry, question: Question) -> str:
    if "*" in entry.groups:
        return "as everybody may"
    groups = sorted(question.groups & set(entry.groups))
    return f"as a member of {groups[0]}" if groups else "by name"


def _reason(name: str, status: Status, reason: Reason) -> Check:
    return Check(name, status, reason.message, reason.hint, reason.code)


def _instead(site: Site, listing: Listing, question: Question) -> Iterator[Check]:
    found = successor(listing, question.kernel, mapped=site.successors)
    if found is not None:
        message = f"What {question.user} may use in its place is '{found.kernel_name}' ({found.entry.id})."
        yield Check("successor", Status.INFO, message)


def _readiness(site: Site, entry: Entry) -> Iterator[Check]:
    """Yield whether the image is here, whole, and has something to start."""
    store = Store(site.store_root)
    problem = image_problem(store, entry)
    if problem is not None:
        yield Check("image", Status.FAIL, problem.message, problem.fix, problem.code)
        return
    yield Check("image", Status.PASS, f"{entry.id} is on this machine, unchanged.")
    try:
        launch_for(store.path_of(entry.pack), entry.language)
    except EnvGuardError as error:
        yield Check("launch", Status.FAIL, error.message, error.hint, error.code)
        return
    yield Check("launch", Status.PASS, f"Its kernel is started from {store.path_of(entry.pack)}.")


def _level(site: Site, question: Question) -> Check:
    guard = site.guard.of(question.groups)
    support = confine.available()
    if guard.level != "advise" and not support.files:
        start = "start only behind a wall" if guard.required else "start without their wall"
        return Check(
            "level",
            Status.FAIL if guard.required else Status.WARN,
            f"Kernels of {question.user} {start}, which this machine does not have:"
            f" {support.reason or 'Landlock is too old'}.",
            "Use Linux 5.19 or newer with landlock in its list of security modules.",
            "confine-unavailable",
        )
    message = f"Sessions of {question.user} have the level {guard.level} ({guard.mode})."
    return Check("level", Status.INFO, message)  # what is wanted; nothing was tried


def _operation(site: Site, entry: Entry, question: Question) -> Check:
    operation = operation_of(TRIED)
    assert operation is not None  # noqa: S101 - it is written above
    person = Person(question.user, question.groups)
    ruling = decide(site.acl, person, Place("environment", entry.name), operation)
    said = "allows" if ruling else "denies"
    message = f"The rule {ruling.rule} {said} conda install in {entry.name} to {question.user}."
    return Check("acl", Status.INFO, message)
