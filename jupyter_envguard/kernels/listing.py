"""What one user may start at one moment: `Listing`, a value without a machine behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from jupyter_envguard.catalog.document import Catalog, Offer
from jupyter_envguard.catalog.names import SEPARATOR, parse_time
from jupyter_envguard.errors import Denied, EnvGuardError, Unavailable, Untrusted
from jupyter_envguard.kernels.subject import Subject


@dataclass(frozen=True, slots=True)
class Listing:
    """Every release as this user sees it at this moment."""

    subject: Subject | None
    """Who it is for; None when nobody could say."""
    catalog: Catalog | None
    """What was read; None when it could not be."""
    offers: tuple[Offer, ...]
    """Every release with its decision, by environment, the current one first."""
    until: datetime
    """When the next decision changes by itself."""
    problem: EnvGuardError | None = None
    """Why nothing is allowed at all."""
    allowed: Mapping[str, Offer] = field(init=False)
    """What may be started, by kernel name."""

    def __post_init__(self) -> None:
        allowed = {offer.kernel_name: offer for offer in self.offers if offer.decision}
        object.__setattr__(self, "allowed", MappingProxyType(allowed))

    @property
    def version(self) -> int:
        """Version of the catalog, 0 when none could be read."""
        return self.catalog.version if self.catalog else 0

    @property
    def known(self) -> Subject:
        """The subject; raises the problem when there is none."""
        if self.subject is None:
            raise self.problem or Unavailable(
                "groups-unknown", "Nobody is known to ask.", "Try again in a moment."
            )
        return self.subject

    @property
    def default(self) -> str:
        """The kernel to start when none is named: the first current Python one; empty when there is none."""
        current = [offer for offer in self.allowed.values() if offer.is_current]
        current.sort(key=lambda offer: (offer.entry.language.lower() != "python", offer.kernel_name))
        return current[0].kernel_name if current else ""

    def find(self, kernel_name: str) -> Offer | None:
        """Return the offer that `kernel_name` means, allowed or not, or None.

        `name--release` also means the current release, so a notebook can pin one
        before and after it is superseded.
        """
        wanted = kernel_name.lower()
        name, _, release = wanted.partition(SEPARATOR)
        for offer in self.offers:
            if offer.kernel_name == wanted or (offer.entry.name, offer.entry.release) == (name, release):
                return offer
        return None


def listing_for(subject: Subject, catalog: Catalog, now: datetime) -> Listing:
    """Return what `catalog` offers to `subject` at the moment `now`."""
    offers = catalog.offers(subject.user, subject.groups, now)
    ends = (parse_time(entry.ends) for entry in catalog.entries if entry.ends)
    until = min((end for end in (catalog.expires, *ends) if end > now), default=now)
    return Listing(subject, catalog, offers, until)


def closed(subject: Subject | None, now: datetime, error: EnvGuardError) -> Listing:
    """Return the listing that allows nothing, because of `error`.

    A site file that is missing or wrong is no fault of the user who asks, so such
    an error counts as one of the machine.
    """
    if not isinstance(error, Denied | Untrusted | Unavailable):
        error = Unavailable(error.code, error.message, error.hint)
    return Listing(subject, None, (), now, error)
