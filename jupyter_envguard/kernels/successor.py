"""What stands in for a kernel that may not start: never a dead end where there is a way on.

In this order: the successor that the catalog names, the release that made the
outputs, what the site maps the name to, another release of the same environment,
and for a name like `python3` or `ir` a kernel that speaks the language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from jupyter_envguard.catalog.document import Offer
from jupyter_envguard.catalog.names import SEPARATOR
from jupyter_envguard.kernels.listing import Listing

STEPS = 16
"""Successors of successors that are followed; a catalog may name them in a circle."""
LANGUAGE = re.compile(r"[a-z]+")
SPOKEN = {"ir": "r", "ipython": "python", "xpython": "python"}
"""Languages of kernels that are not named after theirs, as their projects name them."""


def successor(
    listing: Listing, kernel_name: str, digest: str = "", mapped: Mapping[str, str] | None = None
) -> Offer | None:
    """Return the allowed offer to take instead of `kernel_name`, or None.

    `digest` is one of the release that was used before, empty when nobody knows;
    `mapped` is what the site says by kernel name.
    """
    offer = listing.find(kernel_name)
    wanted = _candidates(listing, offer, kernel_name.lower(), digest, mapped or {})
    return next((found for found in wanted if found.decision), None)


def stamped(listing: Listing, digest: str) -> Offer | None:
    """Return the offer of the release that one of the digests `digest` is of, allowed or not, or None."""
    for offer in listing.offers if digest else ():
        if digest in (offer.entry.manifest, offer.entry.spec, offer.entry.pack):
            return offer
    return None


def _candidates(
    listing: Listing, offer: Offer | None, name: str, digest: str, mapped: Mapping[str, str]
) -> Iterator[Offer]:
    yield from _chain(listing, offer)
    before = stamped(listing, digest)
    if before is not None:
        yield before
        yield from _chain(listing, before)
    target = listing.find(mapped.get(name, "").replace("@", SEPARATOR))
    if target is not None:
        yield target
        yield from _chain(listing, target)
    for known in filter(None, (offer, before, target)):
        yield from (other for other in listing.offers if other.entry.name == known.entry.name)
    if offer is None:
        yield from _speaking(listing, name)


def _chain(listing: Listing, offer: Offer | None) -> Iterator[Offer]:
    """Yield the successors of `offer`, one after the other."""
    by_id = {other.entry.id: other for other in listing.offers}
    for _ in range(STEPS):
        offer = by_id.get(offer.entry.successor or "") if offer else None
        if offer is None:
            return
        yield offer


def _speaking(listing: Listing, name: str) -> Iterator[Offer]:
    """Yield current offers whose language the kernel name `name` begins with, the default one first."""
    found = LANGUAGE.match(name)
    language = SPOKEN.get(found[0], found[0]) if found else ""
    current = [
        offer for offer in listing.offers if offer.is_current and offer.entry.language.lower() == language
    ]
    yield from sorted(current, key=lambda offer: (offer.kernel_name != listing.default, offer.kernel_name))
