"""This user's requests over HTTP: read from the spool, made in it, answered by the site's decisions."""

from __future__ import annotations

from jupyter_envguard.catalog import names
from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.kernels.listing import Listing
from jupyter_envguard.requests import Asked, Decisions, Outbox, RequestInvalid, shown
from jupyter_envguard.server.presenter import Answer, usable_listing

SHOWN_CHARACTERS = 200
"""Of what is asked for, in the session's log."""


def requests(guard: Guard) -> Answer:
    """Return what this user has asked for, the newest first, with what was decided."""
    listing = usable_listing(guard)
    kept = outbox(guard, listing.known.user).list()
    return Answer({"requests": [shown(request, decision) for request, decision in kept]})


def make(guard: Guard, document: object) -> Answer:
    """Keep the request that the JSON `document` makes, record it, and return it.

    Raises `request-invalid` with every field that is wrong, `requests-full`, and
    `audit-unavailable` where records are required; then there is no request.
    """
    listing = usable_listing(guard)
    asked = Asked.from_json(document)
    subject, box = listing.known, outbox(guard, listing.known.user)
    made = box.make(asked, _release(listing, asked.environment))
    try:
        guard.sources.journal.write(
            "request.made",
            subject,
            None,
            catalog=listing.version,
            request=made.id,
            what=asked.kind,
            asked=asked.subject[:SHOWN_CHARACTERS],
        )
    except EnvGuardError:
        box.withdraw(made)
        raise
    return Answer(shown(made, None))


def outbox(guard: Guard, user: str) -> Outbox:
    """Return the requests of `user`, who is the one whose server this is."""
    site = guard.sources.site
    return Outbox(site.spool, user, Decisions(site.decisions, site.path))


def _release(listing: Listing, environment: str) -> str:
    """Return the release that `environment` means to this user now; raise `request-invalid` for none."""
    if not environment:
        return ""
    offer = listing.allowed.get(names.check_name(environment, "environment"))
    if offer is None:
        raise RequestInvalid({"environment": "You have no environment of this name."})
    return offer.entry.release
