"""`Admission`: the verbs by which packs become kernels and stop being kernels.

    with Admission(site, actor=actor, smoke=smoke) as admission:
        admission.import_pack(path, "datasci", "2026.11", groups=("data-science",))
        admission.approve("datasci", "2026.11", "Reviewed with the stewards")

A verb checks, publishes, and records, in this order, and on any failure the
catalog is as it was. Two people at once are served one after the other; who
decided about something that changed meanwhile is told so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Self

from jupyter_envguard.admission import imports, steps
from jupyter_envguard.admission.imports import ImportResult, Proposal, Smoke
from jupyter_envguard.admission.recorder import VERBS, Attempt, Recorder, digests_of
from jupyter_envguard.admission.steps import UNDECIDED, Step
from jupyter_envguard.audit import Actor
from jupyter_envguard.catalog import Catalog, Client, Entry, Repository, State, Statement
from jupyter_envguard.catalog.entry import USABLE
from jupyter_envguard.errors import Conflict, EnvGuardError, NotFound, Untrusted
from jupyter_envguard.image import AttestedForm, Image
from jupyter_envguard.inventory import Inventory
from jupyter_envguard.pack import Pack, Progress, open_pack
from jupyter_envguard.policy import Host, Passed, Verdict, evaluate
from jupyter_envguard.site import Site
from jupyter_envguard.store import Presence, Store, leased


class Admission:
    """One person at work on one site; a context manager that lets go of the log."""

    def __init__(
        self,
        site: Site,
        *,
        actor: Actor,
        smoke: Smoke | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Open nothing yet.

        `actor` stands in every statement and event. `smoke` tries a new image;
        without it no pack can be imported under a policy that wants it tried.
        """
        self._site = site
        self._actor = actor
        self._smoke = smoke
        self._clock = clock
        self._store = Store(site.store_root)
        self._recorder = Recorder(site, actor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the log."""
        self._recorder.close()

    def check(self, path: Path, progress: Progress | None = None) -> ImportResult:
        """Return what the policy says about a pack; nothing is written, started or recorded.

        Raises the refusals of `Pack.inventory`; a verdict that is no is an answer.
        """
        with open_pack(path) as pack:
            inventory = pack.inventory(progress)
        return ImportResult(inventory, self._judged(inventory))

    def import_pack(
        self,
        path: Path,
        name: str,
        release: str,
        *,
        display_name: str | None = None,
        description: str | None = None,
        language: str | None = None,
        groups: Iterable[str] | None = None,
        users: Iterable[str] | None = None,
        expires: str | None = None,
        logo: str | None = None,
        progress: Progress | None = None,
        dry_run: bool = False,
    ) -> ImportResult:
        """Judge a pack, seal it in the store, try its kernel, and put it up for review.

        A release that exists already with the same pack is left as it is, which
        brings its image to a machine that lacks it; what is given must then be
        what it has. With `dry_run` as `check` does, and names and texts are
        checked as well.

        Raises `policy-failed` (`PackDenied`, with all findings), `release-exists`,
        the refusals of `Pack.inventory` and `Store.add`, and `catalog-changed`.
        Then nothing is published, and an image that nothing else needs is gone.
        """
        proposal = partial(
            Proposal,
            name=name,
            release=release,
            display_name=display_name,
            description=description,
            language=language,
            groups=groups,
            users=users,
            expires=expires,
            logo=logo,
        )
        if dry_run:
            return self._rehearse(path, proposal(), progress)
        with self._recorder.attempt("release.import", name, release) as attempt:
            return self._import(attempt, path, proposal(), progress)

    def approve(self, name: str, release: str, reason: str = "", *, expires: str | None = None) -> Entry:
        """Allow a release to its groups and users, after comparing its image with its manifest in full.

        Raises `image-drifted` and `image-missing`, `policy-changed` when the verdict
        is about another policy than the site has now, and `state-forbids`.
        """
        step = steps.approval(self._site.policy, expires)
        return self._decide(State.APPROVED, name, release, reason, step)

    def reject(self, name: str, release: str, reason: str) -> Entry:
        """Turn down a release that waits for review; raise `reason-missing` without a reason."""
        return self._decide(State.REJECTED, name, release, reason, steps.ending(State.REJECTED))

    def deprecate(
        self,
        name: str,
        release: str,
        reason: str = "",
        *,
        successor: str | None = None,
        expires: str | None = None,
    ) -> Entry:
        """Keep a release usable, until `expires`, and tell its users to go on to `successor`."""
        step = steps.deprecation(successor, expires)
        return self._decide(State.DEPRECATED, name, release, reason, step)

    def revoke(
        self, name: str, release: str, reason: str, *, successor: str | None = None, grace: str | None = None
    ) -> Entry:
        """Withdraw a release from everybody, at once or after `grace`.

        `grace` is `36h`, `7d` or an instant, until which it starts with a warning.
        Raises `reason-missing` without a reason, `invalid-argument` for a grace that is none.
        """
        step = steps.revocation(successor, grace)
        about = {} if grace is None else {"grace": grace}
        return self._decide(State.REVOKED, name, release, reason, step, about)

    def archive(self, name: str, release: str, reason: str = "") -> Entry:
        """Put away a release that nobody uses any more; its record stays."""
        return self._decide(State.ARCHIVED, name, release, reason, steps.ending(State.ARCHIVED))

    def attest(self, name: str, release: str, image: Image, form: AttestedForm) -> Entry:
        """Let the catalog say that `form` is the release as one file, which nodes fetch and mount.

        Whoever calls has made it from `image` and compared the two byte by byte, as
        `Presence.attestable` does: from then on every node believes the signature. What was
        attested before is so no longer. Raises `state-forbids` for a release that nobody may
        start, and `image-drifted` when the image is not the approved one.
        """
        with self._recorder.attempt("release.attest", name, release) as attempt:
            attempt.about({}, form=form.digest, kind=form.kind, size=form.size)

            def change(catalog: Catalog) -> Entry:
                entry = catalog.require(name, release)
                attempt.about(digests_of(entry))
                imports.check_image(image, entry)
                if entry.state not in USABLE:
                    raise Conflict(
                        "state-forbids",
                        f"{entry.id} is {entry.state.words}, and no node mounts it.",
                        "Attest forms of releases that are approved.",
                    )
                return replace(entry, form=form)

            return self._settle(attempt, change)

    def renew(self) -> Catalog:
        """Sign the catalog again before its signatures run out; its entries stay as they are."""
        with self._recorder.attempt("catalog.renew") as attempt, self._recorder.turn():
            repository = self._repository()
            self._recorder.recover(repository)
            catalog = repository.renew()
            attempt.allowed(catalog.version, "The catalog is renewed")
            return catalog

    def _decide(
        self,
        state: State,
        name: str,
        release: str,
        reason: str,
        step: Step,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> Entry:
        with self._recorder.attempt(VERBS[state], name, release) as attempt:
            said = steps.stated(state, self._actor.name, reason, self._clock())
            attempt.about({}, reason=reason, **more)
            catalog = self._catalog()
            seen = catalog.require(name, release)
            attempt.about(digests_of(seen))
            step(catalog, seen, said)
            if state is State.APPROVED:
                self._prove(seen)

            def change(catalog: Catalog) -> Entry:
                entry = catalog.require(name, release)
                moved = step(catalog, entry, said)
                if entry != seen:
                    raise Conflict(
                        "release-changed",
                        f"{entry.id} was changed by {entry.changed.who} in the meantime.",
                        "Look at it again, then decide.",
                    )
                return moved

            return self._settle(attempt, change)

    def _prove(self, entry: Entry) -> None:
        """Compare every byte of the image with what the catalog says; raise `image-drifted`."""
        image = self._store.get(entry.pack)
        imports.check_image(image, entry)
        image.spec()
        findings = self._store.verify(image, "full")
        if findings:
            first = findings[0]
            more = f" and {len(findings) - 1} more paths" if len(findings) > 1 else ""
            raise Untrusted(
                "image-drifted",
                f"The image of {entry.id} in {image.path} is not what was sealed: "
                f"{first.path} ({first.problem}){more}.",
                "Find out who wrote to the store, remove the image and import the pack again.",
            )

    def _rehearse(self, path: Path, proposal: Proposal, progress: Progress | None) -> ImportResult:
        proposal.entry(self._said(), self._site.policy)
        with open_pack(path) as pack:
            inventory = pack.inventory(progress)
        existing = self._catalog().find(proposal.name, proposal.release)
        if existing is not None:
            proposal.check_same(existing, inventory.digest)
        return ImportResult(inventory, self._judged(inventory), existing, existing is None)

    def _import(
        self, attempt: Attempt, path: Path, proposal: Proposal, progress: Progress | None
    ) -> ImportResult:
        draft = proposal.entry(self._said(), self._site.policy)
        with open_pack(path) as pack:
            attempt.about({}, pack=path.name, size=pack.size, format=pack.format)
            inventory = pack.inventory(progress)
            attempt.about({"pack": inventory.digest, "spec": inventory.spec.digest()})
            existing = self._catalog().find(proposal.name, proposal.release)
            if existing is not None:
                proposal.check_same(existing, inventory.digest)
            decided = existing is not None and existing.state not in UNDECIDED
            verdict = Passed() if decided else self._passed(attempt, self._judged(inventory), path)
            with self._image(pack, progress, draft.name) as image:
                if not decided:
                    found = imports.tried(self._site.policy, self._smoke, image, inventory, verdict)
                    verdict = self._passed(attempt, found, path)
                language = proposal.language or imports.language_of(inventory)
                entry = imports.concluded(draft, image, verdict, language)
                attempt.about(digests_of(entry))
                settled = self._settle(attempt, lambda catalog: self._placed(catalog, proposal, image, entry))
        return ImportResult(inventory, verdict, settled, existing is None)

    def _placed(self, catalog: Catalog, proposal: Proposal, image: Image, entry: Entry) -> Entry:
        """Return what stands in the catalog after the import of `entry`."""
        self._store.get(image.pack)
        existing = catalog.find(entry.name, entry.release)
        if existing is None:
            return entry
        proposal.check_same(existing, image.pack)
        imports.check_image(image, existing)
        if existing.state in UNDECIDED and existing.verdict != entry.verdict:
            return replace(existing, verdict=entry.verdict, changed=entry.changed)
        return existing

    def _judged(self, inventory: Inventory) -> Verdict:
        return evaluate(inventory, self._site.policy, Host.here())

    def _passed(self, attempt: Attempt, verdict: Verdict, path: Path) -> Passed:
        """Return the verdict if it is yes; either way the event will name the rules."""
        for severity in ("error", "warning"):
            attempt.about({}, **{f"{severity}s": list(imports.rules_of(verdict.findings, severity))})
        return imports.passed(verdict, path.name)

    @contextmanager
    def _image(self, pack: Pack, progress: Progress | None, name: str) -> Iterator[Image]:
        """Yield the image of `pack`; one that was made for nothing goes again."""
        was_there = self._has(pack.inventory().digest)
        image = self._store.add(pack, progress, approved=imports.similar(self._catalog(), name))
        try:
            Presence(self._store).present(image)
            with leased(image):  # nobody collects it before the catalog names it
                yield image
        except BaseException:
            if not was_there:
                with contextlib.suppress(EnvGuardError):  # The failure in hand is the news.
                    self._discard(image)
            raise

    def _has(self, pack: str) -> bool:
        try:
            self._store.get(pack)
        except NotFound:
            return False
        return True

    def _discard(self, image: Image) -> None:
        with self._recorder.turn():
            wanted = {(entry.pack, entry.manifest) for entry in self._catalog().entries}
            if (image.pack, image.manifest_digest) not in wanted:
                self._store.remove(image.pack)

    def _settle(self, attempt: Attempt, change: Callable[[Catalog], Entry]) -> Entry:
        """Publish what `change` makes of the newest catalog and record it; look again once if it moved."""
        with self._recorder.turn():
            if self._site.keys is not None:
                self._recorder.recover(self._repository())
            try:
                return self._settle_once(attempt, change)
            except Conflict as error:
                if error.code != "catalog-changed":
                    raise
                return self._settle_once(attempt, change)

    def _settle_once(self, attempt: Attempt, change: Callable[[Catalog], Entry]) -> Entry:
        catalog = self._catalog()
        entry = change(catalog)
        version = catalog.version
        if catalog.find(entry.name, entry.release) != entry:
            others = [other for other in catalog.entries if other.id != entry.id]
            version = self._repository().publish((*others, entry), version).version
        attempt.allowed(version, f"{entry.id} is {entry.state} in version {version} of the catalog")
        return entry

    def _catalog(self) -> Catalog:
        """Return the newest catalog: where keys are, as its author; elsewhere as a node."""
        if self._site.keys is None:
            return Client(self._site.catalog, self._site.trust).load()
        return self._repository().load()

    def _repository(self) -> Repository:
        return Repository(self._site.catalog_folder(), self._site.require_keys())

    def _said(self) -> Statement:
        return steps.stated(State.IN_REVIEW, self._actor.name, "", self._clock())
