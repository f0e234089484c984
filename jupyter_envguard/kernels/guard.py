"""The guard of one session: which kernels its user may start, and each start decided anew.

`Guard` joins the site, the catalog, the store and the log for one user. It is plain
Python; Jupyter's classes beside it only translate.

    guard = Guard(Path("/srv/envguard/site.yaml"), Subjects(lookup_for(os.environ)))
    guard.listing().allowed          # kernel name → offer; costs a stat when nothing changed
    guard.resolve("datasci")         # the offer, or the refusal raised
    guard.permit("datasci", id)      # decides, checks the image, records
    guard.confirm(permit)            # what was checked is still there; then start

Whatever goes wrong, a missing site file, an expired catalog, a silent Hub, the
listing is empty and says why (`Listing.problem`).
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from jupyter_envguard import site as sites
from jupyter_envguard.catalog.client import Client
from jupyter_envguard.catalog.decision import Denied as Refused
from jupyter_envguard.catalog.document import Offer
from jupyter_envguard.catalog.entry import Entry, State
from jupyter_envguard.errors import Denied, EnvGuardError, Unavailable, Untrusted
from jupyter_envguard.image import VerifyMode
from jupyter_envguard.kernels.facts import Facts, approved_spec, facts_of
from jupyter_envguard.kernels.journal import Journal
from jupyter_envguard.kernels.launch import Launch, launch_for
from jupyter_envguard.kernels.listing import Listing, closed, listing_for
from jupyter_envguard.kernels.notices import Notices
from jupyter_envguard.kernels.ration import Ration
from jupyter_envguard.kernels.subject import Subject, Subjects
from jupyter_envguard.kernels.successor import successor
from jupyter_envguard.site import Enforcement, Site
from jupyter_envguard.spec import Spec
from jupyter_envguard.store import Image, Presence, Store, leased

SHOWN_NAMES = 8
"""Approved kernels that a refusal names."""

SHOWN_CHARACTERS = 80
"""Characters of a refused kernel name that a message repeats."""

COUNTED: Mapping[str, str] = MappingProxyType(
    {
        "import.denied": "import-denied",
        "kernel.denied": "kernel-not-approved",
        "package.denied": "operation-denied",
    }
)
"""Types of events that are refusals, and what is said to be the reason of those that are only counted."""


@dataclass(frozen=True, slots=True)
class Permit:
    """One start, allowed and recorded."""

    offer: Offer
    """The release that starts."""
    subject: Subject
    """For whom."""
    image: Image
    """Its image on this machine, checked a moment ago."""
    launch: Launch
    """What to start."""
    kernel_id: str
    """Jupyter's id of the kernel."""
    catalog: int
    """Version of the catalog that allowed it."""
    seat: tuple[int, int]
    """What lay at the path of the image when it was checked, by device and inode."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What a site file leads to."""

    site: Site
    """The site as read."""
    client: Client
    """Reads and verifies the catalog."""
    store: Store
    """Images on this machine."""
    journal: Journal
    """The session's own log."""


class Guard:
    """Decides for one session; safe for several threads."""

    def __init__(
        self,
        site: Path,
        subjects: Subjects,
        *,
        server: str = "",
        verify: VerifyMode = "stat",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Read nothing yet: a guard that cannot read its site refuses, it does not fail to exist."""
        self.notices = Notices()
        self.ration = Ration()
        self._path = site
        self._subjects = subjects
        self._server = server
        self._verify = verify
        self._clock = clock
        self._turn = threading.RLock()
        self._sources: Sources | None = None
        self._listing: Listing | None = None
        self._facts: dict[str, Facts] = {}

    @property
    def sources(self) -> Sources:
        """What the site file leads to; raises the error that keeps it from being used."""
        with self._turn:
            if self._sources is None:
                if self._path == Path():
                    raise not_configured()
                found = sites.load(self._path)
                self._sources = Sources(
                    found,
                    Client(found.catalog, found.trust),
                    Store(found.store_root),
                    Journal(found.spool, self._server, required=found.audit_required),
                )
            return self._sources

    def listing(self, *, wait: bool = False) -> Listing:
        """Return what the user may start now.

        The same object comes back for as long as nothing changed: one stat. With
        `wait` the user's groups are asked for when they are old, which takes a
        moment; without it they are refreshed in the background.
        """
        subject = None
        try:
            subject = self._subjects.fresh() if wait else self._subjects.latest()
            catalog = self.sources.client.current()
        except EnvGuardError as error:
            return closed(subject, self._clock(), error)
        with self._turn:
            held, now = self._listing, self._clock()
            if held and held.catalog is catalog and held.subject == subject and now < held.until:
                return held
            self._listing = listing_for(subject, catalog, now)
            return self._listing

    def resolve(self, kernel_name: str, *, wait: bool = True) -> Offer:
        """Return the offer that `kernel_name` means; see `listing` for `wait`.

        Raises what decides against it: the reason of the catalog's decision,
        `kernel-not-approved` for a name that means nothing, or the listing's problem.
        """
        return self._resolve(self.listing(wait=wait), kernel_name)

    def check(self, kernel_name: str) -> Offer:
        """Return the offer as `resolve` does if there is something to start; record the refusal if not."""
        listing = self.listing(wait=True)
        try:
            offer = self._resolve(listing, kernel_name)
            self.launch(offer.entry)
            return offer
        except EnvGuardError as error:
            self._record_denial(listing, kernel_name, "", error)
            raise

    def permit(self, kernel_name: str, kernel_id: str) -> Permit:
        """Return what to start for `kernel_name`, after deciding, checking and recording; may take a while.

        Raises as `resolve` does, `image-missing`, `image-not-mounted` and `image-drifted` for an image
        that is not what was approved, and `audit-unavailable` when the site
        requires a record and none can be written. Every refusal is recorded.
        """
        listing = self.listing(wait=True)
        try:
            offer = self._resolve(listing, kernel_name)
            with self._checked_image(offer.entry) as image:
                launch, seat = launch_for(image.path, offer.entry.language), _seat(image)
        except EnvGuardError as error:
            self._record_denial(listing, kernel_name, kernel_id, error)
            raise
        permit = Permit(offer, listing.known, image, launch, kernel_id, listing.version, seat)
        if offer.entry.state is State.REVOKED:
            self.record(permit, "kernel.start", grace=str(offer.entry.ends))
        else:
            self.record(permit, "kernel.start")
        return permit

    def confirm(self, permit: Permit) -> None:
        """See to it that what was checked for `permit` is at its path; to be called with the image leased.

        A mount may have come or gone between the check and the lease. What is there then
        is brought and checked anew; raises as `permit` does, but records nothing.
        """
        if _seat(permit.image) != permit.seat:
            with self._checked_image(permit.offer.entry):
                pass

    def record(
        self, permit: Permit, kind: str, error: EnvGuardError | None = None, **about: str | int
    ) -> None:
        """Record what became of a permitted start; raises `audit-unavailable` where records are required."""
        offer = permit.offer
        about |= {"kernel_id": permit.kernel_id, "kernel_name": offer.kernel_name, "catalog": permit.catalog}
        self.sources.journal.write(kind, permit.subject, offer.entry, error, **about)

    def record_session(self, kind: str, error: EnvGuardError | None = None, **about: str | int) -> None:
        """Record what happened in the session outside of kernels; raises as `record` does."""
        listing = self.listing()
        self.sources.journal.write(kind, listing.subject, None, error, catalog=listing.version, **about)

    def record_rests(self, every: bool = False) -> None:
        """Record how many events were only counted, in the times that have run out, or in `every` time."""
        for kind, number in self.ration.rests(every).items():
            code = COUNTED.get(kind)
            error = Denied(code, "There were more of them than are recorded.") if code else None
            with contextlib.suppress(EnvGuardError):
                self.record_session(kind, error, more=number, message=f"{number} more of them")

    def launch(self, entry: Entry) -> Launch:
        """Return what a start of `entry` would start, which is no permission to do so.

        An image without a tree is brought to its path. Raises as `launch_for` does, or
        what is wrong with the image if that is why.
        """
        with contextlib.suppress(EnvGuardError):
            return launch_for(self.image_path(entry), entry.language)
        with self._checked_image(entry) as image:
            return launch_for(image.path, entry.language)

    def image_path(self, entry: Entry) -> Path:
        """Return where the image of `entry` lies on this machine, whether it is there or not."""
        return self.sources.store.path_of(entry.pack)

    def spec_bytes(self, entry: Entry) -> bytes:
        """Return the canonical bytes of the spec of `entry`; raises `image-missing` or `spec-drifted`."""
        return approved_spec(self.sources.store.get(entry.pack), entry)

    def enforcement(self, subject: Subject) -> Enforcement:
        """Return how far the sessions of `subject` are confined."""
        return self.sources.site.guard.of(subject.groups)

    def spec(self, entry: Entry) -> Spec:
        """Return the spec of `entry`; raises as `spec_bytes` does."""
        return Spec.from_json(json.loads(self.spec_bytes(entry)))

    def facts(self, entry: Entry) -> Facts:
        """Return what listings tell about `entry` besides the catalog; nothing when its image is not here."""
        if entry.manifest in self._facts:
            return self._facts[entry.manifest]
        try:
            found, is_final = facts_of(self.sources.store, entry)
        except EnvGuardError:
            return Facts()
        if is_final:
            self._facts[entry.manifest] = found
        return found

    def _resolve(self, listing: Listing, kernel_name: str) -> Offer:
        if listing.problem is not None:
            raise listing.problem
        offer = listing.find(kernel_name)
        if offer is None:
            raise self._unknown(listing, kernel_name)
        if isinstance(offer.decision, Refused):
            raise self._with_successor(listing, kernel_name, offer.decision.as_error())
        return offer

    def _with_successor(self, listing: Listing, kernel_name: str, refused: Denied) -> Denied:
        """Return `refused` with the kernel that stands in for this one in its hint, if there is one."""
        found = successor(listing, kernel_name, mapped=self.sources.site.successors)
        if found is None:
            return refused
        instead = f"Start the kernel '{found.kernel_name}' ({found.entry.id}) instead."
        return Denied(refused.code, refused.message, f"{instead} {refused.hint}".strip())

    def _unknown(self, listing: Listing, kernel_name: str) -> Denied:
        site = self.sources.site
        ask = f"Ask for one at {site.request_url}." if site.request_url else "Ask your hub's administrator."
        names = sorted(listing.allowed)
        if not names:
            user = listing.known.user
            return Denied("no-kernel-approved", f"No environment is approved for {user}.", ask)
        more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
        refused = Denied(
            "kernel-not-approved",
            f"Kernel '{shortened(kernel_name)}' is not approved on {site.name}.",
            f"Approved for you: {', '.join(names[:SHOWN_NAMES])}{more}. {ask}",
        )
        return self._with_successor(listing, kernel_name, refused)

    @contextlib.contextmanager
    def _checked_image(self, entry: Entry) -> Iterator[Image]:
        """Yield the image of `entry`, compared with what was approved; nobody takes it away meanwhile."""
        store = self.sources.store
        image = store.get(entry.pack)
        if (image.manifest_digest, image.spec_digest) != (entry.manifest, entry.spec):
            raise Untrusted(
                "image-drifted",
                f"The image of {entry.id} in {image.path} is not the approved one ({entry.manifest}).",
                "Import the pack again on this machine.",
            )
        with leased(image):
            self._compare(entry, image)
            yield image

    def _compare(self, entry: Entry, image: Image) -> None:
        store = self.sources.store
        presence = Presence(store)
        presence.present(image)
        stat = self._verify == "stat"
        findings = presence.check(image) if stat else store.verify(image, self._verify)
        if findings:
            more = f" ({len(findings) - 1} more)" if len(findings) > 1 else ""
            raise Untrusted(
                "image-drifted",
                f"{entry.id} is not as it was approved: {findings[0].path}: {findings[0].detail}{more}",
                "Tell your hub's administrator; the image must be made again from its pack.",
            )

    def _record_denial(
        self, listing: Listing, kernel_name: str, kernel_id: str, error: EnvGuardError
    ) -> None:
        """Record a refusal, or count it; that it cannot be recorded does not change it."""
        self.record_rests()
        if not self.ration.admits("kernel.denied"):
            return
        offer = listing.find(kernel_name)
        about: dict[str, str | int] = {
            "kernel_id": kernel_id,
            "kernel_name": shortened(kernel_name),
            "catalog": listing.version,
        }
        with contextlib.suppress(EnvGuardError):
            self.sources.journal.write(
                "kernel.denied", listing.subject, offer.entry if offer else None, error, **about
            )


def _seat(image: Image) -> tuple[int, int]:
    """Return what lies at the path of `image`; what is mounted there is another device."""
    with contextlib.suppress(OSError):
        there = image.path.stat()
        return there.st_dev, there.st_ino
    return 0, 0


def not_configured() -> Unavailable:
    """Return the error of a server on which no site is set."""
    return Unavailable(
        "not-configured",
        "EnvGuard is installed here, but no site is set.",
        "Start the server with --EnvGuardApp.site=/path/to/site.yaml.",
    )


def shortened(kernel_name: str) -> str:
    """Return a kernel name from outside as messages and records repeat it."""
    return ascii(kernel_name[:SHOWN_CHARACTERS])[1:-1]
