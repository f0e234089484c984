"""What the REST API says, as values: from the guard to JSON, without HTTP.

The shapes are those of `rest-api.yml`. Everything here may wait for a disk or the
Hub, so handlers call it in a thread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jupyter_envguard.catalog import names
from jupyter_envguard.catalog.decision import Allowed, Decision, Denied, Reason
from jupyter_envguard.catalog.document import Offer
from jupyter_envguard.catalog.entry import State
from jupyter_envguard.errors import Conflict, EnvGuardError, InvalidInput, NotFound, did_you_mean
from jupyter_envguard.formats.comparison import comparison_csv, comparison_markdown
from jupyter_envguard.formats.explicit import explicit
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.kernels.listing import Listing
from jupyter_envguard.search import Query
from jupyter_envguard.server.contents import Contents
from jupyter_envguard.spec import Package, diff

HIDDEN_CODES = frozenset({"not-granted", "unknown-user"})
"""Refusals that say the release is no business of this user: such releases are not listed."""

MISSED_STATES = frozenset({State.APPROVED, State.DEPRECATED, State.REVOKED})
"""States of a release that somebody may have worked with and may miss."""

COMPARISONS = ("json", "markdown", "csv")
"""Forms of a comparison."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes over the wire."""

    content: Mapping[str, Any] | bytes | str
    """JSON, or the bytes or text as they are."""
    media_type: str = "application/json"
    """Of the content."""
    digest: str = ""
    """Digest that names the content for ever; empty when it may change."""
    is_pinned: bool = False
    """Whether the address named the digest, so that the content can never change."""
    file_name: str = ""
    """Name to save it under; empty for what is to be shown."""

    def as_bytes(self) -> bytes:
        """Return the content as it goes over the wire."""
        text = json.dumps(self.content) if isinstance(self.content, Mapping) else self.content
        return text.encode() if isinstance(text, str) else text


def environments(guard: Guard) -> Answer:
    """Return every release that the user may start, and those that are not to be had any more."""
    listing = usable_listing(guard)
    catalog, subject = listing.catalog, listing.subject
    content = {
        "catalog": {"version": catalog.version, "expires": names.format_time(catalog.expires)}
        if catalog
        else None,
        "user": subject.user if subject else None,
        **_sorted_out(guard, listing.offers),
    }
    return Answer(content)


def environment(guard: Guard, name: str) -> Answer:
    """Return all releases of the environment `name`; raise `release-unknown` when none is for this user."""
    offers = tuple(offer for offer in usable_listing(guard).offers if offer.entry.name == name)
    content = {"name": name, **_sorted_out(guard, offers)}
    if not content["environments"] and not content["unavailable"]:
        raise _no_such(name)
    return Answer(content)


def release(guard: Guard, name: str, label: str) -> Answer:
    """Return one release."""
    return Answer(shown(guard, offer_of(guard, name, label)))


def spec(guard: Guard, name: str, label: str, digest: str = "") -> Answer:
    """Return the canonical bytes of a release's spec: their SHA-256 is its digest."""
    offer = offer_of(guard, name, label)
    return addressed(guard.spec_bytes(offer.entry), offer, digest)


def packages(guard: Guard, contents: Contents, name: str, label: str, digest: str = "") -> Answer:
    """Return the packages of a release, for people to search."""
    offer = offer_of(guard, name, label)
    found, listed = contents.spec(guard, offer.entry), contents.listed(guard, offer.entry)
    head = json.dumps({**identity(offer), "platform": found.platform, "mixed": found.is_mixed})
    return addressed(f'{head.removesuffix("}")}, "packages": {listed}}}', offer, digest)


def explicit_file(guard: Guard, name: str, label: str, digest: str = "") -> Answer:
    """Return a release as an `@EXPLICIT` file."""
    offer = offer_of(guard, name, label)
    return addressed(
        explicit(guard.spec(offer.entry), offer.entry.id), offer, digest, "text/plain; charset=utf-8"
    )


def difference(guard: Guard, name: str, label: str, to: str, form: str = "json") -> Answer:
    """Return what changes from one release to the release `to`, written `name@release`.

    `form` is one of `json`, `markdown` and `csv`; raises `invalid-argument` for another one.
    """
    before = offer_of(guard, name, label)
    after = offer_of(guard, *names.split_release_id(to))
    changes = diff(guard.spec(before.entry), guard.spec(after.entry))
    match form:
        case "json":
            sides = {"from": identity(before), "to": identity(after)}
            return Answer({**sides, "changes": [item.as_json() for item in changes]})
        case "markdown":
            text = comparison_markdown(before.entry.id, after.entry.id, changes)
            return Answer(text, "text/markdown; charset=utf-8")
        case "csv":
            return Answer(comparison_csv(changes), "text/csv; charset=utf-8")
    hint = did_you_mean(form, COMPARISONS) or f"Use {', '.join(COMPARISONS)}."
    raise InvalidInput("invalid-argument", f"{form[:40]!r} is no form of a comparison.", hint)


def search(guard: Guard, contents: Contents, text: str) -> Answer:
    """Return the releases that the user may start and that have what `text` looks for.

    A release whose image is not on this machine matches by its names only.
    """
    query = Query.parse(text)
    matches, seen = [], set[str]()
    for offer in usable_listing(guard).offers:
        if offer.decision:
            packages = _packages(guard, contents, offer)
            seen |= {package.name for package in packages}
            entry = offer.entry
            found = query.find(packages, (entry.name, entry.id, entry.display_name))
            if found is not None:
                matches.append(_matching(offer, found))
    return Answer({"query": text, "matches": matches, "suggestions": list(query.near(seen))})


def me(guard: Guard) -> Answer:
    """Return who the session belongs to, as the guard knows it."""
    subject = usable_listing(guard).known
    return Answer({"user": subject.user, "groups": sorted(subject.groups), "source": subject.source})


def _packages(guard: Guard, contents: Contents, offer: Offer) -> tuple[Package, ...]:
    try:
        return contents.spec(guard, offer.entry).packages
    except EnvGuardError:
        return ()


def _matching(offer: Offer, found: tuple[Package, ...]) -> dict[str, Any]:
    entry = offer.entry
    return {
        "name": entry.name,
        "release": entry.release,
        "kernel_name": offer.kernel_name,
        "display_name": entry.display_name,
        "state": str(entry.state),
        "current": offer.is_current,
        "packages": [
            {"name": p.name, "version": p.version, "build": p.build, "manager": p.manager} for p in found
        ],
    }


def usable_listing(guard: Guard) -> Listing:
    """Return the listing of this moment; raise what keeps everything from being offered."""
    listing = guard.listing(wait=True)
    if listing.problem is not None:
        raise listing.problem
    return listing


def offer_of(guard: Guard, name: str, label: str) -> Offer:
    """Return the allowed offer of a release; raise its decision's refusal, or `release-unknown`."""
    for offer in usable_listing(guard).offers:
        if (offer.entry.name, offer.entry.release) == (name, label):
            if isinstance(offer.decision, Denied):
                raise offer.decision.as_error()
            return offer
    raise _no_such(names.release_id(name, label))


def _sorted_out(guard: Guard, offers: tuple[Offer, ...]) -> dict[str, list[dict[str, Any]]]:
    contact = guard.sources.site.contact
    return {
        "environments": [shown(guard, offer) for offer in offers if offer.decision],
        "unavailable": [_missed(offer, contact) for offer in offers if _is_missed(offer)],
    }


def shown(guard: Guard, offer: Offer) -> dict[str, Any]:
    """Return a release that may be started as the API shows it."""
    entry = offer.entry
    return {
        "name": entry.name,
        "release": entry.release,
        "kernel_name": offer.kernel_name,
        "current": offer.is_current,
        "state": str(entry.state),
        "display_name": entry.display_name,
        "description": entry.description,
        "language": entry.language,
        "expires": entry.expires,
        "successor": entry.successor,
        "revocation": {**entry.changed.as_json(), "grace": entry.ends} if entry.grace else None,
        "approval": entry.approval.as_json() if entry.approval else None,
        "digests": {"pack": entry.pack, "spec": entry.spec, "manifest": entry.manifest},
        "packages": guard.facts(entry).packages,
        "warnings": [reason.as_json() for reason in _warnings(offer.decision)],
    }


def _missed(offer: Offer, contact: str) -> dict[str, Any]:
    entry = offer.entry
    return {
        "name": entry.name,
        "release": entry.release,
        "display_name": entry.display_name,
        "state": str(entry.state),
        "successor": entry.successor,
        "contact": contact,
        "reasons": [reason.as_json() for reason in _reasons(offer.decision)],
    }


def _is_missed(offer: Offer) -> bool:
    reasons = _reasons(offer.decision)
    hidden = HIDDEN_CODES.intersection(reason.code for reason in reasons)
    return bool(reasons) and not hidden and offer.entry.state in MISSED_STATES


def _reasons(decision: Decision) -> tuple[Reason, ...]:
    return decision.reasons if isinstance(decision, Denied) else ()


def _warnings(decision: Decision) -> tuple[Reason, ...]:
    return decision.warnings if isinstance(decision, Allowed) else ()


def identity(offer: Offer) -> dict[str, Any]:
    """Return which release it is, and the digest of its spec."""
    entry = offer.entry
    return {"environment": entry.name, "release": entry.release, "spec": entry.spec}


def addressed(
    content: Mapping[str, Any] | bytes | str, offer: Offer, digest: str, media_type: str = "application/json"
) -> Answer:
    """Return the answer for what the spec's digest names, after checking the digest that was asked for."""
    entry = offer.entry
    if digest and digest != entry.spec:
        raise Conflict(
            "digest-mismatch",
            f"The spec of {entry.id} has the digest {entry.spec}, not {digest[:80]}.",
            "Ask without a digest, or for the release that has it.",
        )
    return Answer(content, media_type, entry.spec, bool(digest))


def _no_such(what: str) -> NotFound:
    return NotFound("release-unknown", f"There is no {what} for you.", "List the environments there are.")
